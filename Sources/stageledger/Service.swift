// Service: one running instance: its API on a socket, its health, its numbers, its log of requests.
//
// Called by `Serve` and the demo; made over a `Backend`. Invariant: after `stop` no connection is
// open, every request that was taken has its answer, and the access log is written.

import CanonicalJSON
import EventLoop
import Foundation
import HTTPServer
import HTTPWire
import LedgerAPI
import LedgerServices
import Synchronization

/// One running instance.
final class Service: Sendable {
  /// How long requests may go on once the service is told to stop.
  private static let drainTimeout: Duration = .seconds(20)

  /// Its address, as a URL.
  let url: String
  /// Its use cases.
  let services: Services
  private let server: HTTPServer
  private let accesses: AccessWriter
  private let condition: Condition
  private let timekeeper: Task<Void, Never>
  private let runner: Task<Void, Never>
  private let settling: Task<Void, Never>

  /// What the parts of a running instance know of each other.
  private final class Condition: Sendable {
    let isStopping = Atomic<Bool>(false)
    let running = Mutex<(server: HTTPServer, services: Services, settler: Settler)?>(nil)
  }

  /// Starts an instance over the record.
  static func start(
    over backend: Backend, at address: SocketAddress, log: Log
  ) throws(CommandError) -> Service {
    let condition = Condition()
    let services = backend.services(
      readiness: { readiness(of: backend, condition) },
      metrics: { await metrics(of: backend, condition) })
    let settler = backend.settler(of: services, log: log)
    let api = API(services: services) { requestID, trouble in
      log(
        .error, "trouble", [("request_id", .string(requestID)), ("trouble", .string(trouble))])
    }
    let server = HTTPServer(
      address: address, loops: backend.loops, configuration: HTTPServerConfiguration(),
      handler: RequestHandler(api: api, log: log))
    do throws(SystemError) {
      let bound = try server.start()
      condition.running.withLock { $0 = (server, services, settler) }
      return Service(
        url: "http://\(bound)", services: services, server: server,
        accesses: AccessWriter(services.accesses, on: backend.loops[0], log: log),
        condition: condition, timekeeper: backend.keepTime(for: services.tails),
        runner: backend.makeRuns(of: services.runs, log: log),
        settling: backend.settle(settler))
    } catch {
      throw .listen(address.description, error)
    }
  }

  /// The address somebody typed.
  static func address(_ text: String) throws(CommandError) -> SocketAddress {
    do {
      return try SocketAddress(text)
    } catch {
      throw .usage(
        .badValue(of: "--listen", given: text, expected: "an address such as 127.0.0.1:8087"))
    }
  }

  private init(
    url: String, services: Services, server: HTTPServer, accesses: AccessWriter,
    condition: Condition, timekeeper: Task<Void, Never>, runner: Task<Void, Never>,
    settling: Task<Void, Never>
  ) {
    self.url = url
    self.services = services
    self.server = server
    self.accesses = accesses
    self.condition = condition
    self.timekeeper = timekeeper
    self.runner = runner
    self.settling = settling
  }

  /// Refuses new work, ends live tails, lets what runs end, and closes.
  func stop() async {
    condition.isStopping.store(true, ordering: .releasing)
    services.tails.stop()
    timekeeper.cancel()
    runner.cancel()
    settling.cancel()
    await settling.value
    await runner.value
    await timekeeper.value
    await server.drain(deadline: .now + Self.drainTimeout)
    await accesses.stop()
  }

  private static func readiness(
    of backend: Backend, _ condition: Condition
  ) -> [ComponentStatus] {
    let isStopping = condition.isStopping.load(ordering: .acquiring)
    return [
      ComponentStatus(
        name: "database", trouble: backend.isAvailable ? nil : "it does not answer"),
      ComponentStatus(name: "service", trouble: isStopping ? "it is stopping" : nil),
    ]
  }

