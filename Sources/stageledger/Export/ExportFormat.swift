// ExportFormat: the forms in which events leave the ledger for other tools.
//
// Called by `Export`, page by page. Calls `CloudEvent`, `OCSFEvent` and `TablePages`. Invariant:
// `jsonl` is the stored bytes, and the other forms are made of nothing else.

import CanonicalJSON
import LedgerAPI

/// A form of exported events.
enum ExportFormat: String, CaseIterable, Sendable {
  /// The stored bytes, a line an event.
  case jsonl
  /// A line of cells an event, for spreadsheets.
  case csv
  /// A CloudEvent 1.0 as JSON a line.
  case cloudevents
  /// An event of the Open Cybersecurity Schema Framework as JSON a line.
  case ocsf
}

/// An event as it came over HTTP.
struct ExportedEvent: Sendable {
  /// The stored bytes.
  let bytes: [UInt8]
  /// The same, read.
  let json: JSONValue
  /// What is asked of every event.
  let outline: EventOutline

  /// Reads a line; nil when it is no event.
  init?(line: ArraySlice<UInt8>) {
    bytes = Array(line)
    do { json = try JSONValue(parsing: bytes) } catch { return nil }
    guard let outline = EventOutline(json) else { return nil }
    self.outline = outline
  }
}

/// Writes events in one form.
struct ExportText: Sendable {
  /// The columns of CSV, each by the path to its member.
  private static let columns: [(name: String, path: [String])] = [
    ("position", ["position"]), ("recorded_at", ["recorded_at"]),
    ("effective_at", ["effective_at"]), ("effective_after", ["effective_after"]),
    ("type", ["type"]), ("secret", ["secret"]), ("stage", ["stage"]),
    ("version_id", ["version_id"]), ("previous_version_id", ["previous_version_id"]),
    ("principal_type", ["principal", "type"]), ("principal_id", ["principal", "id"]),
    ("principal_name", ["principal", "name"]), ("source_ip", ["principal", "source_ip"]),
    ("source", ["source"]), ("reason", ["reason"]), ("ticket", ["ticket"]),
    ("request_id", ["request_id"]), ("correlation_id", ["correlation_id"]),
    ("idempotency_key", ["idempotency_key"]), ("caused_by", ["caused_by"]),
    ("stream_version", ["stream_version"]), ("event_id", ["event_id"]),
    ("evidence_sha256", ["evidence", "sha256"]), ("evidence_locator", ["evidence", "locator"]),
    ("data", ["data"]), ("project", ["project"]), ("schema", ["schema"]),
  ]

  private let format: ExportFormat
  private var table = TablePages(columns: Self.columns.map(\.name), format: .csv)

  /// Begins a text.
  init(_ format: ExportFormat) { self.format = format }

  /// The text of the next events; of CSV the first one has the line of names.
  mutating func bytes(of events: [ExportedEvent]) -> [UInt8] {
    switch format {
    case .jsonl:
      return Self.lines(events.map(\.bytes))
    case .csv:
      let rows = events.map { event in
        Self.columns.map { column in
          column.path.reduce(event.json) { value, name in value[name] ?? .null }
        }
      }
      return Array(table.text(of: rows).utf8)
    case .cloudevents:
      return Self.lines(events.compactMap { CloudEvent.text(of: $0.bytes) })
    case .ocsf:
      return Self.lines(events.map { OCSFEvent($0).json.canonicalBytes() })
    }
  }

  private static func lines(_ texts: [[UInt8]]) -> [UInt8] {
    var lines: [UInt8] = []
    lines.reserveCapacity(texts.reduce(0) { $0 + $1.count + 1 })
    for text in texts {
      lines += text
      lines.append(0x0A)
    }
    return lines
  }
}
