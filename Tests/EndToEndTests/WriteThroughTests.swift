// Changes passed on to a cloud, which another instance of the program plays, over a network that
// breaks; and a service that is killed in the middle.
//
// Invariant: in the end the record and the cloud agree, and a repeated key learns what came of it.

import CanonicalJSON
import Foundation
import TestSupport
import Testing

/// A ledger, its cloud, and the network between them.
private final class CloudWorld: @unchecked Sendable {
  // `ledger` is replaced by one test that does nothing else meanwhile; all else never changes.
  let database: TestDatabase
  let folder: TemporaryFolder
  let cloud: RunningService
  let proxy: FaultyProxy
  let token: String
  let cloudToken: String
  private(set) var ledger: RunningService
  private let options: [String]
  private let environment = [
    "STAGELEDGER_SECRET_KEY": Data(repeating: 7, count: 32).base64EncodedString()
  ]

  init(provider: String) async throws {
    database = try TestDatabase.create(label: "write")
    folder = try TemporaryFolder(label: "write")
    let options = ["--database-url", database.url]
    self.options = options
    #expect(try await Program.run(["migrate"] + options).status == 0)
    // The cloud is a project of its own, changed by nobody else.
    let made = try await Program.run(
      ["project", "create", "cloud", "--provider", provider] + options)
    try #require(made.status == 0, "\(made.complaints)")
    let credential = try await Program.run(
      ["credential", "create", "ledger", "--project", "cloud", "--policy", "admin"] + options,
      environment: environment)
    let keys = try JSONValue(parsing: Array(credential.output.utf8))
    cloudToken = try #require(keys["token"]?.stringValue)
    cloud = try await RunningService(options, environment: environment)
    let port = try #require(cloud.url.split(separator: ":").last.flatMap { UInt16($0) })
    proxy = try FaultyProxy(to: port)
    let file = "\(folder.path)/key"
    var upstream = [
      "--upstream-mode", "write", "--upstream-url", "http://127.0.0.1:\(proxy.port)",
      "--upstream-project", "cloud",
    ]
    if provider == "huawei" {
      try Data(cloudToken.utf8).write(to: URL(fileURLWithPath: file))
      upstream += ["--upstream-token-file", file]
    } else {
      try Data(try #require(keys["secret_key"]?.stringValue).utf8)
        .write(to: URL(fileURLWithPath: file))
      upstream += [
        "--upstream-access-key", try #require(keys["access_key"]?.stringValue),
        "--upstream-secret-key-file", file,
      ]
    }
    #expect(chmod(file, 0o600) == 0)
    token = try await RunningService.makeProject(options, provider: provider)
    let set = try await Program.run(
      ["project", "set", RunningService.project] + upstream + options)
    try #require(set.status == 0, "\(set.complaints)")
    ledger = try await RunningService(options, environment: environment)
  }

  deinit {
    proxy.close()
    folder.remove()
    database.drop()
  }

  /// Makes a secret with two versions on both sides, each at first with the label on `v1`.
  func makeSecret(_ name: String) async throws {
    for (service, project, token) in [
      (cloud, "cloud", cloudToken), (ledger, RunningService.project, token),
    ] {
      let secret = try await service.send(
        "POST", "/ledger/v1/\(project)/secrets", ["name": .string(name)], token: token)
      try #require(secret.status == 201, "\(secret.json)")
      for version in ["v1", "v2"] {
        let made = try await service.send(
          "POST", "/ledger/v1/\(project)/secrets/\(name)/versions",
          ["version_id": .string(version), "stages": []], token: token)
        try #require(made.status == 201, "\(made.json)")
      }
    }
  }

  /// Moves the label in the ledger.
  func move(_ secret: String, to version: String, key: String) async throws -> Answer {
    try await ledger.send(
      "PUT", "/ledger/v1/\(RunningService.project)/secrets/\(secret)/stages/canary",
      ["version_id": .string(version)], token: token, fields: ["Idempotency-Key": key])
  }

  private func holder(
    _ secret: String, _ service: RunningService, _ project: String, _ token: String
  ) async throws -> JSONValue? {
    try await service.send(
      "GET", "/ledger/v1/\(project)/secrets/\(secret)/stages/canary", token: token
    ).json["version_id"]
  }

  /// What the record says of the label once nothing is open, and whether the cloud says the same.
  func settledHolder(of secret: String) async throws -> (holder: JSONValue?, isAgreed: Bool) {
    let there = try await holder(secret, cloud, "cloud", cloudToken)
    let here = try await holder(secret, ledger, RunningService.project, token)
    return (here, here == there)
  }

  /// The types of the events about a secret since its registration, in order.
  func types(of secret: String) async throws -> [String] {
    let answer = try await ledger.send("GET", ledger: "/events?limit=1000", token: token)
    return (answer.json["events"]?.arrayValue ?? [])
      .filter { $0["secret"]?.stringValue == secret }
      .compactMap { $0["type"]?.stringValue }
      .filter { $0 != "secret.registered" && $0 != "version.registered" }
  }

  /// Kills the service and starts it again.
  func killAndRestart() async throws {
    ledger.program.signal(SIGKILL)
    #expect(await ledger.program.status() == 128 + SIGKILL)
    ledger = try await RunningService(options, environment: environment)
  }

  func verify() async throws {
    let verified = try await Program.run(["verify"] + options)
    #expect(verified.status == 0, "\(verified.output) \(verified.complaints)")
    let rebuilt = try await Program.run(["rebuild"] + options)
    #expect(rebuilt.status == 0, "\(rebuilt.output) \(rebuilt.complaints)")
    #expect(!rebuilt.output.contains("change_request"), "\(rebuilt.output)")
  }
}

extension EndToEndTests {
  @Suite struct WriteThroughTests {
    @Test(arguments: ["huawei", "alibaba"])
    func `whatever breaks on the way, the record and the cloud agree in the end`(
      _ provider: String
    ) async throws {
      let world = try await CloudWorld(provider: provider)
      // The three that cost a time-out need to be waited for once only.
      let faults =
        provider == "huawei" ? FaultyProxy.Fault.allCases : [.requestLost, .answerLost, .garbage]
      for fault in faults { try await world.makeSecret("s-\(fault)") }
      try await world.makeSecret("s-fine")
      let fine = try await world.move("s-fine", to: "v1", key: "fine")
      #expect(fine.status == 201, "\(fine.json)")
      #expect(fine.json["event"]?["type"] == "stage.assigned")
      #expect(try await world.types(of: "s-fine") == ["change.requested", "stage.assigned"])
      try await withThrowingTaskGroup(of: Void.self) { group in
        for fault in faults {
          group.addTask { try await Self.breakAndSettle(fault, in: world) }
        }
        try await group.waitForAll()
      }
      #expect(world.proxy.brokenCount == faults.count)
      let unknown = try await world.move("s-none", to: "v1", key: "none")
      #expect((400...404).contains(unknown.status), "\(unknown.json)")
      #expect(unknown.json["code"] == "upstream_refused")
      try await world.verify()
    }

