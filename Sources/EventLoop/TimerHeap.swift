// The pending timers of a loop, earliest first.
//
// Called by: `EventLoop`. Calls: nothing.
// Invariant: each timer knows its own place, so cancelling costs log n and leaves nothing behind.

/// An action that waits for its deadline; used on its loop only.
public final class LoopTimer {
  /// When the action is due.
  public let deadline: ContinuousClock.Instant

  fileprivate var index: Int?
  fileprivate var sequence: UInt64 = 0
  private var action: (() -> Void)?
  private let loop: EventLoop

  init(loop: EventLoop, deadline: ContinuousClock.Instant, action: @escaping () -> Void) {
    self.loop = loop
    self.deadline = deadline
    self.action = action
  }

  /// Forgets the action; does nothing once it has run.
  public func cancel() {
    guard action != nil else { return }
    action = nil
    loop.remove(self)
  }

  func fire() {
    guard let action else { return }
    self.action = nil
    action()
  }

  fileprivate func isBefore(_ other: LoopTimer) -> Bool {
    deadline == other.deadline ? sequence < other.sequence : deadline < other.deadline
  }
}

/// A binary heap of timers, by deadline and then by the order of making.
struct TimerHeap {
  private var timers: [LoopTimer] = []
  private var made: UInt64 = 0

  var nextDeadline: ContinuousClock.Instant? { timers.first?.deadline }
  var count: Int { timers.count }

  mutating func insert(_ timer: LoopTimer) {
    made &+= 1
    timer.sequence = made
    timers.append(timer)
    timer.index = timers.count - 1
    siftUp(from: timers.count - 1)
  }

  mutating func remove(_ timer: LoopTimer) {
    guard let index = timer.index else { return }
    timer.index = nil
    let last = timers.removeLast()
    guard index < timers.count else { return }
    timers[index] = last
    last.index = index
    siftUp(from: index)
    siftDown(from: index)
  }

  /// Takes out every timer due at `instant`, in order; those made while they run wait a turn.
  mutating func popDue(at instant: ContinuousClock.Instant) -> [LoopTimer] {
    var due: [LoopTimer] = []
    while let first = timers.first, first.deadline <= instant {
      remove(first)
      due.append(first)
    }
    return due
  }

  private mutating func siftUp(from start: Int) {
    var child = start
    while child > 0 {
      let parent = (child - 1) / 2
      guard timers[child].isBefore(timers[parent]) else { return }
      exchange(child, parent)
      child = parent
    }
  }

  private mutating func siftDown(from start: Int) {
    var parent = start
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < timers.count {
        if timers[child].isBefore(timers[least]) { least = child }
      }
      guard least != parent else { return }
      exchange(parent, least)
      parent = least
    }
  }

  private mutating func exchange(_ first: Int, _ second: Int) {
    timers.swapAt(first, second)
    timers[first].index = first
    timers[second].index = second
  }
}
