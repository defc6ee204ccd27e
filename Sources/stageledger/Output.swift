// Output: what commands print: tables, JSON and CSV on standard output, talk on standard error.
//
// Called by every command. Invariant: data goes to standard output and nothing else does; text that
// came from outside cannot move the cursor, and a CSV cell cannot become a spreadsheet's formula.

import CanonicalJSON
import Foundation
import Glibc

/// In which form a command prints its data.
enum OutputFormat: String, CaseIterable, Sendable {
  case table
  case json
  case csv
}

/// Rows of data under named columns.
struct Table: Sendable {
  /// The names of the columns, as keys of JSON.
  let columns: [String]
  /// The rows, each with a value per column.
  var rows: [[JSONValue]]

  /// The rows as an array of objects.
  var json: JSONValue {
    .array(
      rows.map { row in
        .object(Dictionary(zip(columns, row)) { first, _ in first })
      })
  }

  /// The rows in columns of a terminal.
  var text: String {
    var widths = columns.map { _ in 0 }
    return text(.withHeads, widths: &widths)
  }

  /// The rows as CSV with a line of names.
  var csv: String { csv(.withHeads) }

  /// Whether a line of names stands before the rows.
  fileprivate enum Part {
    case withHeads
    case rowsAlone
  }

  /// The rows in columns of at least these widths, which are widened to what stands in them.
  fileprivate func text(_ part: Part, widths: inout [Int]) -> String {
    var lines = rows.map { $0.map(Self.cell) }
    if part == .withHeads {
      lines.insert(columns.map { $0.uppercased().replacing("_", with: " ") }, at: 0)
    }
    for line in lines { widths = zip(widths, line).map { max($0, $1.count) } }
    return lines.map { line in
      let cells = zip(line, widths).map { padded($0, to: $1) }
      return cells.joined(separator: "  ").trimmingTrailingSpaces + "\n"
    }.joined()
  }

  /// The rows as CSV.
  ///
  /// A cell that a spreadsheet would take for a formula gets an apostrophe before it. Source: RFC
  /// 4180.
  fileprivate func csv(_ part: Part) -> String {
    var lines = rows.map { $0.map { value in value.isNull ? "" : Self.plain(value) } }
    if part == .withHeads { lines.insert(columns, at: 0) }
    return lines.map { line in line.map(Self.quoted).joined(separator: ",") + "\r\n" }.joined()
  }

  private static func cell(_ value: JSONValue) -> String {
    let text = value.isNull ? "" : visible(plain(value))
    return text.isEmpty ? "-" : text
  }

  private static func plain(_ value: JSONValue) -> String {
    switch value {
    case .string(let text): text
    case .array(let items): items.map(plain).joined(separator: " ")
    case .null, .bool, .integer, .double, .object: value.description
    }
  }

  /// By scalars: a mark after a sign would make one character of both.
  private static func quoted(_ text: String) -> String {
    let scalars = text.unicodeScalars
    var cell = String.UnicodeScalarView()
    if let first = scalars.first, "=+-@\t\r\n".unicodeScalars.contains(first) { cell.append("'") }
    for scalar in scalars {
      if scalar == "\"" { cell.append(scalar) }
      cell.append(scalar)
    }
    guard scalars.contains(where: { ",\"\r\n".unicodeScalars.contains($0) }) else {
      return String(cell)
    }
    return "\"" + String(cell) + "\""
  }
}

/// A table that comes page by page and reads as if it had come at once.
struct TablePages: Sendable {
  private let columns: [String]
  private let format: OutputFormat
  private var widths: [Int]
  private var hasBegun = false

  /// A table of no rows yet.
  init(columns: [String], format: OutputFormat) {
    self.columns = columns
    self.format = format
    widths = columns.map { _ in 0 }
  }

  /// The text of the next rows.
  mutating func text(of rows: [[JSONValue]]) -> String {
    // An array begins with its first item, a table with its line of names.
    guard format != .json || !rows.isEmpty else { return "" }
    defer { hasBegun = true }
    let table = Table(columns: columns, rows: rows)
    let part: Table.Part = hasBegun ? .rowsAlone : .withHeads
    switch format {
    case .table: return table.text(part, widths: &widths)
    case .csv: return table.csv(part)
    case .json: return (hasBegun ? "," : "[") + table.json.description.dropFirst().dropLast()
    }
  }

  /// What stands after the last row; the line of names, where there was none.
  mutating func end() -> String {
    switch format {
    case .table, .csv: hasBegun ? "" : text(of: [])
    case .json: hasBegun ? "]\n" : "[]\n"
    }
  }
}

extension String {
  fileprivate var trimmingTrailingSpaces: String {
    String(self[..<(lastIndex { $0 != " " }.map(index(after:)) ?? startIndex)])
  }
}

/// Where a command prints.
struct Console: Sendable {
  /// Prints data.
  func print(_ text: String) { writeAll(Array((text + "\n").utf8), to: STDOUT_FILENO) }

  /// Prints data that brings its own line ends.
  func write(_ text: String) { writeAll(Array(text.utf8), to: STDOUT_FILENO) }

  /// Says something about the work.
  func say(_ text: String) { writeAll(Array((text + "\n").utf8), to: STDERR_FILENO) }

  /// Prints rows in the form asked for.
  func print(_ table: Table, as format: OutputFormat) {
    switch format {
    case .table: write(table.text)
    case .json: print(table.json.description)
    case .csv: write(table.csv)
    }
  }

  /// The style of a headline: bold on a terminal that has not asked for plain text.
  func headline(_ text: String) -> String {
    let environment = ProcessInfo.processInfo.environment
    guard isatty(STDOUT_FILENO) == 1, (environment["NO_COLOR"] ?? "").isEmpty, !isDumb
    else { return text }
    return "\u{1B}[1m\(text)\u{1B}[0m"
  }

  /// Whether the terminal takes text and nothing else.
  private var isDumb: Bool { ProcessInfo.processInfo.environment["TERM"] == "dumb" }

  /// Says `text()` on standard error while the work takes longer than two seconds: on one line of
  /// a terminal, which is empty again in the end, else on a line of its own every two seconds.
  func showingProgress<Value: Sendable, Failure: Error>(
    _ text: @autoclosure @escaping @Sendable () -> String,
    of work: () async throws(Failure) -> Value
  ) async throws(Failure) -> Value {
    let result = await withTaskGroup(of: Void.self) { group -> Result<Value, Failure> in
      group.addTask {
        do { try await Task.sleep(for: .seconds(2)) } catch { return }
        let isTerminal = isatty(STDERR_FILENO) == 1 && !isDumb
        defer { if isTerminal { writeAll(Array("\r\u{1B}[K".utf8), to: STDERR_FILENO) } }
        while !Task.isCancelled {
          if isTerminal {
            writeAll(Array("\r\u{1B}[K\(text())".utf8), to: STDERR_FILENO)
          } else {
            say(text())
          }
          do { try await Task.sleep(for: .milliseconds(isTerminal ? 200 : 2_000)) } catch { return }
        }
      }
      defer { group.cancelAll() }
      do throws(Failure) {
        return .success(try await work())
      } catch {
        return .failure(error)
      }
    }
    return try result.get()
  }
}
