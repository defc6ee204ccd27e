// OutputFile: where a command's data goes when it may be a file: standard output, or a file that
// appears whole or not at all.
//
// Used by `Export`. Invariant: until `finish` a regular file is what it was before, also when the
// program is interrupted; a device or a pipe is written to as it is.

import Foundation
import Glibc
import Synchronization

/// A place for data, opened for writing.
final class OutputFile: Sendable {
  private enum Place {
    case standardOutput
    /// A device or a pipe.
    case open(Int32)
    /// A file of another name, which takes the wanted one in the end.
    case partial(Int32, path: String)
  }

  /// The path as somebody gave it.
  private let path: String
  /// The path without links.
  private let target: String
  private let place: Place

  /// Opens the file at a path; `-` and nil are standard output.
  init(_ path: String?) throws(CommandError) {
    guard let path, path != "-" else {
      self.path = "standard output"
      target = ""
      place = .standardOutput
      return
    }
    self.path = path
    var status = stat()
    let isThere = unsafe stat(path, &status) == 0
    guard !isThere || status.st_mode & S_IFMT != S_IFDIR else {
      throw .file(path, reason: Self.reason(EISDIR))
    }
    if isThere, status.st_mode & S_IFMT != S_IFREG {
      target = path
      let descriptor = unsafe open(path, O_WRONLY | O_CLOEXEC)
      guard descriptor >= 0 else { throw .file(path, reason: Self.reason(errno)) }
      place = .open(descriptor)
      return
    }
    // Through a link to the file it means: the link stays.
    target = isThere ? URL(fileURLWithPath: path).resolvingSymlinksInPath().path : path
    let url = URL(fileURLWithPath: target)
    let name = ".\(url.lastPathComponent).\(getpid()).partial"
    let partial = url.deletingLastPathComponent().appendingPathComponent(name).path
    let descriptor = unsafe open(partial, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard descriptor >= 0 else { throw .file(path, reason: Self.reason(errno)) }
    if isThere { fchmod(descriptor, status.st_mode & 0o777) }
    place = .partial(descriptor, path: partial)
    Signals.onFirst { number in
      unsafe unlink(partial)
      _exit(128 + number)
    }
  }

  deinit {
    switch place {
    case .standardOutput: break
    case .open(let descriptor): close(descriptor)
    case .partial(let descriptor, let partial):
      close(descriptor)
      // There is none any more once it has its name.
      unsafe unlink(partial)
    }
  }

  /// Whether what is written is there at once.
  var isStandardOutput: Bool {
    guard case .standardOutput = place else { return false }
    return true
  }

  /// Writes all bytes.
  func write(_ bytes: [UInt8]) throws(CommandError) {
    let descriptor: Int32
    switch place {
    case .standardOutput:
      writeAll(bytes, to: STDOUT_FILENO)
      let trouble = standardOutputTrouble.load(ordering: .relaxed)
      guard trouble == 0 else { throw .file(path, reason: Self.reason(trouble)) }
      return
    case .open(let open), .partial(let open, _): descriptor = open
    }
    var offset = 0
    while offset < bytes.count {
      // The pointer is used for the bytes from `offset` on, which the array holds.
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Glibc.write(
          descriptor, buffer.baseAddress?.advanced(by: offset), bytes.count - offset)
      }
      if count > 0 {
        offset += count
      } else if errno != EINTR {
        throw .file(path, reason: Self.reason(errno))
      }
    }
  }

  /// Gives a file its name, once all of it is on disk.
  func finish() throws(CommandError) {
    guard case .partial(let descriptor, let partial) = place else { return }
    guard fsync(descriptor) == 0, unsafe rename(partial, target) == 0 else {
      throw .file(path, reason: Self.reason(errno))
    }
  }

  private static func reason(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
}
