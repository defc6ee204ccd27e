// JUnitReport: drift reports as JUnit's XML: a suite a project, a test case a finding.
//
// Called by `ReportFormat`. What is open fails, what was not seen is an error, what somebody
// acknowledged is skipped, and what was resolved passes. The shape is the one both common schemas
// take, the Ant task's and Jenkins's. Invariant: the counts of a suite are those of its cases.

import Ledger

/// Writes JUnit's XML.
enum JUnitReport {
  static func text(of reports: [DriftReport]) -> String {
    var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n"
    for (index, report) in reports.enumerated() { text += suite(report, index) }
    return text + "</testsuites>\n"
  }

  private static func suite(_ report: DriftReport, _ index: Int) -> String {
    let group = "drift.\(report.project.text)"
    let count = report.findings.count + report.unobservable.count + 1
    let seconds = max(0, report.finishedAt.microseconds - report.startedAt.microseconds)
    // The schemas want a local time without an offset: it is UTC.
    let start = String(report.startedAt.rfc3339.prefix(19))
    var text =
      "  <testsuite name=\"\(escaped(group))\" package=\"stageledger\" id=\"\(index)\" "
      + "hostname=\"stageledger\" timestamp=\"\(start)\" tests=\"\(count)\" "
      + "failures=\"\(report.count(.open))\" errors=\"\(report.unobservable.count)\" "
      + "skipped=\"\(report.count(.acknowledged))\" time=\"\(decimal(seconds))\">\n"
    text += properties(report)
    text += testCase("scope", group, body: [])
    for finding in report.findings { text += testCase(of: finding, group, report) }
    for (index, unseen) in report.unobservable.enumerated() {
      let what = unseen.secret?.text ?? "unreadable name \(index + 1)"
      let sentence = FindingText.plain.unseen(unseen)
      text += testCase(
        "unobservable: \(what)", group,
        body: [
          "<error type=\"\(unseen.reason.rawValue)\" message=\"\(escaped(sentence))\">"
            + "\(escaped(unseen.reason.nextStep))</error>"
        ])
    }
    text += "    <system-out>\(escaped(FindingText.summary(report)))</system-out>\n"
    return text + "    <system-err></system-err>\n  </testsuite>\n"
  }

  private static func properties(_ report: DriftReport) -> String {
    let properties = [
      ("project", report.project.text), ("run", report.run?.text ?? ""),
      ("position", "\(report.position.index)"), ("started_at", report.startedAt.rfc3339),
      ("finished_at", report.finishedAt.rfc3339), ("verdict", report.verdict.rawValue),
      ("secrets", "\(report.scope.secrets)"), ("versions", "\(report.scope.versions)"),
      ("labels", "\(report.scope.labels)"),
    ]
    let lines = properties.map { name, value in
      "      <property name=\"\(name)\" value=\"\(escaped(value))\"/>\n"
    }
    return "    <properties>\n" + lines.joined() + "    </properties>\n"
  }

  private static func testCase(
    of finding: DriftFinding, _ group: String, _ report: DriftReport
  ) -> String {
    let words = FindingText.plain
    let name = "\(finding.difference.kind.rawValue): \(words.place(finding))"
    let message = escaped(words.sentence(finding))
    var body: [String] = []
    switch finding.state {
    case .open:
      var lines = [
        "finding \(finding.id.text), first seen \(finding.firstSeen.rfc3339)",
        "likely actor: \(words.actor(finding))",
      ]
      lines += finding.deciding.map { "decided by \(words.decided($0))" }
      if let acknowledgement = finding.acknowledgement {
        lines.append("acknowledged \(words.acknowledged(acknowledgement, at: report.finishedAt))")
      }
      lines.append("next: \(finding.difference.kind.nextStep)")
      body = [
        "<failure type=\"\(finding.difference.kind.rawValue)\" message=\"\(message)\">"
          + lines.map { escaped($0) }.joined(separator: "\n") + "</failure>"
      ]
    case .acknowledged:
      let said = finding.acknowledgement.map {
        " Acknowledged \(words.acknowledged($0, at: report.finishedAt))."
      }
      body = ["<skipped message=\"\(message)\(escaped(said ?? ""))\"/>"]
    case .resolved: break
    }
    return testCase(name, group, body: body)
  }

  private static func testCase(_ name: String, _ group: String, body: [String]) -> String {
    let head =
      "    <testcase classname=\"\(escaped(group))\" name=\"\(escaped(name))\" time=\"0\""
    guard !body.isEmpty else { return head + "/>\n" }
    return head + ">\n" + body.map { "      \($0)\n" }.joined() + "    </testcase>\n"
  }

  private static func escaped(_ text: String) -> String { Markup.escaped(text) }

  /// Microseconds as seconds with three digits.
  private static func decimal(_ microseconds: Int64) -> String {
    let thousandths = "\(1_000 + microseconds / 1_000 % 1_000)".dropFirst()
    return "\(microseconds / 1_000_000).\(thousandths)"
  }
}
