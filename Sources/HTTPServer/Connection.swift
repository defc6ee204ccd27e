// One connection: requests in, answers out, in order.
//
// Called by: `LoopServer`, one task for each connection. Calls: the parser, the handler, the
// writer, `ByteStream`.
// Invariant: an answer is written whole before the next head is read; after a framing error
// there is one answer and nothing more; a body that is not whole is never handed over.

import EventLoop
import HTTPWire

/// What happens to a connection after an answer.
private enum Fate {
  case goesOn
  /// The client is told and the connection closed with a linger.
  case closes
  /// The client is gone, or must see that the answer is not whole.
  case isOver
}

/// The state of one connection, used on its loop only.
final class Connection {
  private let stream: ByteStream
  private let loop: EventLoop
  private let scratch: LoopScratch
  private let handler: any HTTPHandler
  private let configuration: HTTPServerConfiguration
  private let counters: HTTPServerCounters
  private var parser: HTTPRequestParser
  private var output: [UInt8] = []
  private var isDraining = false
  private var isIdle = false

  init(
    stream: ByteStream, loop: EventLoop, scratch: LoopScratch, handler: any HTTPHandler,
    configuration: HTTPServerConfiguration, counters: HTTPServerCounters
  ) {
    self.stream = stream
    self.loop = loop
    self.scratch = scratch
    self.handler = handler
    self.configuration = configuration
    self.counters = counters
    parser = HTTPRequestParser(limits: configuration.limits)
  }

  /// Serves requests until the connection ends.
  func run() async {
    var fate = Fate.goesOn
    while case .goesOn = fate { fate = await serveOne() }
    if case .closes = fate {
      await stream.closeLingering(for: configuration.lingerTimeout)
    } else {
      stream.close()
    }
  }

  /// Answers one refusal and nothing else.
  func refuseAll(_ refusal: HTTPRefusal) async {
    if case .closes = await refuse(refusal) {
      await stream.closeLingering(for: configuration.lingerTimeout)
    }
    stream.close()
  }

  /// Ends the connection after the request in progress, or the one that is just arriving.
  func drain() {
    isDraining = true
    if isIdle { stream.hasten(to: loop.now.advanced(by: configuration.drainGrace)) }
  }

  /// Ends the connection at once.
  func close() {
    stream.close()
  }

  // MARK: One request

  private func serveOne() async -> Fate {
    var head: HTTPHead
    switch await readHead() {
    case .success(let read): head = read
    case .failure(let end): return end.fate
    }
    head.request.peer = stream.peer
    counters.countRequest()
    guard head.expectation != .unknown else {
      counters.countRefusal()
      let refusal = HTTPRefusal(.unknownExpectation)
      return await answerEarly(handler.refusal(refusal, target: head.request.target), to: head)
    }
    // Whoever brings no body asks only once: there is nothing to hold back.
    let admission =
      head.framing == .none ? .read(bodyBytesMax: 0) : handler.admit(head.request)
    switch admission {
    case .answer(let response):
      return await answerEarly(response, to: head)
    case .ignoreBody:
      let response = await handler.respond(to: head.request)
      return await answerEarly(response, to: head)
    case .read(let bytesMax):
      parser.readBody(bytesMax: min(bytesMax, configuration.bodyBytesMax))
      switch await readBody(of: head) {
      case .failure(let end): return end.fate
      case .success(let body):
        var request = head.request
        request.body = body
        let response = await handler.respond(to: request)
        return await send(response, context(of: head, closes: false))
      }
    }
  }

  /// Answers before the body has been read, and then lets the body go by or closes.
  private func answerEarly(_ response: HTTPResponse, to head: HTTPHead) async -> Fate {
    let isTooLong: Bool
    switch head.framing {
    case .none, .chunked: isTooLong = false
    case .length(let length): isTooLong = length > configuration.droppedBytesMax
    }
    // Whoever waits for 100 may send the body or not: only closing is clear.
    let isAmbiguous =
      head.expectation == .goOn && head.framing != .none && !parser.hasUnreadBytes
    let fate = await send(response, context(of: head, closes: isTooLong || isAmbiguous))
    guard case .goesOn = fate else { return fate }
    parser.dropBody(bytesMax: configuration.droppedBytesMax)
    if case .dropped = parser.next() { return .goesOn }
    return await dropBody()
  }

  private func dropBody() async -> Fate {
    let deadline = loop.now.advanced(by: configuration.bodyTimeout)
    while true {
      switch parser.next() {
      case .dropped: return .goesOn
      case .head, .body, .refused: return .closes
      case nil: break
      }
      guard case .bytes(let count) = await stream.read(until: deadline) else { return .closes }
      parser.receive(scratch.input[..<count])
    }
  }

  // MARK: Reading

  /// Why there is nothing to read any more.
  private struct End: Error {
    let fate: Fate
  }

