// Report: the measurements as a table for people or as JSON.
//
// Called by `Main`. Pure. Invariant: every number of a measurement stands in both.

import CanonicalJSON

/// The ways a report is written.
enum Report {
  private static let columns = [
    ("per_second", "a second"), ("reference_per_second", "reference"), ("ratio", "ratio"),
    ("p50_ms", "p50 ms"), ("p99_ms", "p99 ms"), ("p999_ms", "p99.9 ms"), ("cpu_us", "cpu us"),
  ]

  /// A line a measurement, a column a number; what has no column stands at the end of its line.
  static func table(_ measurements: [Measurement]) -> String {
    var rows = [["scenario"] + columns.map(\.1) + ["compared with", "other"]]
    for measurement in measurements {
      let others = measurement.numbers.keys.filter { key in !columns.contains { $0.0 == key } }
      rows.append(
        [measurement.name]
          + columns.map { measurement.numbers[$0.0].map { text($0) } ?? "" }
          + [
            measurement.reference ?? "",
            others.sorted().map { "\($0)=\(text(measurement.numbers[$0] ?? 0))" }
              .joined(separator: " "),
          ])
    }
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    return rows.map { row in
      let cells = row.enumerated().map { column, cell in
        let gap = String(repeating: " ", count: widths[column] - cell.count)
        return (1...columns.count).contains(column) ? gap + cell : cell + gap
      }
      let line = cells.joined(separator: "  ")
      return String(line[...(line.lastIndex { $0 != " " } ?? line.startIndex)])
    }.joined(separator: "\n")
  }

  /// A list of objects: `scenario`, `compared_with`, and the numbers by name.
  static func json(_ measurements: [Measurement]) -> String {
    JSONValue.array(
      measurements.map { measurement in
        var members = measurement.numbers.mapValues { JSONValue.double($0) }
        members["scenario"] = .string(measurement.name)
        members["compared_with"] = measurement.reference.map { .string($0) } ?? .null
        return .object(members)
      }
    ).description
  }

  /// A number to three digits or to one.
  static func text(_ number: Double) -> String {
    let magnitude = number.magnitude
    guard magnitude < 100 else { return String(Int(number.rounded())) }
    let scale = magnitude < 10 ? 100.0 : 10.0
    let scaled = Int((number * scale).rounded())
    let (whole, part) = scaled.magnitude.quotientAndRemainder(dividingBy: UInt(scale))
    let digits = String(part)
    let zeros = String(repeating: "0", count: (scale == 100 ? 2 : 1) - digits.count)
    return "\(scaled < 0 ? "-" : "")\(whole).\(zeros)\(digits)"
  }
}
