// The kernel side of a loop: one epoll descriptor and the eventfd that wakes it.
//
// Called by: `EventLoop` alone. Calls: epoll_create1, epoll_ctl, epoll_wait, eventfd.
// Invariant: each registration carries the generation of its watch, so an event that was read
// before a descriptor was closed and its number given to another never reaches the other.

import CLinux
import Glibc

/// What one epoll event says.
struct PollEvent {
  let descriptor: Int32
  let generation: UInt32
  let readiness: Readiness
}

/// An epoll descriptor and the place its events are read into.
///
/// Safe although `epoll_event` holds a union: its number is the only member written or read.
@safe
final class Poller {
  static let eventsPerTurnMax = 256

  let wakeDescriptor: Int32
  private let epoll: Int32
  private var events = unsafe [epoll_event](
    repeating: epoll_event(), count: Poller.eventsPerTurnMax)

  init() throws(SystemError) {
    epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    guard epoll >= 0 else { throw SystemError("epoll_create1") }
    wakeDescriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    guard wakeDescriptor >= 0 else {
      let error = SystemError("eventfd")
      Glibc.close(epoll)
      throw error
    }
    guard add(wakeDescriptor, interest: .readable, generation: 0) else {
      let error = SystemError("epoll_ctl")
      close()
      throw error
    }
  }

  func close() {
    Glibc.close(wakeDescriptor)
    Glibc.close(epoll)
  }

  /// Ends the current or the next wait; safe from any thread.
  func wake() {
    var one: UInt64 = 1
    _ = unsafe withUnsafeBytes(of: &one) { bytes in
      unsafe write(wakeDescriptor, bytes.baseAddress, bytes.count)
    }
  }

  func clearWake() {
    var count: UInt64 = 0
    _ = unsafe withUnsafeMutableBytes(of: &count) { bytes in
      unsafe read(wakeDescriptor, bytes.baseAddress, bytes.count)
    }
  }

  /// Waits for events and returns how many `event(at:)` can give; a signal counts as none.
  func wait(milliseconds: Int32) -> Int {
    let count = unsafe events.withUnsafeMutableBufferPointer { buffer in
      unsafe epoll_wait(epoll, buffer.baseAddress, Int32(buffer.count), milliseconds)
    }
    return max(0, Int(count))
  }

  func event(at index: Int) -> PollEvent {
    let data = unsafe events[index].data.u64
    return unsafe PollEvent(
      descriptor: Int32(truncatingIfNeeded: data), generation: UInt32(data >> 32),
      readiness: Readiness(epoll: events[index].events))
  }

  func add(_ descriptor: Int32, interest: Interest, generation: UInt32) -> Bool {
    control(EPOLL_CTL_ADD, descriptor, interest, generation)
  }

  @discardableResult
  func modify(_ descriptor: Int32, interest: Interest, generation: UInt32) -> Bool {
    control(EPOLL_CTL_MOD, descriptor, interest, generation)
  }

  @discardableResult
  func remove(_ descriptor: Int32) -> Bool {
    control(EPOLL_CTL_DEL, descriptor, [], 0)
  }

  private func control(
    _ operation: Int32, _ descriptor: Int32, _ interest: Interest, _ generation: UInt32
  ) -> Bool {
    var event = unsafe epoll_event()
    unsafe event.events = interest.epoll
    unsafe event.data.u64 = UInt64(generation) << 32 | UInt64(UInt32(bitPattern: descriptor))
    return unsafe epoll_ctl(epoll, operation, descriptor, &event) == 0
  }
}
