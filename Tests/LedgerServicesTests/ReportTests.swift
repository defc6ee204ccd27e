// ReportTests: the reports for people and tools, with names that try to be more than names.
//
// A report of hostile names must have exactly the markup that the same report of tame names has.

import CanonicalJSON
import Ledger
import LedgerServices
import TestLiterals
import TestSupport
import Testing

@Suite struct ReportTests {
  /// Texts that mean something in one of the formats.
  static let hostile = [
    "<script>alert(1)</script>", "a&b", "\"quoted\" 'single'", "]]>", "<!--", "-->", "`code`",
    "``", "`", " spaced ", "   ", "|pipe|", "[link](http://evil)", "@everyone",
    "https://evil.example",
    "**bold**", "\\`back", "\u{202e}desrever", "\u{85}next", "e\u{301}\u{feff}", "&lt;",
    "\u{1F511}", "#1",
    "- item", "&#38;", "%3Cb%3E", "${x}", "\u{fffe}x",
  ]

  private func report(
    _ name: String, states: [FindingState.Standing] = FindingState.Standing.allCases
  ) throws -> DriftReport {
    let secret = try SecretName(name)
    let principal = Principal(kind: .credential, id: name, name: name)
    var findings: [DriftFinding] = []
    for (index, state) in states.enumerated() {
      for kind in DriftKind.allCases where kind != .unobservable {
        let digits =
          "\(index)\(DriftKind.allCases.firstIndex(of: kind) ?? 0)"
        var finding = DriftFinding(
          id: named(String(repeating: digits, count: 16)),
          difference: Difference(
            kind: kind, secret: secret, stage: try StageName(name),
            ledgerVersion: try VersionID(name), cloudVersion: "x"),
          since: second(1), firstSeen: second(2), lastSeen: second(3), decidedBy: [4],
          acknowledgement: state == .acknowledged
            ? Acknowledgement(
              position: 9, at: second(4), principal: principal, reason: name, until: second(99))
            : nil, state: state)
        var event = Event.test(.stageAssigned, position: 4)
        event.principal = principal
        event.reason = name
        event.ticket = name
        finding.deciding = [DecidingEvent(event)]
        findings.append(finding)
      }
    }
    return DriftReport(
      project: "p1", run: "00000000-0000-4000-8000-000000000001", startedAt: second(2),
      finishedAt: second(5), position: 12,
      scope: DriftReport.Scope(secrets: 3, versions: 4, labels: 5), findings: findings,
      notSeen: ["00000000000000000000000000000000"],
      unobservable: [
        Unobservable(secret: secret, reason: .forbidden, detail: name),
        Unobservable(secret: nil, reason: .unintelligible, detail: name),
      ])
  }

  /// Everything in a text that is markup, in order.
  private func skeleton(_ text: String) -> [Character] {
    text.filter { "<>\"".contains($0) }.map { $0 }
  }

  @Test(arguments: [ReportFormat.html, .junit], hostile)
  func `a hostile name adds no markup`(_ format: ReportFormat, _ name: String) throws {
    let hostile = format.text(of: [try report(name)])
    let tame = format.text(of: [try report("tame")])
    #expect(skeleton(hostile) == skeleton(tame))
    for scalar in hostile.unicodeScalars {
      #expect(scalar == "\n" || !(0x00...0x1F).contains(scalar.value))
      #expect(!(0x7F...0x9F).contains(scalar.value) && !(0x202A...0x202E).contains(scalar.value))
    }
    // Every ampersand begins one of the five references.
    let references = ["amp;", "lt;", "gt;", "quot;", "#39;"]
    for part in hostile.unicodeScalars.split(separator: "&").dropFirst() {
      let rest = String(String.UnicodeScalarView(part))
      #expect(references.contains { rest.hasPrefix($0) })
    }
  }

  @Test(arguments: hostile)
  func `a hostile name stays in its code span of Markdown`(_ name: String) throws {
    let hostile = ReportFormat.markdown.text(of: [try report(name)])
    let tame = ReportFormat.markdown.text(of: [try report("tame")])
    let hostileLines = hostile.split(separator: "\n", omittingEmptySubsequences: false)
    let tameLines = tame.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(hostileLines.count == tameLines.count)
    for (hostileLine, tameLine) in zip(hostileLines, tameLines) {
      let (left, right) = (Self.outside(hostileLine), Self.outside(tameLine))
      #expect(left.text == right.text)
      #expect(left.spans == right.spans.map { $0.replacing("tame", with: Markup.visible(name)) })
    }
  }

