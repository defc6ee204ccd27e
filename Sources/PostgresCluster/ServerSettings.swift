// The settings of the private server: durable, small, quiet, closed to the network.
//
// Used by `ServerKeeper`. Invariant: they are given on the command line, so that neither an edited
// postgresql.conf nor ALTER SYSTEM makes the server forget commits or listen on the network.

/// The settings the private server is started with.
enum ServerSettings {
  /// The number that names the socket file; nothing listens on TCP.
  static let port = 5432

  /// Our settings, before the caller's own.
  static let standard: [String: String] = [
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "listen_addresses": "",
    "port": String(port),
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_line_prefix": "%m [%p] ",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "lc_messages": "C",
    "log_checkpoints": "off",
    // Statements and parameters hold names of secrets: they stay out of the log.
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "log_min_duration_statement": "-1",
  ]

  /// The server's arguments; `extra` overrides the standard, `socketDirectory` overrides both.
  static func arguments(
    dataDirectory: String, socketDirectory: String, extra: [String: String]
  ) -> [String] {
    var settings = standard.merging(extra) { _, theirs in theirs }
    settings["unix_socket_directories"] = socketDirectory
    settings["port"] = String(port)
    let options = settings.sorted { $0.key < $1.key }
    return ["-D", dataDirectory] + options.flatMap { ["-c", "\($0.key)=\($0.value)"] }
  }
}
