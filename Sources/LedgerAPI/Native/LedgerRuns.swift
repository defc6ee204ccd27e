// LedgerRuns: drift runs: starting one, the list of them, and what each found, in every form.
//
// Called through the route table; calls `DriftRuns`, `DriftRunStore` and `DriftHistory`. A run may
// take minutes: whoever starts one gets its address at once. The report is made from the log.

import CanonicalJSON
import HTTPWire
import Ledger
import LedgerServices

/// The calls about drift runs.
enum LedgerRuns {
  /// `POST .../drift/runs`: starts a run, or names the one that is under way.
  static func start(_ call: Call) async throws(Failure) -> Answer {
    try Conditions.refuseExpectation(of: call.request)
    let key = try Conditions.idempotency(of: call)?.key
    let run: DriftRun
    do throws(RunStartError) {
      run = try await call.services.runs.start(call.project, key: key, requestID: call.requestID)
    } catch {
      throw Failure(error)
    }
    let size = try? await call.services.records.known(at: nil, in: call.project.id).size
    var answer = Answer.json(
      object(run, now: call.services.clock.now).bytes, status: 202, size: size)
    answer.fields.append(("Location", "\(call.request.path)/\(run.id.text)"))
    return answer
  }

  /// `GET .../drift/runs`: a page of the runs, the newest first.
  static func list(_ call: Call) async throws(Failure) -> Answer {
    let limit = try call.query.limit()
    var after: RunPlace?
    if let text = call.query["cursor"] {
      guard let cursor = RunsCursor(text) else { throw .input("cursor", .badCursor) }
      after = cursor.after
    }
    let begin = after
    let services = call.services
    let project = call.project.id
    let reading = try await call.read { () async throws(StoreError) in
      try await services.runStore.runs(in: project, after: begin, limit: limit + 1)
    }
    let page = reading.value.prefix(limit)
    let last = reading.value.count > limit ? page.last : nil
    let cursor = last.map {
      RunsCursor(after: RunPlace(startedAt: $0.startedAt, id: $0.id)).text
    }
    let now = services.clock.now
    var text = ObjectText()
    text.list("runs", page.map { object($0, now: now).bytes })
    text.text("next", cursor)
    return .json(
      text.bytes, size: reading.size,
      next: cursor.map { call.nextTarget(limit: limit, cursor: $0) })
  }

  /// `GET .../drift/runs/{run}`: the run, with its report once it has ended; or the report alone.
  static func show(_ call: Call) async throws(Failure) -> Answer {
    let id: RunID = try call.identifier(.run)
    let format = try format(call)
    let services = call.services
    let project = call.project.id
    let reading = try await call.read { () async throws(StoreError) in
      try await services.runStore.run(id, in: project)
    }
    guard let run = reading.value else { throw .missing(.run, size: reading.size) }
    var report: DriftReport?
    if case .completed(let position)? = run.outcome {
      do { report = try await services.drift.report(of: position, in: project) } catch {
        throw .store(error)
      }
    }
    guard format != .json else {
      var text = object(run, now: services.clock.now)
      text.raw("report", report.map { $0.json.canonicalBytes() })
      var answer = Answer.json(text.bytes, size: reading.size)
      answer.fields.append(("Vary", "Accept"))
      return answer
    }
    guard let report else { throw .missing(.report, size: reading.size) }
    var answer = Answer(
      status: 200, contentType: format.mediaType, content: Array(format.text(of: [report]).utf8),
      size: reading.size)
    answer.fields = [("Vary", "Accept"), ("X-Content-Type-Options", "nosniff")]
    if format == .html {
      answer.fields.append(
        ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"))
    }
    return answer
  }

  /// The form asked for by name, or else the one the client would rather have.
  private static func format(_ call: Call) throws(Failure) -> ReportFormat {
    if let text = call.query["format"] {
      guard let format = ReportFormat(rawValue: text) else {
        throw .input("format", .notAmong(ReportFormat.allCases.map(\.rawValue)))
      }
      return format
    }
    let ranges = AcceptRange.all(in: call.request.fields.values("Accept"))
    guard !ranges.isEmpty else { return .json }
    var best: (format: ReportFormat, quality: (thousandths: Int, precision: Int))?
    for format in ReportFormat.allCases {
      let quality = AcceptRange.quality(of: format.essence, in: ranges)
      guard quality.thousandths > 0, best.map({ $0.quality < quality }) ?? true else { continue }
      best = (format, quality)
    }
    guard let best else {
      throw .notAcceptable(offered: ReportFormat.allCases.map(\.essence))
    }
    return best.format
  }

  private static func object(_ run: DriftRun, now: Instant) -> ObjectText {
    var text = ObjectText()
    text.text("run", run.id.text)
    text.text("state", run.state(at: now).rawValue)
    text.instant("started_at", run.startedAt)
    text.instant("ended_at", run.endedAt)
    switch run.outcome {
    case .completed(let position):
      text.integer("position", position.index)
      text.text("failure", nil)
    case .failed(let why):
      text.integer("position", nil)
      text.text("failure", Markup.visible(why))
    case nil:
      text.integer("position", nil)
      text.text("failure", nil)
    }
    return text
  }
}

extension ReportFormat {
  /// The type of the content without its parameters.
  var essence: String { String(mediaType.prefix { $0 != ";" }) }
}
