// ServiceManager: tells systemd how the service is, where systemd asks to be told.
//
// Called by `Serve`. Without NOTIFY_SOCKET in the environment nothing happens. Source:
// sd_notify(3).

import Foundation
import Glibc

/// The manager that started the service.
struct ServiceManager: Sendable {
  private let socketPath: String?

  /// The manager the environment names.
  init(environment: [String: String]) {
    socketPath = environment["NOTIFY_SOCKET"]
  }

  /// The service takes requests.
  func tellReady() { tell("READY=1") }

  /// The service finishes what runs and ends.
  func tellStopping() { tell("STOPPING=1") }

  private func tell(_ state: String) {
    guard let socketPath, !socketPath.isEmpty else { return }
    let descriptor = socket(
      AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    // A leading "@" stands for the zero byte of an abstract name.
    var path = Array(socketPath.utf8)
    if path.first == UInt8(ascii: "@") { path[0] = 0 }
    let fits = unsafe withUnsafeMutableBytes(of: &address.sun_path) { field in
      guard path.count < field.count else { return false }
      unsafe field.copyBytes(from: path)
      return true
    }
    guard fits else { return }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + path.count)
    let message = Array(state.utf8)
    unsafe withUnsafePointer(to: &address) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        _ = unsafe message.withUnsafeBytes { bytes in
          unsafe sendto(descriptor, bytes.baseAddress, bytes.count, 0, address, length)
        }
      }
    }
  }
}