  private func readHead() async -> Result<HTTPHead, End> {
    let patience = isDraining ? configuration.drainGrace : configuration.idleTimeout
    let idleDeadline = loop.now.advanced(by: patience)
    var headDeadline: ContinuousClock.Instant?
    while true {
      switch parser.next() {
      case .head(let head): return .success(head)
      case .refused(let refusal): return .failure(End(fate: await refuse(refusal)))
      case .body, .dropped: continue
      case nil: break
      }
      isIdle = parser.isIdle
      if !isIdle, headDeadline == nil {
        headDeadline = loop.now.advanced(by: configuration.headTimeout)
      }
      let read = await stream.read(until: headDeadline ?? idleDeadline)
      let wasIdle = isIdle
      isIdle = false
      switch read {
      case .bytes(let count): parser.receive(scratch.input[..<count])
      case .ended: return .failure(End(fate: .isOver))
      case .timedOut:
        guard !wasIdle else { return .failure(End(fate: .isOver)) }
        let refusal = HTTPRefusal(.headTimedOut(limit: configuration.headTimeout))
        return .failure(End(fate: await refuse(refusal)))
      }
    }
  }

  private func readBody(of head: HTTPHead) async -> Result<[UInt8], End> {
    var owesGoOn = head.expectation == .goOn && !parser.hasUnreadBytes
    var bodyDeadline: ContinuousClock.Instant?
    while true {
      switch parser.next() {
      case .body(let body): return .success(body)
      case .refused(let refusal): return .failure(End(fate: await refuse(refusal)))
      case .head, .dropped: return .failure(End(fate: .closes))
      case nil: break
      }
      if owesGoOn {
        owesGoOn = false
        guard case .done = await write(HTTPResponseWriter.goOn) else {
          return .failure(End(fate: .isOver))
        }
      }
      let deadline = bodyDeadline ?? loop.now.advanced(by: configuration.bodyTimeout)
      bodyDeadline = deadline
      switch await stream.read(until: deadline) {
      case .bytes(let count): parser.receive(scratch.input[..<count])
      case .ended: return .failure(End(fate: .isOver))
      case .timedOut:
        let refusal = HTTPRefusal(.bodyTimedOut(limit: configuration.bodyTimeout))
        return .failure(End(fate: await refuse(refusal)))
      }
    }
  }

  // MARK: Writing

  private func write(_ bytes: [UInt8]) async -> StreamWrite {
    await stream.write(bytes, within: configuration.writeTimeout)
  }

  private func refuse(_ refusal: HTTPRefusal) async -> Fate {
    counters.countRefusal()
    var response = handler.refusal(refusal, target: parser.target)
    if response.status == 503, response.fields["Retry-After"] == nil {
      response.fields.append("Retry-After", "1")
    }
    let context = HTTPResponseContext(
      isHead: parser.method == "HEAD", isHTTP10: false, closes: true)
    return await send(response, context)
  }

  private func context(of head: HTTPHead, closes: Bool) -> HTTPResponseContext {
    HTTPResponseContext(
      isHead: head.request.method == "HEAD", isHTTP10: head.request.isHTTP10,
      closes: closes || !head.keepsAlive || isDraining)
  }

  private func send(_ response: HTTPResponse, _ context: HTTPResponseContext) async -> Fate {
    output.removeAll(keepingCapacity: output.capacity <= 4096)
    let plan = HTTPResponseWriter.append(
      response, context: context, date: scratch.date.bytes(), to: &output)
    // Most answers go out at once: trying that first saves the way through the async calls.
    guard let sent = stream.writeNow(output) else { return .isOver }
    if sent < output.count {
      let timeout = configuration.writeTimeout
      guard case .done = await stream.write(output, from: sent, within: timeout) else {
        return .isOver
      }
    }
    guard case .stream(let body) = response.body else {
      return context.closes ? .closes : .goesOn
    }
    switch plan {
    case .nothing, .whole: return context.closes ? .closes : .goesOn
    case .chunks: return await send(body, inChunks: true, closes: context.closes)
    case .untilClose: return await send(body, inChunks: false, closes: true)
    }
  }

  private func send(_ body: HTTPBodyStream, inChunks: Bool, closes: Bool) async -> Fate {
    let writer = HTTPBodyWriter { bytes async throws(HTTPStreamError) in
      var piece = bytes
      if inChunks {
        piece = []
        piece.reserveCapacity(bytes.count + 20)
        HTTPResponseWriter.appendChunk(bytes, to: &piece)
      }
      guard case .done = await self.write(piece) else { throw .disconnected }
    }
    do throws(HTTPStreamError) {
      try await body.write(writer)
    } catch {
      stream.reset()
      return .isOver
    }
    if inChunks {
      guard case .done = await write(HTTPResponseWriter.lastChunk) else { return .isOver }
    }
    return closes ? .closes : .goesOn
  }
}
