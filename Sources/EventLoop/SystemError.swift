// What a system call answers when it fails.
//
// Called by: everything that makes system calls. Calls: strerror, which glibc keeps per thread.
// Invariant: the code is read before anything else can change it.

import Glibc

/// A system call that failed, with its error number.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The name of the call, such as `bind`.
  public let call: String
  /// The error number, such as `EADDRINUSE`.
  public let code: Int32

  /// Takes the error number of the calling thread's last failed call.
  public init(_ call: String) {
    let code = errno
    self.call = call
    self.code = code
  }

  /// Names a call and an error number.
  public init(_ call: String, code: Int32) {
    self.call = call
    self.code = code
  }

  /// The call and the system's own words, such as `bind: Address already in use`.
  public var description: String {
    guard let text = unsafe strerror(code) else { return "\(call): error \(code)" }
    return unsafe "\(call): \(String(cString: text))"
  }
}
