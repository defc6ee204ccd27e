// Export: the log, or a part of it, in a form that other tools read.
//
// Called by `Main`; calls `LedgerClient` page by page, `ExportText` and `OutputFile`. Invariant:
// exit status 0 means that every event asked for was written, once and in order: positions are
// checked one by one against those there must be.

import CanonicalJSON
import Ledger
import LedgerAPI
import Synchronization

/// The command `export`.
enum Export {
  private static let pageSize = 1_000

  /// Asks for the log and writes it.
  static func run(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let format = try format(context)
    let range = try Range(context)
    let question = try Question(context)
    let file = try OutputFile(context.invocation.operands["FILE"])
    let progress = ExportProgress(after: range.after ?? -1)
    let result: Result<Void, CommandError> = await context.console.showingProgress(progress.text) {
      do throws(CommandError) {
        try await copy(range, of: question, as: format, to: file, progress)
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    if case .failure = result, file.isStandardOutput, progress.count > 0 {
      context.console.say(
        "what was printed ends with position \(progress.last): --after \(progress.last) goes on")
    }
    try result.get()
    try file.finish()
    context.console.say("exported \(progress.count) events")
    return .fine
  }

  /// The part of the log that is wanted.
  private struct Range {
    /// The position before the first one; nil: from the start.
    var after: Int64?
    /// The latest recorded time; nil: any.
    var moment: Instant?
    /// The position of the last one; nil: the newest event at the start of the export.
    var position: Int64?

    init(_ context: CommandContext) throws(CommandError) {
      after = nil
      if let text = context.option("after") {
        guard let number = Self.position(text) ?? Self.position("pos:" + text) else {
          throw .usage(.badValue(of: "--after", given: text, expected: "a position such as 41"))
        }
        after = number
      }
      guard let text = context.option("until") else { return }
      position = Self.position(text)
      guard position == nil else { return }
      do throws(UsageError) {
        let moment = try MomentText(text, option: "until", now: systemNow())
        if let understood = moment.understood { context.console.say(understood) }
        self.moment = moment.instant
      } catch {
        throw .usage(error)
      }
    }

    /// The position in `pos:41`; nil for any other text.
    private static func position(_ text: String) -> Int64? {
      let digits = text.utf8.dropFirst(4)
      guard text.hasPrefix("pos:"), digits.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
      return Int64(text.dropFirst(4)).flatMap { $0 < wholeNumberMax ? $0 : nil }
    }
  }

  private static func format(_ context: CommandContext) throws(CommandError) -> ExportFormat {
    guard let text = context.option("format") else { return .jsonl }
    guard let format = ExportFormat(rawValue: text) else {
      let names = ExportFormat.allCases.map(\.rawValue).joined(separator: ", ")
      throw .usage(.badValue(of: "--format", given: text, expected: names))
    }
    return format
  }

  /// Writes the events of the range, up to the newest there was when it began.
  private static func copy(
    _ range: Range, of question: Question, as format: ExportFormat, to file: OutputFile,
    _ progress: ExportProgress
  ) async throws(CommandError) {
    var text = ExportText(format)
    // A file of CSV has its line of names also without an event.
    try file.write(text.bytes(of: []))
    var end: Int64?
    repeat {
      let page: LogPage
      do {
        page = try await question.client.log(
          of: question.project, after: progress.last, limit: pageSize)
      } catch {
        throw .client(error)
      }
      let last = end ?? min(page.newest ?? -1, range.position ?? .max)
      end = last
      progress.setEnd(last)
      var wanted: [ExportedEvent] = []
      for line in page.lines where progress.last + Int64(wanted.count) < last {
        guard let event = ExportedEvent(line: line), event.outline.project == question.project,
          event.outline.position == progress.last + Int64(wanted.count) + 1,
          let recordedAt = Instant(rfc3339: event.outline.recordedAt)
        else { throw .client(.unintelligible(status: 200)) }
        if let moment = range.moment, recordedAt > moment {
          end = progress.last + Int64(wanted.count)
          break
        }
        wanted.append(event)
      }
      // A page without the event that must come next ends no export well.
      guard !wanted.isEmpty || progress.last >= end ?? last else {
        throw .client(.unintelligible(status: 200))
      }
      try file.write(text.bytes(of: wanted))
      progress.wrote(wanted.count)
    } while progress.last < end ?? -1
  }
}

/// How far an export is, as it is told every two seconds.
final class ExportProgress: Sendable {
  private let first: Int64
  private let state: Mutex<(last: Int64, end: Int64?)>

  /// Nothing after this position is written yet.
  init(after: Int64) {
    first = after
    state = Mutex((after, nil))
  }

  /// The position of the last event written.
  var last: Int64 { state.withLock { $0.last } }
  /// How many were written.
  var count: Int64 { last - first }

  /// Sets the position of the last event that is wanted.
  func setEnd(_ end: Int64) { state.withLock { $0.end = end } }

  /// Counts events that were written.
  func wrote(_ count: Int) { state.withLock { $0.last += Int64(count) } }

  /// A bar, once it is known how much there is.
  var text: String {
    let (last, end) = state.withLock { $0 }
    guard let end, end > first else { return "asking for the log" }
    let (done, all) = (last - first, end - first)
    let share = Double(done) / Double(all)
    return "\(progressBar(share)) \(Int(share * 100)) %, \(done) of \(all) events"
  }
}
