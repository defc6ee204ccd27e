// LongScenarios: what goes through a whole log, and what is known only after all the others.
//
// Called through `Scenarios`. Invariant: what a command answers is looked at, not only its time.

import Foundation
import Glibc

/// What is measured once, over a large log.
enum LongScenarios {
  /// In the order in which they run.
  static func all(_ eventsMax: Int) -> [Scenario] {
    [
      once("snapshot", eventsMax) { bench throws(BenchError) in
        let filled = try bench.grown()
        let stream = try stream(
          "/ledger/v1/\(filled.tenant.project)/snapshot", filled.tenant, bench)
        guard stream.lines >= filled.secrets else { throw .answer("\(stream.lines) lines") }
        return Round(
          perSecond: Double(filled.secrets) / stream.seconds,
          others: ["mib_per_second": stream.mebibytes / stream.seconds])
      },
      once("export", eventsMax) { bench throws(BenchError) in
        let filled = try bench.grown()
        let file = bench.world.folder + "/export"
        let service = try bench.world.service()
        let token = bench.world.folder + "/token"
        try write(filled.tenant.token, to: token)
        let outcome = try bench.world.command([
          "export", file, "--url", "http://127.0.0.1:\(service.port)", "--token-file", token,
          "--project", filled.tenant.project,
        ])
        return Round(perSecond: Double(bench.grownEvents) / outcome.seconds)
      },
      once("verify", eventsMax) { bench throws(BenchError) in
        let outcome = try bench.world.command(
          ["verify", "--project", try bench.grown().tenant.project])
        return Round(
          perSecond: Double(bench.grownEvents) / outcome.seconds,
          others: ["seconds": outcome.seconds])
      },
      once("rebuild", eventsMax) { bench throws(BenchError) in
        let outcome = try bench.world.command(
          ["rebuild", "--project", try bench.grown().tenant.project])
        return Round(
          perSecond: Double(bench.grownEvents) / outcome.seconds,
          others: ["seconds": outcome.seconds])
      },
      Scenario(
        name: "reconcile-10000", reference: nil, clients: 1, repetition: .once, length: .full
      ) { bench, _ throws(BenchError) in try reconcile(10_000, bench) },
      Scenario(name: "bytes-per-event", reference: nil, clients: 1, repetition: .once) {
        bench, _ throws(BenchError) in try size(bench)
      },
      Scenario(name: "memory-loaded", reference: nil, clients: 1, repetition: .once) {
        bench, _ throws(BenchError) in
        let service = try bench.world.service()
        return Round(
          others: [
            "resident_mib": service.residentBytes / 1_048_576,
            "resident_most_mib": service.residentBytesMax / 1_048_576,
          ])
      },
      once("start", eventsMax) { bench throws(BenchError) in
        let service = try bench.world.restart()
        return Round(
          others: [
            "start_ms": service.startSeconds * 1_000,
            "resident_mib": service.residentBytes / 1_048_576,
          ])
      },
    ]
  }

  private static func once(
    _ name: String, _ events: Int, _ run: @escaping (Bench) throws(BenchError) -> Round
  ) -> Scenario {
    Scenario(
      name: name, reference: nil, clients: 1, repetition: .once, length: .full, events: events
    ) { bench, _ throws(BenchError) in try run(bench) }
  }

  /// Reads an answer of any length to its end.
  private static func stream(
    _ path: String, _ tenant: Tenant, _ bench: Bench
  ) throws(BenchError) -> (lines: Int, mebibytes: Double, seconds: Double) {
    let descriptor = try Load.connect(try bench.world.service().port)
    defer { close(descriptor) }
    let begin = Load.now()
    let request = """
      GET \(path) HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Auth-Token: \(tenant.token)\r\n\
      Connection: close\r\n\r\n
      """
    try Load.send(Array(request.utf8), to: descriptor)
    var buffer = [UInt8](repeating: 0, count: 262_144)
    var (lines, bytes) = (0, 0)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      guard count >= 0 else { throw .system("recv", code: errno) }
      if count == 0 { break }
      if bytes == 0, String(decoding: buffer[9..<12], as: UTF8.self) != "200" {
        throw .answer(String(decoding: buffer[..<count], as: UTF8.self))
      }
      bytes += count
      lines += buffer[..<count].count { $0 == 0x0A }
    }
    return (lines, Double(bytes) / 1_048_576, Double(Load.now() - begin) / 1e9)
  }

  /// Compares a ledger with a second instance that plays its cloud.
  private static func reconcile(_ secrets: Int, _ bench: Bench) throws(BenchError) -> Round {
    let world = bench.world
    let cloudURL = try world.makeDatabase("cloud")
    let cloud = try world.start(url: cloudURL)
    defer { cloud.stop() }
    let number = 0xFFFF
    let there = try world.tenant(number, provider: "huawei", url: cloudURL)
    let here = try world.tenant(number, provider: "huawei")
    _ = try Filled(there, secrets: secrets, port: cloud.port)
    _ = try Filled(here, secrets: secrets, port: try world.service().port)
    let token = world.folder + "/cloud-token"
    try write(there.token, to: token)
    _ = try world.command([
      "project", "set", here.project, "--upstream-mode", "read", "--upstream-url",
      "http://127.0.0.1:\(cloud.port)", "--upstream-project", there.project,
      "--upstream-token-file", token,
    ])
    let outcome = try world.command(["reconcile", "--project", here.project])
    return Round(
      perSecond: Double(secrets) / outcome.seconds, others: ["seconds": outcome.seconds])
  }

  /// What the log and all that is made of it take on disk, with every index.
  private static func size(_ bench: Bench) throws(BenchError) -> Round {
    _ = try bench.filled("huawei")
    let answer = try bench.world.ask(
      """
      SELECT (SELECT count(*) FROM ledger.event),
        pg_total_relation_size('ledger.event'),
        (SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = 'ledger' AND c.relkind = 'r')
      """)
    let numbers = answer.split(separator: "|").compactMap { Double($0) }
    guard numbers.count == 3, numbers[0] > 0 else { throw .program("psql", said: answer) }
    return Round(
      others: [
        "events": numbers[0], "bytes": numbers[1] / numbers[0],
        "bytes_of_all_tables": numbers[2] / numbers[0],
      ])
  }

  private static func write(_ text: String, to path: String) throws(BenchError) {
    guard
      FileManager.default.createFile(
        atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600])
    else { throw .system("open", code: errno) }
  }
}