  private static func metrics(
    of backend: Backend, _ condition: Condition
  ) async -> [MetricSample] {
    func sample(
      _ name: String, _ help: String, _ kind: MetricSample.Kind, _ value: Int
    ) -> MetricSample {
      MetricSample(name: name, help: help, kind: kind, labels: [], value: Double(value))
    }
    var samples = [
      sample(
        "stageledger_database_up", "Whether the database answers on every event loop.", .gauge,
        backend.isAvailable ? 1 : 0)
    ]
    if let (server, services, settler) = condition.running.withLock({ $0 }) {
      let statistics = server.statistics
      samples += [
        sample(
          "stageledger_append_batches_total", "Transactions that appended events.", .counter,
          services.appender.batchCount),
        sample(
          "stageledger_append_events_total", "Events appended.", .counter,
          services.appender.eventCount),
        sample(
          "stageledger_nonces_total", "Signed requests that brought a nonce of their own.",
          .counter, services.nonces.takenCount),
        sample(
          "stageledger_nonces_repeated_total", "Signed requests that brought a used nonce.",
          .counter, services.nonces.refusedCount),
        sample(
          "stageledger_access_log_dropped_total",
          "Requests that are missing in the access log.", .counter,
          Int(services.accesses.droppedCount)),
        sample(
          "stageledger_live_tails", "Live tails open at the moment.", .gauge,
          services.tails.count),
        sample(
          "stageledger_http_connections", "Connections open at the moment.", .gauge,
          statistics.connectionsOpen),
        sample(
          "stageledger_http_connections_total", "Connections accepted.", .counter,
          statistics.connections),
        sample(
          "stageledger_http_refusals_total", "Messages and connections refused.", .counter,
          statistics.refusals),
      ]
      samples += changeSamples(services.changes, settler)
    }
    return samples + backend.news.samples + backend.deliveryNews.samples
  }
}

/// Hands requests to the API and writes a line about each answer.
private struct RequestHandler: HTTPHandler {
  let api: API
  let log: Log

  func admit(_ head: HTTPRequest) -> HTTPAdmission {
    switch api.admit(head) {
    case .read(let bodyBytesMax):
      return .read(bodyBytesMax: bodyBytesMax)
    case .answer(let response):
      tell(head, response, since: nil)
      return .answer(response)
    }
  }

  func respond(to request: HTTPRequest) async -> HTTPResponse {
    let begin = ContinuousClock.now
    let response = await api.respond(to: request)
    tell(request, response, since: begin)
    return response
  }

  func refusal(_ refusal: HTTPRefusal, target: String?) -> HTTPResponse {
    api.refusal(refusal, target: target)
  }

  private func tell(
    _ request: HTTPRequest, _ response: HTTPResponse, since begin: ContinuousClock.Instant?
  ) {
    let level: Log.Level = response.status >= 500 ? .error : .info
    guard level >= log.least else { return }
    var fields: [(String, JSONValue)] = [
      ("request_id", .string(response.fields["X-Request-Id"] ?? "")),
      // A method nobody serves is a text of a stranger's.
      ("method", .string(Self.methods.contains(request.method) ? request.method : "other")),
      ("route", .string(api.label(of: request) ?? "none")),
      ("status", .integer(Int64(response.status))),
    ]
    if let trace = request.fields["traceparent"], let id = Self.traceID(trace) {
      fields.append(("trace_id", .string(id)))
    }
    if let begin {
      let (seconds, attoseconds) = (ContinuousClock.now - begin).components
      let microseconds = seconds &* 1_000_000 &+ attoseconds / 1_000_000_000_000
      fields.append(("duration_s", .double(Double(microseconds) / 1_000_000)))
    }
    log(level, "request", fields)
  }

  private static let methods: Set = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"]

  /// The id in a `traceparent` field.
  ///
  /// Source: W3C Trace Context, section 3.2.
  private static func traceID(_ text: String) -> String? {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count >= 4, parts[1].utf8.count == 32,
      parts[1].utf8.allSatisfy({ ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x61 && $0 <= 0x66) })
    else { return nil }
    return String(parts[1])
  }
}
