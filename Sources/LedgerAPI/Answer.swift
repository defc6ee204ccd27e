// Answer: what an endpoint gives back, before the header fields every answer has are put on it.
//
// Made by the endpoints and the error tables; turned into an `HTTPResponse` by `API` alone.

import HTTPWire
import Ledger

/// What an endpoint gives back.
struct Answer: Sendable {
  /// The status.
  var status: Int
  /// The type of the content; nil without content.
  var contentType: String?
  /// The content.
  var content: [UInt8]
  /// The content where it is made while it is sent; nil where it is `content`.
  var stream: HTTPBodyStream?
  /// The size of the log the answer was read from; nil where none was read.
  var size: TreeSize?
  /// The target of the next page; nil on the last.
  var next: String?
  /// Header fields of this answer alone.
  var fields: [(name: String, value: String)] = []

  /// An answer with JSON.
  static func json(
    _ content: [UInt8], status: Int = 200, size: TreeSize?, next: String? = nil
  ) -> Answer {
    Answer(
      status: status, contentType: "application/json", content: content, size: size, next: next)
  }

  /// An answer that says no more than that all went well.
  static func noContent(size: TreeSize?) -> Answer {
    Answer(status: 204, contentType: nil, content: [], size: size)
  }
}
