// InTurn: the trait of suites that work a server or a database hard.
//
// Used by suites whose tests wait for real sockets and processes. Swift Testing starts every test
// at once; on two cores a hundred databases and servers would then share a few threads, and
// deadlines would measure the crowd. Invariant: at most `Turns.places` tests of such suites run at
// a time, and a test's own waits begin with its turn.

import Synchronization
public import Testing

/// Runs each test of a suite when it is its turn among all such suites.
public struct InTurn: SuiteTrait, TestTrait, TestScoping {
  /// The suites within the suite too.
  public var isRecursive: Bool { true }

  /// Waits for a place before each test case.
  public func provideScope(
    for test: Test, testCase: Test.Case?,
    performing function: @concurrent @Sendable () async throws -> Void
  ) async throws {
    guard testCase != nil else { return try await function() }
    await Turns.take()
    let result: Result<Void, any Error>
    do { result = .success(try await function()) } catch { result = .failure(error) }
    Turns.giveBack()
    try result.get()
  }
}

extension Trait where Self == InTurn {
  /// Each test of the suite waits for its turn among all such suites.
  public static var inTurn: Self { Self() }
}

/// The places there are, and who waits for one, first come first served.
///
/// One: a test that blocks a thread, as raw sockets and `psql` do, must leave another free.
private enum Turns {
  static let places = 1

  private struct State: Sendable {
    var free = Turns.places
    var waiting: [CheckedContinuation<Void, Never>] = []
  }

  private static let state = Mutex(State())

  static func take() async {
    await withCheckedContinuation { continuation in
      let isFree = state.withLock { state in
        guard state.free > 0 else {
          state.waiting.append(continuation)
          return false
        }
        state.free -= 1
        return true
      }
      if isFree { continuation.resume() }
    }
  }

  static func giveBack() {
    let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
      guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
      state.free += 1
      return nil
    }
    next?.resume()
  }
}
