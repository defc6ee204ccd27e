// Log: one line per event of the running program, on standard error.
//
// Called by `Serve`, `Wiring` and what watches the database. JSON objects when standard error is no
// terminal, plain words when it is. Invariant: one event is one line, whatever text is in it.

import CanonicalJSON
import Foundation
import Glibc
import Ledger
import LedgerServices
import Synchronization

/// Where the program says what happens.
struct Log: Sendable {
  /// How grave it is, the least first.
  enum Level: String, CaseIterable, Comparable, Sendable {
    case info
    case warning
    case error

    /// Whether `left` is less grave.
    static func < (left: Level, right: Level) -> Bool {
      allCases.firstIndex(of: left) ?? 0 < allCases.firstIndex(of: right) ?? 0
    }
  }

  /// The form of a line.
  enum Form: Sendable {
    /// A JSON object.
    case json
    /// Words for a person.
    case plain
  }

  /// The form of its lines.
  let form: Form
  /// What is less grave is left out.
  let least: Level
  private let now: @Sendable () -> Instant
  private let write: @Sendable (String) -> Void

  /// A log on standard error, written by a thread of its own.
  static func standardError(
    from least: Level, now: @escaping @Sendable () -> Instant
  ) -> (log: Log, sink: LogSink) {
    let sink = LogSink()
    let form = isatty(STDERR_FILENO) == 1 ? Form.plain : .json
    return (Log(form: form, from: least, now: now) { sink.add($0) }, sink)
  }

  /// A log whose lines `write` takes.
  init(
    form: Form, from least: Level, now: @escaping @Sendable () -> Instant,
    write: @escaping @Sendable (String) -> Void
  ) {
    self.form = form
    self.least = least
    self.now = now
    self.write = write
  }

  /// Writes one line; `fields` follow `ts`, `level` and `msg` in the order given.
  func callAsFunction(_ level: Level, _ message: String, _ fields: [(String, JSONValue)] = []) {
    guard level >= least else { return }
    switch form {
    case .json:
      var text = "{\"ts\":\(json(.string(now().rfc3339))),\"level\":\"\(level.rawValue)\""
      text += ",\"msg\":\(json(.string(message)))"
      for (name, value) in fields { text += ",\(json(.string(name))):\(json(value))" }
      write(text + "}\n")
    case .plain:
      var text = "\(now().rfc3339) \(level.rawValue): \(visible(message))"
      for (name, value) in fields {
        text += " \(name)=\(value.stringValue.map(visible) ?? value.description)"
      }
      write(text + "\n")
    }
  }

  private func json(_ value: JSONValue) -> String {
    guard case .string(let text) = value else { return value.description }
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F && $0 != 0x22 && $0 != 0x5C }) {
      return "\"\(text)\""
    }
    // JSON leaves DEL, the C1 controls and what turns the writing direction as they are.
    return visible(JSONValue.string(text).description)
  }
}

/// Lines on their way to standard error.
///
/// Whoever logs must not wait for a slow reader, so a thread of its own writes; past `bytesMax`
/// lines are dropped and their number is told. The thread gathers lines for `gatherTime` before it
/// writes them: to wake it for each line would cost more than the request the line is about.
final class LogSink: Sendable {
  private static let bytesMax = 4 << 20
  private static let gatherTime: TimeInterval = 0.02

  private struct Waiting: Sendable {
    var bytes: [UInt8] = []
    var dropped = 0
    var isWriting = false
  }

  private let waiting = Mutex(Waiting())
  private let signal = NSCondition()

  init() {
    Thread.detachNewThread { [self] in
      while true { writeNext() }
    }
  }

  /// Takes one line with its line feed.
  func add(_ line: String) {
    let isFirst = waiting.withLock { waiting in
      guard waiting.bytes.count < Self.bytesMax else {
        waiting.dropped += 1
        return false
      }
      defer { waiting.bytes.append(contentsOf: line.utf8) }
      return waiting.bytes.isEmpty
    }
    guard isFirst else { return }
    signal.lock()
    signal.broadcast()
    signal.unlock()
  }

  /// Waits until everything is written, at most two seconds.
  func flush() {
    let end = Date(timeIntervalSinceNow: 2)
    signal.lock()
    defer { signal.unlock() }
    while !isIdle, signal.wait(until: end) {}
  }

  private var isIdle: Bool { waiting.withLock { $0.bytes.isEmpty && !$0.isWriting } }

  private func writeNext() {
    signal.lock()
    while waiting.withLock({ $0.bytes.isEmpty }) { signal.wait() }
    signal.unlock()
    Thread.sleep(forTimeInterval: Self.gatherTime)
    let taken = waiting.withLock { waiting -> Waiting in
      defer { waiting = Waiting(bytes: [], dropped: 0, isWriting: true) }
      return waiting
    }
    writeAll(taken.bytes, to: STDERR_FILENO)
    if taken.dropped > 0 {
      writeAll(Array("{\"msg\":\"\(taken.dropped) lines dropped\"}\n".utf8), to: STDERR_FILENO)
    }
    waiting.withLock { $0.isWriting = false }
    signal.lock()
    signal.broadcast()
    signal.unlock()
  }
}

/// The text with everything that would move the cursor or turn the writing direction spelled out.
func visible(_ text: String) -> String { Markup.visible(text) }

/// The number of the error that standard output ended with; 0 while it takes what it is given.
let standardOutputTrouble = Atomic<Int32>(0)

/// Writes all bytes to the descriptor, as far as it takes them.
///
/// When the reader of a pipe has gone, the program ends as every program does then; what else
/// becomes of standard output is kept in `standardOutputTrouble`.
func writeAll(_ bytes: [UInt8], to descriptor: Int32) {
  var offset = 0
  while offset < bytes.count {
    // The pointer is used for the bytes from `offset` on, which the array holds.
    let count = unsafe bytes.withUnsafeBytes { buffer in
      unsafe Glibc.write(descriptor, buffer.baseAddress?.advanced(by: offset), bytes.count - offset)
    }
    if count > 0 {
      offset += count
    } else if errno == EPIPE, descriptor == STDOUT_FILENO {
      endByBrokenPipe()
    } else if errno == EAGAIN {
      var wait = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      unsafe poll(&wait, 1, 1_000)
    } else if errno != EINTR {
      if descriptor == STDOUT_FILENO {
        standardOutputTrouble.store(errno, ordering: .relaxed)
      }
      return
    }
  }
}
