// Metrics: counts of requests by route, and the Prometheus text of all there is to count.
//
// Called by `API` after every answer and by `/metrics`. Invariant: a label is a route's template, a
// method of the table or a status, never a text of a request: no secret's name can get in, and the
// number of series is bounded.

import LedgerServices
import Synchronization

/// Counts of answered requests.
final class RequestMetrics: Sendable {
  private struct Key: Hashable {
    var route: Int?
    var status: Int
  }

  private struct Counts {
    var requests: [Key: Int64] = [:]
    /// Per route, the unmatched last: how many, and their time together.
    var durations: [(count: Int64, microseconds: Int64)]
  }

  private let routes: [Route]
  private let counts: Mutex<Counts>

  init(_ routes: [Route]) {
    self.routes = routes
    counts = Mutex(
      Counts(durations: Array(repeating: (count: 0, microseconds: 0), count: routes.count + 1)))
  }

  /// Counts one answer; nil `route`: the request had none.
  func count(route: Int?, status: Int, microseconds: Int64) {
    counts.withLock {
      $0.requests[Key(route: route, status: status), default: 0] += 1
      let index = route ?? routes.count
      $0.durations[index].count &+= 1
      $0.durations[index].microseconds &+= microseconds
    }
  }

  private func labels(_ route: Int?) -> [[String]] {
    guard let route else { return [["method", ""], ["route", "none"]] }
    return [["method", routes[route].method], ["route", routes[route].label]]
  }

  /// The counts as Prometheus text.
  func write(into text: inout MetricsText) {
    let (requests, durations) = counts.withLock { ($0.requests, $0.durations) }
    let ordered = requests.sorted {
      ($0.key.route ?? routes.count, $0.key.status) < ($1.key.route ?? routes.count, $1.key.status)
    }
    text.family(
      "http_requests_total", "counter", help: "Answered requests, by route and status.")
    for (key, count) in ordered {
      text.sample(
        "http_requests_total", labels(key.route) + [["status", String(key.status)]], Double(count))
    }
    text.family(
      "http_request_duration_seconds", "summary", help: "Time to answer a request, by route.")
    for (index, duration) in durations.enumerated() where duration.count > 0 {
      let labels = labels(index < routes.count ? index : nil)
      text.sample(
        "http_request_duration_seconds_sum", labels, Double(duration.microseconds) / 1_000_000)
      text.sample("http_request_duration_seconds_count", labels, Double(duration.count))
    }
  }
}

/// Prometheus text exposition, version 0.0.4.
struct MetricsText {
  private(set) var text = ""

  private static func full(_ name: String) -> String {
    name.hasPrefix("stageledger_") ? name : "stageledger_\(name)"
  }

  /// Begins a family of samples.
  mutating func family(_ name: String, _ type: String, help: String) {
    let help = help.replacing("\\", with: "\\\\").replacing("\n", with: "\\n")
    text += "# HELP \(Self.full(name)) \(help)\n# TYPE \(Self.full(name)) \(type)\n"
  }

  /// Adds a sample; each label is a name and a value.
  mutating func sample(_ name: String, _ labels: [[String]], _ value: Double) {
    text += Self.full(name)
    let pairs = labels.filter { $0.count == 2 }.map { label in
      let value = label[1].replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
        .replacing("\n", with: "\\n")
      return "\(label[0])=\"\(value)\""
    }
    if !pairs.isEmpty { text += "{\(pairs.joined(separator: ","))}" }
    let isWhole = value.magnitude < 0x1p53 && value == value.rounded()
    text += isWhole ? " \(Int64(value))\n" : " \(value)\n"
  }

  /// Adds samples from below the API, those of one name together.
  mutating func add(_ samples: [MetricSample]) {
    var names: [String] = []
    for sample in samples where !names.contains(sample.name) { names.append(sample.name) }
    for name in names {
      let family = samples.filter { $0.name == name }
      guard let first = family.first else { continue }
      self.family(name, first.kind.rawValue, help: first.help)
      for one in family { sample(name, one.labels, one.value) }
    }
  }
}
