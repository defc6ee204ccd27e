// ChangeLine: one change of a secret at a time in this instance, the others in a bounded line.
//
// Called by `Changes` around everything it does for one change. That other instances keep to one at
// a time as well is the record's doing. Invariant: who has entered is the only one for his secret
// until he leaves.

import Ledger
import Synchronization

/// The lines of all secrets that are being changed.
final class ChangeLine: Sendable {
  /// A secret of a project.
  struct Key: Hashable, Sendable {
    var project: ProjectID
    var secret: SecretName
  }

  private struct Line: Sendable {
    var isTaken = false
    var waiting = 0
  }

  private let waitingMax: Int
  private let lines = Mutex<[Key: Line]>([:])

  /// A line of at most `waitingMax` for each secret.
  init(waitingMax: Int) { self.waitingMax = waitingMax }

  /// Waits until nobody else changes the secret, looking again after each `pause`, `tries` times at
  /// most; false when that does not come, or too many wait already.
  func enter(_ key: Key, tries: Int, pause: () async -> Void) async -> Bool {
    if take(key) { return true }
    let hasPlace = lines.withLock { lines in
      guard lines[key]?.waiting ?? 0 < waitingMax else { return false }
      lines[key, default: Line()].waiting += 1
      return true
    }
    guard hasPlace else { return false }
    defer { update(key) { $0.waiting -= 1 } }
    for _ in 0..<tries {
      await pause()
      if take(key) { return true }
      if Task.isCancelled { return false }
    }
    return false
  }

  /// Lets the next one in.
  func leave(_ key: Key) { update(key) { $0.isTaken = false } }

  private func take(_ key: Key) -> Bool {
    lines.withLock { lines in
      guard lines[key]?.isTaken != true else { return false }
      lines[key, default: Line()].isTaken = true
      return true
    }
  }

  private func update(_ key: Key, _ body: (inout Line) -> Void) {
    lines.withLock { lines in
      var line = lines[key] ?? Line()
      body(&line)
      lines[key] = line.isTaken || line.waiting > 0 ? line : nil
    }
  }
}
