// LiveTail: the log as a stream of server-sent events that does not end.
//
// Made by `LedgerEvents` for one request and run by the server while it sends the answer. Calls
// `RecordStore` for what there is, `Tail` to wait for more, and `Call` to see whether its reader
// may still read. Invariant: what is sent is the log from one position on, each event once and in
// order, because the next read begins after the last event that was sent; nothing is held but one
// page.
//
// Source: HTML Standard, section 9.2, "Server-sent events".

import HTTPWire
import Ledger
import LedgerServices

/// One reader's live tail.
struct LiveTail: Sendable {
  /// How many events are read and sent at once.
  static let pageSize = 100
  /// After how many ticks without an event a comment shows that the stream is alive.
  static let silentTicksMax = 15
  /// For how many ticks the record may be out of reach before the stream ends.
  static let troubleTicksMax = 300

  /// What the stream begins with: how many milliseconds a client waits before it comes again.
  static let opening = Array("retry: 1000\n\n".utf8)
  /// A comment, which clients pass over.
  static let comment = Array(":\n\n".utf8)

  let call: Call
  let begin: Position
  let tail: Tail
  /// When the reader was let in.
  let openedAt: Instant

  /// The body of the answer.
  var body: HTTPBodyStream {
    HTTPBodyStream { writer async throws(HTTPStreamError) in try await run(writer) }
  }

  /// An event as it is sent; nil when the bytes are none.
  static func text(of event: StoredEvent) -> [UInt8]? {
    guard let outline = EventOutline(event.bytes) else { return nil }
    var text = Array("id: \(event.position.index)\nevent: \(outline.type)\ndata: ".utf8)
    // Canonical JSON holds no line feed: the bytes are one line.
    text += event.bytes
    text += [0x0A, 0x0A]
    return text
  }

  /// Where a stream stands.
  private struct Progress {
    var next: Position
    /// The tick that has been dealt with.
    var tick: Int
    /// The tick of the last bytes sent.
    var spoken: Int
    /// The tick since which the record is out of reach; nil while it is not.
    var trouble: Int?
    /// The size the log had by hearsay when it was last read.
    var heard = TreeSize.zero

    /// How much of the log was sent.
    var size: TreeSize { TreeSize(next.index) ?? .zero }
  }

  private func run(_ writer: HTTPBodyWriter) async throws(HTTPStreamError) {
    try await writer.write(Self.opening)
    var progress = Progress(next: begin, tick: tail.tick, spoken: tail.tick)
    try await sendPage(writer, &progress)
    while true {
      switch await tail.wait(beyond: max(progress.size, progress.heard), after: progress.tick) {
      case .stopping:
        return
      case .grown:
        try await sendPage(writer, &progress)
      case .tick(let tick):
        progress.tick = tick
        switch await standing() {
        case .ended: return
        case .unknown: progress.trouble = progress.trouble ?? tick
        case .stands:
          let isBehind = progress.trouble != nil || tail.size > progress.size
          if isBehind { try await sendPage(writer, &progress) }
        }
        if let trouble = progress.trouble, tick - trouble >= Self.troubleTicksMax { return }
        guard tick - progress.spoken >= Self.silentTicksMax else { continue }
        try await writer.write(Self.comment)
        progress.spoken = tick
      }
    }
  }

  /// Sends the next page, if there is one.
  private func sendPage(
    _ writer: HTTPBodyWriter, _ progress: inout Progress
  ) async throws(HTTPStreamError) {
    progress.heard = tail.size
    let reading: Reading<[StoredEvent]>
    do {
      reading = try await call.services.records.events(
        in: call.project.id, from: progress.next, limit: Self.pageSize)
    } catch {
      guard error.isOfTheDatabase else { throw .abandoned }
      progress.trouble = progress.trouble ?? progress.tick
      return
    }
    progress.trouble = nil
    tail.saw(reading.size)
    guard let last = reading.value.last else { return }
    progress.heard = .zero
    var page: [UInt8] = []
    for event in reading.value {
      guard let text = Self.text(of: event) else { throw .abandoned }
      page += text
    }
    try await writer.write(page)
    progress.next = last.position.size.next
    progress.spoken = progress.tick
  }

  /// Whether the reader may still read.
  private enum Standing {
    case stands
    case ended
    /// The record cannot be asked.
    case unknown
  }

  private func standing() async -> Standing {
    do {
      try await call.reauthorize(asOf: openedAt)
      return .stands
    } catch {
      guard case .store(let error) = error, error.isOfTheDatabase else { return .ended }
      return .unknown
    }
  }
}
