// A server on two loops with a handler that shows what reached it.

import EventLoop
import HTTPServer
import HTTPWire
import Synchronization

/// A handler of a few routes that keeps the targets it was asked for.
final class TestHandler: HTTPHandler {
  private let seen = Mutex<[String]>([])
  private let gates = Mutex<[CheckedContinuation<Void, Never>]>([])
  private let open = Mutex(false)
  let streamed = Atomic<Int>(0)
  let streamFailures = Atomic<Int>(0)
  let offLoop = Atomic<Int>(0)
  let loops: [EventLoop]

  init(loops: [EventLoop]) { self.loops = loops }

  /// `METHOD target body` of every request that reached `respond`.
  var requests: [String] { seen.withLock { $0 } }

  /// How many requests wait in `/gate`.
  var waiting: Int { gates.withLock { $0.count } }

  /// Lets every request to `/gate` go on.
  func openGate() {
    open.withLock { $0 = true }
    for gate in gates.withLock({ gates in
      defer { gates = [] }
      return gates
    }) { gate.resume() }
  }

  func admit(_ head: HTTPRequest) -> HTTPAdmission {
    switch head.path {
    case "/echo": return .read(bodyBytesMax: 1000)
    case "/small": return .read(bodyBytesMax: 10)
    case "/huge": return .read(bodyBytesMax: .max)
    case "/early":
      let fields = HTTPFields([("Allow", "GET")])
      return .answer(HTTPResponse(status: 405, fields: fields, body: text("early")))
    default: return .ignoreBody
    }
  }

  func respond(to request: HTTPRequest) async -> HTTPResponse {
    let body = String(decoding: request.body.prefix(1000), as: UTF8.self)
    seen.withLock { $0.append("\(request.method) \(request.target) \(body)") }
    if !loops.contains(where: \.isCurrent) { offLoop.add(1, ordering: .relaxed) }
    switch request.path {
    case "/204": return HTTPResponse(status: 204, body: text("no"))
    case "/304": return HTTPResponse(status: 304, body: text("no"))
    case "/large":
      return HTTPResponse(status: 200, body: .bytes([UInt8](repeating: 0x78, count: 20_000_000)))
    case "/echo", "/small": return HTTPResponse(status: 200, body: text("[\(body)]"))
    case "/huge": return HTTPResponse(status: 200, body: text("\(request.body.count)"))
    case "/gate":
      await withCheckedContinuation { continuation in
        if open.withLock({ $0 }) { return continuation.resume() }
        gates.withLock { $0.append(continuation) }
      }
      return HTTPResponse(status: 200, body: text("through"))
    case "/stream": return HTTPResponse(status: 200, body: .stream(stream(of: ["a", "", "bc"])))
    case "/broken":
      let stream = HTTPBodyStream { writer async throws(HTTPStreamError) in
        try await writer.write(Array("half".utf8))
        throw .abandoned
      }
      return HTTPResponse(status: 200, body: .stream(stream))
    case "/endless": return HTTPResponse(status: 200, body: .stream(endless()))
    default:
      let host = request.fields["Host"] ?? ""
      return HTTPResponse(status: 200, body: text("\(request.target)@\(host)"))
    }
  }

  func refusal(_ refusal: HTTPRefusal, target: String?) -> HTTPResponse {
    let fields = HTTPFields([("Content-Type", "application/problem+json")])
    let body = text("{\(refusal.message)|\(target ?? "-")}")
    return HTTPResponse(status: refusal.status, fields: fields, body: body)
  }

  private func text(_ text: String) -> HTTPBody { .bytes(Array(text.utf8)) }

  private func stream(of pieces: [String]) -> HTTPBodyStream {
    HTTPBodyStream { writer async throws(HTTPStreamError) in
      for piece in pieces { try await writer.write(Array(piece.utf8)) }
    }
  }

  private func endless() -> HTTPBodyStream {
    HTTPBodyStream { writer async throws(HTTPStreamError) in
      do throws(HTTPStreamError) {
        try await self.writeForever(to: writer)
      } catch {
        self.streamFailures.add(1, ordering: .relaxed)
        throw error
      }
    }
  }

  private func writeForever(to writer: HTTPBodyWriter) async throws(HTTPStreamError) {
    let block = [UInt8](repeating: 0x79, count: 65_536)
    while true {
      try await writer.write(block)
      streamed.add(block.count, ordering: .relaxed)
    }
  }
}

/// A running server.
struct TestServer: Sendable {
  let address: SocketAddress
  let handler: TestHandler
  let server: HTTPServer
  let loops: [EventLoop]
}

/// The documented limits but for one.
func configured<Value>(
  _ limit: WritableKeyPath<HTTPServerConfiguration, Value>, _ value: Value
) -> HTTPServerConfiguration {
  var configuration = HTTPServerConfiguration()
  configuration[keyPath: limit] = value
  return configuration
}

/// Runs `body` against a server, which is drained afterwards.
func withServer<R>(
  loops count: Int = 2, _ wanted: HTTPServerConfiguration = HTTPServerConfiguration(),
  _ body: (TestServer) async throws -> R
) async throws -> R {
  var configuration = wanted
  configuration.drainGrace = .milliseconds(20)
  var loops: [EventLoop] = []
  for index in 0..<count {
    let loop = try EventLoop(name: "http-\(index)")
    loop.start()
    loops.append(loop)
  }
  let handler = TestHandler(loops: loops)
  let server = HTTPServer(
    address: try SocketAddress("127.0.0.1:0"), loops: loops, configuration: configuration,
    handler: handler)
  let address = try server.start()
  let result: Result<R, any Error>
  do {
    result = .success(
      try await body(
        TestServer(address: address, handler: handler, server: server, loops: loops)))
  } catch {
    result = .failure(error)
  }
  handler.openGate()
  await server.drain(deadline: .now.advanced(by: .seconds(5)))
  for loop in loops {
    loop.stop()
    loop.join()
  }
  return try result.get()
}

/// Waits until the condition holds, for at most ten seconds.
func eventually(_ condition: () -> Bool) async -> Bool {
  let deadline = ContinuousClock.now.advanced(by: .seconds(10))
  while !condition() {
    guard ContinuousClock.now < deadline else { return false }
    try? await Task.sleep(for: .milliseconds(2))
  }
  return true
}
