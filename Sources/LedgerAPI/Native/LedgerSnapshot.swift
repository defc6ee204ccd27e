// LedgerSnapshot: all labels of a project at a moment, what changed between two, and who holds one
// for long.
//
// Called through the route table; calls `RecordStore`, page by page while the answer is sent. Each
// answer is lines of JSON. Invariant: what is known is fixed before the first line, so the lines
// show one record however long they take, and memory holds one page of labels.

import CanonicalJSON
import HTTPWire
import Ledger
import LedgerServices

/// The calls about all labels.
enum LedgerSnapshot {
  /// How many labels are looked at together.
  private static let pageSize = 256
  static let lines = "application/x-ndjson"
  /// The field of an answer about two moments that says what the watch between them vouches for.
  static let coverageField = "Ledger-Coverage"

  /// `GET /snapshot`: every label that marked a version, or may have.
  static func show(_ call: Call) async throws(Failure) -> Answer {
    let view = try await call.resolve(try call.query.moments())
    return stream(call, [view]) { key, answers in
      let answer = answers[0]
      guard answer.versionID != nil || answer.doubt != nil else { return nil }
      var text = ObjectText()
      text.text("secret", key.secret.text)
      text.text("stage", key.stage.text)
      text.answer(answer)
      return text.bytes
    }
  }

  /// `GET /diff`: every label of which the answers at two moments differ.
  static func diff(_ call: Call) async throws(Failure) -> Answer {
    let query = call.query
    let from: MomentPair
    let to: MomentPair
    switch query["axis"] ?? "effective" {
    case "effective":
      let known = try query.knowledge("known_at")
      from = MomentPair(effectiveAt: try query.required("from", query.instant), known: known)
      to = MomentPair(effectiveAt: try query.instant("to"), known: known)
    case "known":
      let effectiveAt = try query.instant("effective_at")
      from = MomentPair(
        effectiveAt: effectiveAt, known: try query.required("from", query.knowledge))
      to = MomentPair(effectiveAt: effectiveAt, known: try query.knowledge("to"))
    default:
      throw .input("axis", .malformed("effective or known"))
    }
    // What is known is settled once: an append between two looks would be a difference of its own.
    let end = try await call.resolve(to)
    var begin = try await call.resolve(from)
    if from.known == to.known { begin.known = end.known }
    if from.effectiveAt == nil { begin.effectiveAt = end.effectiveAt }
    // That no line tells of a label is worth what the watch between the two moments is worth.
    var fields: [(String, String)] = []
    if query["axis"] ?? "effective" == "effective" {
      let window = [begin.effectiveAt, end.effectiveAt].sorted()
      let (size, project) = (end.known.size, call.project.id)
      let records = call.services.records
      let coverage: Coverage
      do {
        coverage = try await records.coverage(
          from: window[0], until: window[1], knownSize: size, in: project)
      } catch {
        throw .store(error)
      }
      fields.append((coverageField, coverage.rawValue))
    }
    return stream(call, [begin, end], fields: fields) { key, answers in
      guard !answers[0].saysTheSame(as: answers[1]) else { return nil }
      var text = ObjectText()
      text.text("secret", key.secret.text)
      text.text("stage", key.stage.text)
      for (name, answer) in zip(["from", "to"] as [StaticString], answers) {
        var side = ObjectText()
        side.answer(answer)
        text.raw(name, side.bytes)
      }
      return text.bytes
    }
  }

  /// `GET /age`: every version that holds a label since long ago, and for how long.
  static func age(_ call: Call) async throws(Failure) -> Answer {
    let oldest = try call.query.duration("older_than") ?? 0
    var stage: StageName?
    if let text = call.query["stage"] {
      do { stage = try StageName(text) } catch { throw .input("stage", InputFault(error)) }
    }
    let view = try await call.resolve(try call.query.moments())
    return stream(call, [view], of: stage) { key, answers in
      guard let interval = answers[0].interval, let version = interval.versionID else {
        return nil
      }
      let age = view.effectiveAt.microseconds - interval.since.microseconds
      guard age >= oldest else { return nil }
      var text = ObjectText()
      text.text("secret", key.secret.text)
      text.text("stage", key.stage.text)
      text.text("version_id", version.text)
      text.instant("since", interval.since)
      text.instant("since_after", interval.sinceAfter)
      text.integer("age_seconds", age / 1_000_000)
      return text.bytes
    }
  }

  /// Answers with a line for each label, of `stage` alone if it is given, that `line` has one for.
  private static func stream(
    _ call: Call, _ views: [ResolvedMoments], of stage: StageName? = nil,
    fields: [(String, String)] = [],
    _ line: @escaping @Sendable (StageKey, [StageAnswer]) -> [UInt8]?
  ) -> Answer {
    let records = call.services.records
    let project = call.project.id
    let body = HTTPBodyStream { writer async throws(HTTPStreamError) in
      var after: StageKey?
      while true {
        var lines: [UInt8] = []
        let page: [StageKey]
        do throws(StoreError) {
          page = try await records.stageKeys(in: project, after: after, limit: pageSize).value
          let keys = page.filter { key in stage.map { $0 == key.stage } ?? true }
          var answers: [[StageAnswer]] = []
          for view in views {
            answers.append(
              try await records.answers(
                to: keys, at: view.effectiveAt, knownSize: view.known.size, in: project))
          }
          for (index, key) in keys.enumerated() {
            guard let line = line(key, answers.map { $0[index] }) else { continue }
            lines += line
            lines.append(0x0A)
          }
        } catch {
          // The reader sees the stream cut, and takes no part for the whole.
          throw .abandoned
        }
        try await writer.write(lines)
        guard page.count == pageSize, let last = page.last else { return }
        after = last
      }
    }
    let end = views.last?.known
    var answer = Answer(
      status: 200, contentType: lines, content: [], stream: body, size: end?.size)
    answer.fields += [("Cache-Control", "no-store")] + fields
    return answer
  }
}

extension StageAnswer {
  /// Whether both tell the same of who holds the label, however they came to it.
  fileprivate func saysTheSame(as other: StageAnswer) -> Bool {
    versionID == other.versionID && doubt?.candidates == other.doubt?.candidates
  }
}

extension ObjectText {
  /// What is said of a label at a moment: who held it, for how long, how certain, by which events.
  mutating func answer(_ answer: StageAnswer) {
    text("version_id", answer.versionID?.text)
    instant("since", answer.interval?.since)
    instant("until", answer.interval.map(\.until) ?? answer.firstChange)
    certainty(of: answer)
  }

  /// What can be told, and what cannot: `changed_between` also bounds the beginning of a stretch
  /// that is certain itself.
  mutating func certainty(of answer: StageAnswer) {
    text("certainty", answer.doubt == nil ? "exact" : "bounded")
    value(
      "candidates",
      .array((answer.doubt?.candidates ?? []).map { $0.map { .string($0.text) } ?? .null }))
    var between: (earliest: Instant, latest: Instant)?
    if let doubt = answer.doubt {
      between = (doubt.earliest, doubt.latest)
    } else if let interval = answer.interval, interval.sinceAfter != nil {
      between = (interval.earliest, interval.since)
    }
    raw(
      "changed_between",
      between.map { between in
        var text = ObjectText()
        text.instant("earliest", between.earliest)
        text.instant("latest", between.latest)
        return text.bytes
      })
    let decidedBy = answer.doubt?.decidedBy ?? answer.interval.map { [$0.decidedBy] } ?? []
    value("decided_by", .array(decidedBy.map { .integer($0.index) }))
  }
}
