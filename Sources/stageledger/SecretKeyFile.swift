// SecretKeyFile: the key that the secret keys of credentials are sealed with.
//
// Read by `DatabaseSource`. Calls open, fstat, link. Invariant: a key is taken only from a file
// that nobody but its owner can read, and one made here is whole and on disk before its name is.

import Crypto
import Foundation
import Glibc
import LedgerServices

/// Where the sealing key comes from.
enum SecretKeyFile {
  /// The name of the key in a private database's folder.
  static let name = "secret-key"

  /// The keys the settings name, or the one of a private database's folder; nil when there are
  /// none.
  static func keyring(
    _ configuration: Configuration, privateFolder: String?
  ) throws(CommandError) -> SecretKeyring? {
    let key: [UInt8]
    if let path = configuration[.secretKeyFile] {
      key = try read(path)
    } else if let text = configuration[.secretKey] {
      key = try parse(text, from: Setting.secretKey.rawValue)
    } else if let privateFolder {
      key = try made(in: privateFolder)
    } else {
      return nil
    }
    let previous = try configuration[.previousSecretKeyFile].map { path throws(CommandError) in
      try read(path)
    }
    return SecretKeyring(key: key, previous: previous)
  }

  private static func parse(_ text: String, from place: String) throws(CommandError) -> [UInt8] {
    let text = text.trimmingCharacters(in: .whitespacesAndNewlines)
    guard let key = Base64.decode(text), key.count == AES256GCM.keyByteCount else {
      throw .file(place, reason: "holds no key of 32 bytes in base 64")
    }
    return key
  }

  private static func read(_ path: String) throws(CommandError) -> [UInt8] {
    guard let file = FileHandle(forReadingAtPath: path) else {
      throw .file(path, reason: "cannot be read")
    }
    defer { try? file.close() }
    var status = stat()
    guard unsafe fstat(file.fileDescriptor, &status) == 0,
      status.st_mode & S_IFMT == S_IFREG
    else { throw .file(path, reason: "is no file") }
    guard status.st_mode & 0o077 == 0 else {
      throw .file(path, reason: "can be read by others; `chmod 600` it")
    }
    guard let data = try? file.read(upToCount: 1_024) else {
      throw .file(path, reason: "cannot be read")
    }
    return try parse(String(decoding: data, as: UTF8.self), from: path)
  }

  /// The key in the folder, made when it is missing; whoever comes second gets the first one's.
  private static func made(in folder: String) throws(CommandError) -> [UInt8] {
    let path = "\(folder)/\(name)"
    guard !FileManager.default.fileExists(atPath: path) else { return try read(path) }
    let draft = "\(path).\(Hex.encode(SecureRandom.bytes(8)))"
    let descriptor = unsafe open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .file(path, reason: "cannot be made") }
    let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    defer { unsafe unlink(draft) }
    do {
      let key = SecureRandom.bytes(AES256GCM.keyByteCount)
      try file.write(contentsOf: Data("\(Base64.encode(key))\n".utf8))
      try file.synchronize()
      try file.close()
    } catch {
      throw .file(path, reason: "cannot be written")
    }
    guard unsafe link(draft, path) == 0 || errno == EEXIST else {
      throw .file(path, reason: "cannot be made")
    }
    return try read(path)
  }
}
