// UpstreamAddress: where a cloud's API is.
//
// Made from what a project's settings say, used by `UpstreamClient`. Invariant: scheme, host and
// port, and nothing that could carry a request elsewhere.

import Foundation

/// Why no client can be made for an upstream.
public enum UpstreamConfigurationError: Error, Hashable, Sendable {
  /// The address is not `http://host[:port]` or `https://host[:port]`.
  case badURL
  /// The cloud keeps its secrets in projects, and none is named.
  case noProject
  /// The cloud's signatures are for a region, and none that is well formed is named.
  case noRegion
  /// Nothing is named that shows the cloud who asks, or something the cloud does not take.
  case noCredential
}

/// An address without a path.
struct UpstreamAddress: Sendable {
  /// The address without a slash at its end.
  let text: String
  /// What the `Host` header of a request holds: the port is told unless it is the scheme's own.
  let host: String

  /// Reads an address; a slash may stand at its end.
  init(_ text: String) throws(UpstreamConfigurationError) {
    guard let url = URLComponents(string: text),
      url.scheme == "https" || url.scheme == "http", let host = url.percentEncodedHost,
      !host.isEmpty, url.user == nil, url.password == nil, url.query == nil, url.fragment == nil,
      url.path.isEmpty || url.path == "/"
    else { throw .badURL }
    self.text = text.hasSuffix("/") ? String(text.dropLast()) : text
    let portOfScheme = url.scheme == "https" ? 443 : 80
    self.host = url.port.flatMap { $0 == portOfScheme ? nil : "\(host):\($0)" } ?? host
  }
}
