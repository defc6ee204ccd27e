// Why a message is not served, as data and as a sentence.
//
// Called by: the parser, the decoders of targets, the server, the error pages of the surfaces.
// Calls: nothing.
// Invariant: the status, the sentence and whether the connection ends follow from the reason.

/// A message, or a part of one, that breaks a rule of this server.
public struct HTTPRefusal: Error, Hashable, Sendable {
  /// The rule that was broken, with its limit where it has one.
  public enum Reason: Hashable, Sendable {
    /// The first line is not a method, a target and a version with one space between each.
    case malformedRequestLine
    /// The version is not HTTP/1.0 or HTTP/1.1.
    case unsupportedVersion
    /// The connection begins with the preface of HTTP/2.
    case http2Preface
    /// The target is not a path or an absolute address, or has a byte it may not have.
    case invalidTarget
    /// The target is longer than the limit.
    case targetTooLong(limitBytes: Int)
    /// The request line and the fields together are longer than the limit.
    case headTooLarge(limitBytes: Int)
    /// There are more fields than the limit.
    case tooManyFields(limit: Int)
    /// A line ends with something other than CR LF.
    case invalidLineEnd
    /// The head holds a control byte.
    case controlByte
    /// A field is not a token, a colon and a value.
    case malformedField
    /// A field goes on in a second line.
    case foldedField
    /// There is no Host.
    case missingHost
    /// There is more than one Host.
    case duplicateHost
    /// The Host is empty or not a name or address with an optional port.
    case invalidHost
    /// The Content-Length is not one number that fits.
    case invalidContentLength
    /// There are both Content-Length and Transfer-Encoding.
    case conflictingFraming
    /// The Transfer-Encoding is repeated, a list, or used with HTTP/1.0.
    case invalidTransferEncoding
    /// The Transfer-Encoding is not `chunked`.
    case unsupportedTransferEncoding
    /// A chunk is not its size, its bytes and the line ends around them.
    case invalidChunk
    /// The fields after the last chunk are longer than the limit.
    case trailerTooLarge(limitBytes: Int)
    /// The body is longer than the limit.
    case bodyTooLarge(limitBytes: Int)
    /// The Expect field asks for something other than `100-continue`.
    case unknownExpectation
    /// A segment of the path is empty, a dot segment, or holds what may not stand in one.
    case invalidPathSegment
    /// A segment of the path is longer than the limit.
    case pathSegmentTooLong(limitBytes: Int)
    /// A query or form is not well encoded.
    case invalidForm
    /// The head did not arrive in time.
    case headTimedOut(limit: Duration)
    /// The body did not arrive in time.
    case bodyTimedOut(limit: Duration)
    /// The server holds as many connections as it may.
    case tooManyConnections(limit: Int)
  }

  /// The rule that was broken.
  public let reason: Reason

  /// Refuses for a reason.
  public init(_ reason: Reason) { self.reason = reason }

  /// The status of the answer.
  public var status: Int {
    switch reason {
    case .malformedRequestLine, .http2Preface, .invalidTarget, .invalidLineEnd, .controlByte,
      .malformedField, .foldedField, .missingHost, .duplicateHost, .invalidHost,
      .invalidContentLength, .conflictingFraming, .invalidTransferEncoding, .invalidChunk,
      .invalidPathSegment, .invalidForm:
      400
    case .headTimedOut, .bodyTimedOut: 408
    case .bodyTooLarge: 413
    case .targetTooLong, .pathSegmentTooLong: 414
    case .unknownExpectation: 417
    case .headTooLarge, .tooManyFields, .trailerTooLarge: 431
    case .unsupportedTransferEncoding: 501
    case .tooManyConnections: 503
    case .unsupportedVersion: 505
    }
  }

  /// Whether the connection ends, because where the next message begins is not known.
  public var closes: Bool {
    switch reason {
    case .unknownExpectation, .invalidPathSegment, .pathSegmentTooLong, .invalidForm: false
    case .malformedRequestLine, .unsupportedVersion, .http2Preface, .invalidTarget,
      .targetTooLong, .headTooLarge, .tooManyFields, .invalidLineEnd, .controlByte,
      .malformedField, .foldedField, .missingHost, .duplicateHost, .invalidHost,
      .invalidContentLength, .conflictingFraming, .invalidTransferEncoding,
      .unsupportedTransferEncoding, .invalidChunk, .trailerTooLarge, .bodyTooLarge,
      .headTimedOut, .bodyTimedOut, .tooManyConnections:
      true
    }
  }

  /// A sentence for people, with the limit where there is one.
  public var message: String {
    switch reason {
    case .malformedRequestLine:
      "The request line must be a method, a target and HTTP/1.1, with one space between each."
    case .unsupportedVersion: "The server speaks HTTP/1.1 and HTTP/1.0."
    case .http2Preface: "The server speaks HTTP/1.1, not HTTP/2."
    case .invalidTarget:
      "The target must be a path or an absolute http address in visible ASCII, without # and \\."
    case .targetTooLong(let limit): "The target is longer than \(limit) bytes."
    case .headTooLarge(let limit): "The head is longer than \(limit) bytes."
    case .tooManyFields(let limit): "There are more than \(limit) header fields."
    case .invalidLineEnd: "Each line must end with CR LF."
    case .controlByte: "The head holds a control byte."
    case .malformedField: "A header field must be a name, a colon directly after it and a value."
    case .foldedField: "A header field must be on one line."
    case .missingHost: "The Host field is missing."
    case .duplicateHost: "There is more than one Host field."
    case .invalidHost: "The Host field must be a name or an address with an optional port."
    case .invalidContentLength: "The Content-Length must be one number."
    case .conflictingFraming: "Content-Length and Transfer-Encoding exclude each other."
    case .invalidTransferEncoding: "The Transfer-Encoding must be chunked, once, in HTTP/1.1."
    case .unsupportedTransferEncoding: "The only Transfer-Encoding served is chunked."
    case .invalidChunk: "The chunked body is malformed."
    case .trailerTooLarge(let limit): "The trailer is longer than \(limit) bytes."
    case .bodyTooLarge(let limit): "The body is longer than \(limit) bytes."
    case .unknownExpectation: "The only expectation met is 100-continue."
    case .invalidPathSegment:
      "A path segment must not be empty, a dot segment, or hold an encoded slash or control."
    case .pathSegmentTooLong(let limit): "A path segment is longer than \(limit) bytes."
    case .invalidForm: "The query or form must be percent-encoded UTF-8."
    case .headTimedOut(let limit): "The head did not arrive within \(limit)."
    case .bodyTimedOut(let limit): "The body did not arrive within \(limit)."
    case .tooManyConnections(let limit): "The server holds \(limit) connections already."
    }
  }
}
