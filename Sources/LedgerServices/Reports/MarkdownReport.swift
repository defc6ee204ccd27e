// MarkdownReport: drift reports as GitHub's Markdown, for a comment or a job's summary.
//
// Called by `ReportFormat`. A comment takes 65,536 characters: what does not fit is counted, not
// shown. Invariant: outside text stands in code spans alone, where it can neither mention, link nor
// format.

import Ledger

/// Writes Markdown.
enum MarkdownReport {
  /// How many bytes of findings a report shows: all of it stays below a comment's limit.
  private static let bytesMax = 48_000

  static func text(of reports: [DriftReport]) -> String {
    var left = bytesMax
    return reports.map { section($0, &left) }.joined(separator: "\n")
  }

  private static let words = FindingText { Markup.code($0) }

  private static func section(_ report: DriftReport, _ left: inout Int) -> String {
    var text = "## \(mark(report.verdict)) \(report.verdict.headline)\n\n"
    text +=
      "Project \(Markup.code(report.project.text)), looked at \(report.startedAt.words) to "
      + "\(report.finishedAt.words), event \(report.position.index).\n"
    text += "\(FindingText.summary(report))\n"
    let kinds = DriftKind.allCases.filter { (report.counts[$0] ?? 0) > 0 }
    if !kinds.isEmpty {
      text += "\n| what | how many |\n|---|--:|\n"
      for kind in kinds { text += "| \(kind.title) | \(report.counts[kind] ?? 0) |\n" }
    }
    let parts: [(String, FindingState.Standing)] = [
      ("Open", .open), ("Acknowledged", .acknowledged), ("Resolved", .resolved),
    ]
    for (title, state) in parts {
      let items = report.findings.filter { $0.state == state }.map { item($0, report) }
      text += list(title, items, &left)
    }
    text += list("Not seen", report.unobservable.map(item), &left)
    return text
  }

  private static func mark(_ verdict: DriftReport.Verdict) -> String {
    switch verdict {
    case .clean: "\u{2705}"
    case .drift: "\u{274C}"
    case .incomplete: "\u{26A0}\u{FE0F}"
    }
  }

  private static func list(_ title: String, _ items: [String], _ left: inout Int) -> String {
    guard !items.isEmpty else { return "" }
    var text = "\n### \(title)\n\n"
    var shown = 0
    for item in items {
      guard item.utf8.count <= left else { break }
      left -= item.utf8.count
      text += item
      shown += 1
    }
    if shown < items.count { text += "- and \(items.count - shown) more, not shown here\n" }
    return text
  }

  private static func item(_ finding: DriftFinding, _ report: DriftReport) -> String {
    var text = "- **\(finding.difference.kind.title)**: \(words.place(finding))\n"
    text += "  - \(words.sentence(finding))\n"
    guard finding.state != .resolved else { return text }
    for event in finding.deciding { text += "  - Ledger's side: \(words.decided(event))\n" }
    text += "  - First seen \(finding.firstSeen.words); likely actor: \(words.actor(finding))\n"
    if let acknowledgement = finding.acknowledgement {
      let said = words.acknowledged(acknowledgement, at: report.finishedAt)
      text += "  - Acknowledged \(said)\n"
    }
    guard finding.state == .open else { return text }
    return text + "  - Next: \(finding.difference.kind.nextStep)\n"
  }

  private static func item(_ unseen: Unobservable) -> String {
    "- \(words.unseen(unseen))\n  - Next: \(unseen.reason.nextStep)\n"
  }
}
