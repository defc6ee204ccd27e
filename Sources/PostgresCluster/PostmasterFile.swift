// The server's own `postmaster.pid`: who runs, where its socket is, and whether it is ready.
//
// Read by `ServerKeeper`. Invariant: a file cut short while the server writes it reads as nil or
// as not ready, never as ready.

/// What a running server writes about itself into its data folder.
struct PostmasterFile: Hashable, Sendable {
  /// The server's process number.
  let processID: Int32
  /// The number that names the socket file.
  let port: Int
  /// The folder of its Unix socket.
  let socketDirectory: String
  /// Whether it takes connections.
  let isReady: Bool

  /// Reads the text of a `postmaster.pid`; nil when it is not complete.
  ///
  /// Lines: process number, data folder, start time, port, socket folder, listen address, shared
  /// memory key, state (padded with blanks).
  init?(_ text: String) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.count >= 5, let processID = Int32(lines[0]), processID > 0,
      let port = Int(lines[3])
    else { return nil }
    self.processID = processID
    self.port = port
    self.socketDirectory = String(lines[4])
    let state = lines.count >= 8 ? lines[7].prefix { $0 != " " } : ""
    self.isReady = state == "ready"
  }
}