    private static func breakAndSettle(
      _ fault: FaultyProxy.Fault, in world: CloudWorld
    ) async throws {
      let secret = "s-\(fault)"
      world.proxy.breakNext(holding: secret, fault)
      let told = try await world.move(secret, to: "v2", key: secret)
      switch fault {
      case .requestLost, .answerLost, .silence, .blackHole: #expect(told.status == 504)
      case .garbage: #expect(told.status == 502 || told.status == 504)
      case .serverError: #expect(told.status == 502)
      }
      #expect(told.fields["ledger-position"] != nil)
      // The same key learns what came of it, and the cloud is not asked again.
      var settled = told
      let isSettled = try await eventually(within: .seconds(40)) {
        settled = try await world.move(secret, to: "v2", key: secret)
        return settled.status != 503
      }
      #expect(isSettled, "\(fault): \(settled.json)")
      let isDone = fault != .requestLost && fault != .blackHole
      #expect(settled.status == (isDone ? 201 : 502), "\(fault): \(settled.json)")
      let (holder, isAgreed) = try await world.settledHolder(of: secret)
      #expect(
        isAgreed && holder == (isDone ? "v2" : .null), "\(fault): \(String(describing: holder))")
      #expect(
        try await world.types(of: secret)
          == [
            "change.requested", "change.unresolved",
            isDone ? "stage.assigned" : "change.rejected",
          ], "\(fault)")
    }

    @Test func `a service killed in the middle of changes settles them when it is back`()
      async throws
    {
      let world = try await CloudWorld(provider: "huawei")
      let faults: [FaultyProxy.Fault] = [.blackHole, .silence]
      for fault in faults {
        try await world.makeSecret("s-\(fault)")
        world.proxy.breakNext(holding: "s-\(fault)", fault)
      }
      async let first = try? world.move("s-blackHole", to: "v1", key: "k-blackHole")
      async let second = try? world.move("s-silence", to: "v1", key: "k-silence")
      #expect(await eventually { world.proxy.brokenCount == 2 })
      try await world.killAndRestart()
      #expect(await first == nil)
      #expect(await second == nil)
      for fault in faults {
        let secret = "s-\(fault)"
        // A second change waits, and is refused while it is not known what came of the first.
        var settled = try await world.move(secret, to: "v1", key: "k-\(fault)")
        let isSettled = try await eventually(within: .seconds(40)) {
          settled = try await world.move(secret, to: "v1", key: "k-\(fault)")
          return settled.status != 503
        }
        #expect(isSettled)
        #expect(settled.status == (fault == .silence ? 201 : 502), "\(settled.json)")
        #expect(try await world.settledHolder(of: secret).isAgreed)
      }
      try await world.verify()
    }
  }
}
