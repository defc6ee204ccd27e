// TokenFile: the token a cloud's calls carry, read anew each time so that it can be renewed.
//
// Called before every request. Invariant: the token is never kept, and an error never holds it.

import Foundation
import LedgerServices

/// A file that holds one token.
struct TokenFile: Sendable {
  /// The longest token a cloud gives out.
  ///
  /// Source: the definition of `X-Auth-Token`.
  static let bytesMax = 2_097_152

  let path: String

  /// The token: the file's text without white space at its end.
  func read() throws(CloudError) -> String {
    let data: Data?
    do {
      let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
      data = try file.read(upToCount: Self.bytesMax + 2)
    } catch {
      throw .forbidden("the token file cannot be read")
    }
    var bytes = Array(data ?? Data())
    while let last = bytes.last, last == 0x0A || last == 0x0D || last == 0x20 { bytes.removeLast() }
    guard !bytes.isEmpty else { throw .forbidden("the token file is empty") }
    guard bytes.count <= Self.bytesMax, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw .forbidden("the token file holds no token")
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
