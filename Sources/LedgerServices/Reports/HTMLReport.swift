// HTMLReport: drift reports as one page that needs nothing else: no script, no font, no other file.
//
// Called by `ReportFormat`. Reads well on a dark or a light screen and on paper. Invariant: outside
// text is escaped wherever it stands, and stands in no attribute.

import Ledger

/// Writes a page.
enum HTMLReport {
  static func text(of reports: [DriftReport]) -> String {
    """
    <!doctype html>
    <html lang="en">
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <meta name="robots" content="noindex">
    <title>Drift report</title>
    <style>
    \(style)
    </style>
    <main>
    \(reports.map(section).joined(separator: "\n"))
    </main>
    </html>

    """
  }

  private static let style = """
    :root { color-scheme: light dark; --ink: #1c2024; --soft: #5b6570; --line: #d5dae0;
      --paper: #fff; --page: #f4f6f8; --bad: #b3261e; --warn: #8a5a00; --good: #1a6b3c;
      --quiet: #4b5a78 }
    @media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #9aa5b0; --line: #363d45;
      --paper: #1b1f24; --page: #121518; --bad: #ff8a80; --warn: #ffc061; --good: #7bd8a0;
      --quiet: #a9bbe0 } }
    * { box-sizing: border-box }
    body { margin: 0; background: var(--page); color: var(--ink);
      font: 1rem/1.5 system-ui, sans-serif }
    main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem }
    h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem }
    h2 { font-size: 1.1rem; margin: 2.25rem 0 .75rem }
    h3 { font-size: 1.05rem; margin: 0 } h3 code { font-size: 1em }
    p { margin: 0 }
    section + section { margin-top: 4rem }
    code { font: .92em ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap }
    .head { border-left: .4rem solid var(--tone); padding: .25rem 0 .25rem 1rem }
    .head p { color: var(--soft) }
    .clean, .resolved { --tone: var(--good) } .drift, .open { --tone: var(--bad) }
    .incomplete, .unseen { --tone: var(--warn) } .acknowledged { --tone: var(--quiet) }
    .facts { display: flex; flex-wrap: wrap; gap: .5rem; padding: 0; margin: 1.25rem 0 0;
      list-style: none }
    .facts li { flex: 1 1 7rem; background: var(--paper); border: 1px solid var(--line);
      border-radius: .5rem; padding: .5rem .75rem; color: var(--soft); font-size: .9rem }
    .facts b { display: block; font-size: 1.35rem; line-height: 1.3; color: var(--tone, var(--ink));
      font-variant-numeric: tabular-nums }
    article { background: var(--paper); border: 1px solid var(--line);
      border-left: .25rem solid var(--tone); border-radius: .5rem; padding: .9rem 1.1rem;
      margin: 0 0 .75rem; break-inside: avoid }
    article header { display: flex; flex-wrap: wrap; gap: .1rem .75rem;
      justify-content: space-between; align-items: baseline }
    article header span { color: var(--tone); font-size: .9rem; font-weight: 600 }
    .sides { display: grid; grid-template-columns: 1fr 1fr; gap: .75rem; margin: .7rem 0 }
    .sides div { background: var(--page); border-radius: .35rem; padding: .4rem .7rem }
    dt { color: var(--soft); font-size: .85rem }
    dl { display: grid; grid-template-columns: 8.5rem 1fr; gap: .15rem .75rem; margin: 0;
      font-size: .93rem }
    dl dt { padding-top: .1rem } dd { margin: 0; overflow-wrap: anywhere }
    .sides span { display: block; color: var(--soft); font-size: .85rem }
    .sides code { font-weight: 600 }
    .next { margin-top: .6rem; padding-top: .6rem; border-top: 1px solid var(--line) }
    footer { margin-top: 2rem; color: var(--soft); font-size: .85rem; overflow-wrap: anywhere }
    @media (max-width: 36rem) { .sides, dl { grid-template-columns: 1fr }
      dl dt { padding-top: .4rem } }
    @media print { :root { --page: #fff; --paper: #fff; --ink: #000; --soft: #444; --line: #bbb }
      body { font-size: 10pt } main { max-width: none; padding: 0 }
      .sides div { border: 1px solid var(--line) } }
    """

