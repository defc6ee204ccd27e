// ReportFormat: the forms a drift report can be had in, each a text made of reports alone.
//
// Called by `reconcile` and by the API. Invariant: whatever a cloud, a name or a person wrote
// stands in a report as text, never as markup.

import CanonicalJSON

/// A form of drift reports.
public enum ReportFormat: String, CaseIterable, Sendable {
  /// A JSON array of reports, each with all there is to know.
  case json
  /// JUnit's XML, as test runners of a pipeline show it.
  case junit
  /// SARIF 2.1.0, as code scanning shows it.
  case sarif
  /// GitHub's Markdown, short enough for a comment.
  case markdown
  /// One page that needs nothing else.
  case html

  /// The type of the content.
  public var mediaType: String {
    switch self {
    case .json: "application/json"
    case .junit: "application/xml"
    case .sarif: "application/sarif+json"
    case .markdown: "text/markdown; charset=utf-8"
    case .html: "text/html; charset=utf-8"
    }
  }

  /// The reports as one text.
  public func text(of reports: [DriftReport]) -> String {
    switch self {
    case .json: JSONValue.array(reports.map(\.json)).description + "\n"
    case .junit: JUnitReport.text(of: reports)
    case .sarif: SARIFReport.json(of: reports).description + "\n"
    case .markdown: MarkdownReport.text(of: reports)
    case .html: HTMLReport.text(of: reports)
    }
  }
}