  /// A line of Markdown with its code spans taken out, read as CommonMark reads them.
  private static func outside(_ line: Substring) -> (text: String, spans: [String]) {
    var rest = line.unicodeScalars[...]
    var text = String.UnicodeScalarView()
    var spans: [String] = []
    while let scalar = rest.first {
      guard scalar == "`" else {
        text.append(rest.removeFirst())
        continue
      }
      let fence = rest.prefix { $0 == "`" }.count
      rest = rest.dropFirst(fence)
      var span = String.UnicodeScalarView()
      while !rest.isEmpty {
        let run = rest.prefix { $0 == "`" }
        if run.count == fence { break }
        guard run.isEmpty else {
          span.append(contentsOf: run)
          rest = rest.dropFirst(run.count)
          continue
        }
        span.append(rest.removeFirst())
      }
      rest = rest.dropFirst(fence)
      if span.first == " ", span.last == " ", span.contains(where: { $0 != " " }) {
        span.removeFirst()
        span.removeLast()
      }
      spans.append(String(span))
      text.append("\u{0}")
    }
    return (String(text), spans)
  }

  @Test func `JUnit counts what fails, what is skipped and what was not seen`() throws {
    let text = ReportFormat.junit.text(of: [try report("db")])
    #expect(text.contains("tests=\"21\" failures=\"6\" errors=\"2\" skipped=\"6\" time=\"3.000\""))
    #expect(text.components("<testcase ") == 21)
    #expect(text.components("<failure ") == 6)
    #expect(text.components("<skipped ") == 6)
    #expect(text.components("<error ") == 2)
    // What was resolved passes, and so does the run's own case.
    #expect(text.components("time=\"0\"/>") == 7)
  }

  @Test func `SARIF has a rule for each result and suppresses what is acknowledged`() throws {
    let json = try JSONValue(parsing: Array(ReportFormat.sarif.text(of: [try report("a/b")]).utf8))
    let run = try #require(json["runs"]?.arrayValue?.first)
    let rules = run["tool"]?["driver"]?["rules"]?.arrayValue ?? []
    let results = run["results"]?.arrayValue ?? []
    #expect(results.count == 18)
    for result in results {
      let index = try #require(result["ruleIndex"]?.integerValue)
      #expect(rules[Int(index)]["id"] == result["ruleId"])
      let state = result["properties"]?["state"]?.stringValue
      #expect((result["suppressions"] != nil) == (state == "acknowledged"))
      #expect((result["baselineState"] == "absent") == (state == "resolved"))
      let place = result["locations"]?.arrayValue?.first?["logicalLocations"]?.arrayValue?.first
      #expect(place?["fullyQualifiedName"] == "p1/a/b/a/b")
    }
    #expect(Set(results.compactMap { $0["partialFingerprints"]?["findingId/v1"] }).count == 18)
    let invocation = run["invocations"]?.arrayValue?.first
    #expect(invocation?["executionSuccessful"] == false)
    #expect(invocation?["toolExecutionNotifications"]?.arrayValue?.count == 2)
  }

  @Test func `a long report fits a comment and says what it leaves out`() throws {
    var long = try report(String(repeating: "s", count: 60), states: [.open])
    long.findings = (0..<400).flatMap { _ in long.findings }
    let text = ReportFormat.markdown.text(of: [long])
    #expect(text.utf8.count < 65_536)
    #expect(text.contains("more, not shown here"))
  }

  @Test func `no runs make no findings`() throws {
    #expect(ReportFormat.json.text(of: []) == "[]\n")
    #expect(ReportFormat.junit.text(of: []).contains("<testsuites>\n</testsuites>"))
    #expect(!ReportFormat.html.text(of: []).contains("<section>"))
    #expect(ReportFormat.sarif.text(of: []).contains("\"runs\":[]"))
  }

  @Test(arguments: DriftKind.allCases)
  func `every kind says what to do next in one sentence`(_ kind: DriftKind) {
    #expect(kind.nextStep.hasSuffix("."))
    #expect(!kind.nextStep.dropLast().contains("."))
  }
}

extension String {
  fileprivate func components(_ text: String) -> Int { ranges(of: text).count }
}