  private static let words = FindingText { "<code>" + Markup.escaped($0) + "</code>" }

  private static func section(_ report: DriftReport) -> String {
    let scope = report.scope
    let open = report.count(.open)
    let facts: [(String, Int, String)] = [
      (open > 0 ? "open" : "", open, "open"),
      ("", report.count(.acknowledged), "acknowledged"),
      ("", report.count(.resolved), "resolved by this run"),
      (report.unobservable.isEmpty ? "" : "unseen", report.unobservable.count, "not seen"),
      ("", scope.secrets, "secrets"), ("", scope.versions, "versions"),
      ("", scope.labels, "labels"),
    ]
    var text = """
      <section>
      <div class="head \(report.verdict.rawValue)">
      <h1>\(report.verdict.headline)</h1>
      <p>Project <code>\(Markup.escaped(report.project.text))</code>, compared with its cloud<br>\
      \(report.startedAt.words) to \(report.finishedAt.words)</p>
      </div>
      <ul class="facts">

      """
    for (tone, count, name) in facts {
      text += "<li\(tone.isEmpty ? "" : " class=\"\(tone)\"")><b>\(count)</b>\(name)</li>\n"
    }
    text += "</ul>\n"
    text += part("Open", report.findings.filter { $0.state == .open }.map { article($0, report) })
    text += part(
      "Acknowledged",
      report.findings.filter { $0.state == .acknowledged }.map { article($0, report) })
    text += part("Not seen", report.unobservable.map(article))
    text += part(
      "Resolved by this run",
      report.findings.filter { $0.state == .resolved }.map { article($0, report) })
    return text + footer(report) + "</section>"
  }

  private static func part(_ title: String, _ articles: [String]) -> String {
    articles.isEmpty ? "" : "<h2>\(title) (\(articles.count))</h2>\n" + articles.joined()
  }

  private static func article(_ finding: DriftFinding, _ report: DriftReport) -> String {
    var rows: [(String, String)] = []
    if finding.deciding.isEmpty, let since = finding.since {
      rows.append(("In the ledger since", since.words))
    }
    rows += finding.deciding.map { ("Decided by", words.decided($0)) }
    if finding.state != .resolved {
      rows.append(("First seen", finding.firstSeen.words))
      rows.append(("Likely actor", words.actor(finding)))
    }
    if let acknowledgement = finding.acknowledgement {
      rows.append(("Acknowledged", words.acknowledged(acknowledgement, at: report.finishedAt)))
    }
    rows.append(("Finding", "<code>\(finding.id.text)</code>"))
    var text = """
      <article class="\(finding.state.rawValue)">
      <header><h3>\(words.place(finding))</h3><span>\(finding.difference.kind.title)</span></header>
      <div class="sides"><div><span>The ledger</span>\(words.ledgerSide(finding))</div>\
      <div><span>The cloud</span>\(words.cloudSide(finding))</div></div>
      <dl>

      """
    for (name, value) in rows { text += "<dt>\(name)</dt><dd>\(value)</dd>\n" }
    text += "</dl>\n"
    if finding.state == .open {
      text += "<p class=\"next\"><b>Next:</b> \(finding.difference.kind.nextStep)</p>\n"
    }
    return text + "</article>\n"
  }

  private static func article(_ unseen: Unobservable) -> String {
    """
    <article class="unseen">
    <header><h3>\(words.unseen(unseen))</h3><span>\(unseen.reason.rawValue)</span></header>
    <p class="next"><b>Next:</b> \(unseen.reason.nextStep)</p>
    </article>

    """
  }

  private static func footer(_ report: DriftReport) -> String {
    var text =
      "<footer><p>\(FindingText.summary(report)) The run is event \(report.position.index) of the "
      + "project's log"
    if let run = report.run { text += ", run <code>\(run.text)</code>" }
    return text + ".</p></footer>\n"
  }
}
