// Operations: the page, health, readiness, metrics and the description of the API, for whoever runs
// the service or writes a client.
//
// Called through the route table, without a token: nothing here names a project or a secret.

import CanonicalJSON
import LedgerServices

/// The endpoints for whoever runs the service.
enum Operations {
  /// The page for people.
  static func page(_ api: API) async -> Answer {
    Answer(status: 200, contentType: "text/html; charset=utf-8", content: Page.html, size: nil)
  }

  /// The process answers; looks at nothing else.
  static func health(_ api: API) async -> Answer {
    var text = ObjectText()
    text.text("status", "ok")
    return .json(text.bytes, size: nil)
  }

  /// Whether requests can be served, and what is in the way.
  static func readiness(_ api: API) async -> Answer {
    let components = await api.services.readiness()
    let isReady = components.allSatisfy { $0.trouble == nil }
    var text = ObjectText()
    text.text("status", isReady ? "ready" : "not_ready")
    text.list(
      "components",
      components.map { component in
        var text = ObjectText()
        text.text("name", component.name)
        text.text("trouble", component.trouble)
        return text.bytes
      })
    return .json(text.bytes, status: isReady ? 200 : 503, size: nil)
  }

  /// Everything that is counted.
  static func metrics(_ api: API) async -> Answer {
    var text = MetricsText()
    api.requests.write(into: &text)
    text.add(await api.services.metrics())
    return Answer(
      status: 200, contentType: "text/plain; version=0.0.4; charset=utf-8",
      content: Array(text.text.utf8), size: nil)
  }

  /// The description of the API.
  static func description(_ api: API) async -> Answer {
    .json(OpenAPIDocument.standard, size: nil)
  }
}

extension Operations {
  static let healthSchema = Schema.object(["status": .constant("ok")])

  static let readinessAnswers = [
    DescribedAnswer(200, "Requests can be served.", readinessContents("ready")),
    DescribedAnswer(503, "Requests cannot be served yet.", readinessContents("not_ready")),
  ]

  private static func readinessContents(_ status: String) -> [(type: String, schema: Schema)] {
    let component = Schema.object(["name": .text(), "trouble": Schema.text().orNull])
    return [
      (
        "application/json",
        .object(["status": .constant(status), "components": .list(of: component)])
      )
    ]
  }

  static let pageAnswer = DescribedAnswer(200, "A page of HTML.", [("text/html", .text())])

  static let metricsAnswer = DescribedAnswer(
    200, "The counts, in the Prometheus text format.", [("text/plain", .text())])

  static let descriptionAnswer = DescribedAnswer.ok(
    .openObject(["openapi": .text(), "info": .openObject(), "paths": .openObject()]),
    "An OpenAPI 3.1 document.")
}
