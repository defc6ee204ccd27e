// Filled: a tenant with secrets whose label moves.
//
// Made by `Bench`, asked by the scenarios for their next request. Each secret has two versions, and
// one label that goes from one to the other and back: every move is one event. Invariant: a move
// always changes something, however many clients share the tenant.

import Glibc
import Ledger
import RequestSigning

/// A tenant with secrets.
final class Filled {
  /// Whose they are.
  let tenant: Tenant
  /// How many secrets there are.
  let secrets: Int
  private var moves = 0
  private var reads = 0
  /// The moment of the newest fact.
  private var lastMoment: Int64 = 0
  /// The time in which the label has moved, in microseconds since 1970.
  private var span: (from: Int64, to: Int64) = (0, 0)

  /// Makes the secrets, over any number of connections at once.
  init(_ tenant: Tenant, secrets: Int, port: UInt16) throws(BenchError) {
    self.tenant = tenant
    self.secrets = secrets
    let base = "/ledger/v1/\(tenant.project)/secrets"
    try Self.all(secrets, port: port) { number in
      Requests.send("POST", base, tenant, #"{"name":"\#(Requests.secret(number))"}"#)
    }
    for version in 1...2 {
      try Self.all(secrets, port: port) { number in
        Requests.send(
          "POST", "\(base)/\(Requests.secret(number))/versions", tenant,
          #"{"version_id":"\#(Requests.version(version, of: tenant))","stages":[]}"#)
      }
    }
    span.from = Self.now()
    try move(secrets, port: port)
  }

  /// Moves labels so many times.
  func move(_ count: Int, port: UInt16) throws(BenchError) {
    var left = count
    while left > 0 {
      // In pieces, since facts must be sent oldest first and clients overtake each other.
      let piece = min(left, secrets)
      let requests = (piece + Self.factsMax - 1) / Self.factsMax
      try Self.all(requests, port: port, clients: 8) { index in
        self.nextFacts(min(Self.factsMax, piece - index * Self.factsMax))
      }
      left -= piece
    }
    span.to = Self.now()
  }

  /// How many facts are sent at once.
  static let factsMax = 100

  /// The next moves of labels, as facts that have just come true.
  func nextFacts(_ count: Int) -> [UInt8] {
    let facts = (0..<count).map { _ in
      defer { moves += 1 }
      lastMoment = max(lastMoment + 1, Self.now() - 5_000)
      return (
        secret: moves % secrets, version: 1 + moves / secrets % 2,
        moment: Instant(microseconds: lastMoment)?.rfc3339 ?? ""
      )
    }
    return Requests.facts(facts, tenant)
  }

  /// The next move of a label.
  func nextMove() -> [UInt8] {
    defer { moves += 1 }
    return Requests.move(of: moves % secrets, to: 1 + moves / secrets % 2, tenant)
  }

  /// The next question where a label sits.
  func nextLabel() -> [UInt8] { Requests.label(of: nextSecret(), tenant) }

  /// The next question where a label sits, as a signed request of the cloud.
  func nextSigned(_ provider: String) throws(BenchError) -> [UInt8] {
    let secret = nextSecret()
    let now = SigningTime(seconds: Self.now() / 1_000_000)
    do throws(SignatureFault) {
      switch provider {
      case "huawei": return try Requests.huawei(of: secret, tenant, at: now)
      case "alibaba": return try Requests.alibaba(of: secret, tenant, at: now, nonce: reads)
      default: return try Requests.aws(of: secret, tenant, at: now)
      }
    } catch {
      throw .answer("cannot sign: \(error)")
    }
  }

  /// The next question to the ledger about now.
  func nextQuestion() -> [UInt8] { Requests.question(of: nextSecret(), at: nil, tenant) }

  /// The next question about a moment within the time in which the label has moved.
  func nextTravel() -> [UInt8] {
    let moment = Instant(microseconds: .random(in: span.from...max(span.from, span.to)))
    return Requests.question(of: nextSecret(), at: moment?.rfc3339, tenant)
  }

  /// Some secret, each as often as the others.
  private func nextSecret() -> Int {
    reads += 1
    return reads &* 7_919 % secrets
  }

  /// The time now, in microseconds since 1970.
  static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
  }

  /// Sends so many requests, each of which must be taken.
  private static func all(
    _ count: Int, port: UInt16, clients: Int = 64, _ request: @escaping (Int) -> [UInt8]
  ) throws(BenchError) {
    var sent = 0
    let outcome = try Load(
      port: port, clients: clients, pace: .closed, warmUp: 0, seconds: 3_600,
      statuses: [200, 201],
      next: {
        guard sent < count else { return nil }
        defer { sent += 1 }
        return request(sent)
      }
    ).run()
    if let answer = outcome.firstUnexpected { throw .answer(answer) }
  }
}
