// CredentialFile: the token or secret key a cloud's calls are made with.
//
// Read before every request, so that it can be renewed. Calls fstat. Invariant: what it holds is
// never kept, an error never holds it, and a secret key is taken only from a file that nobody but
// its owner can read.

import Foundation
import Glibc
import LedgerServices

/// A file that holds a token or a secret key.
struct CredentialFile: Sendable {
  /// What a file holds.
  enum Kind: String, Sendable {
    /// What is sent to the cloud as it is.
    case token
    /// What signs.
    case secretKey = "secret key"

    /// The longest there is.
    ///
    /// Source: the definition of `X-Auth-Token`; keys have 30 to 64.
    fileprivate var bytesMax: Int {
      switch self {
      case .token: 2_097_152
      case .secretKey: 256
      }
    }
  }

  let kind: Kind
  let path: String

  /// The file's text without white space at its end.
  func read() throws(CloudError) -> String {
    guard let file = FileHandle(forReadingAtPath: path) else {
      throw .forbidden("the \(kind.rawValue) file cannot be read")
    }
    defer { try? file.close() }
    switch kind {
    case .token: break
    case .secretKey: try requirePrivate(file)
    }
    var bytes: [UInt8]
    do { bytes = Array(try file.read(upToCount: kind.bytesMax + 2) ?? Data()) } catch {
      throw .forbidden("the \(kind.rawValue) file cannot be read")
    }
    while let last = bytes.last, last == 0x0A || last == 0x0D || last == 0x20 { bytes.removeLast() }
    guard !bytes.isEmpty else { throw .forbidden("the \(kind.rawValue) file is empty") }
    guard bytes.count <= kind.bytesMax, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
      throw .forbidden("the \(kind.rawValue) file holds no \(kind.rawValue)")
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func requirePrivate(_ file: FileHandle) throws(CloudError) {
    var status = stat()
    guard unsafe fstat(file.fileDescriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw .forbidden("the \(kind.rawValue) file is no file")
    }
    guard status.st_mode & 0o077 == 0 else {
      throw .forbidden("the \(kind.rawValue) file can be read by others; `chmod 600` it")
    }
  }
}
