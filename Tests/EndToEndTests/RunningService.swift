// RunningService: `stageledger serve` with a project and a token, spoken to over real sockets.
//
// Used by the suites that need a service; calls `Program`.

import CanonicalJSON
import Foundation
import FoundationNetworking
import Testing

/// An answer of the service.
struct Answer {
  let status: Int
  let json: JSONValue
  let fields: [String: String]
}

/// A service that runs.
struct RunningService {
  static let project = "0123456789abcdef0123456789abcdef"

  let program: Program
  let url: String

  private static let session: URLSession = {
    let configuration = URLSessionConfiguration.ephemeral
    configuration.timeoutIntervalForRequest = 40
    configuration.httpMaximumConnectionsPerHost = 64
    return URLSession(configuration: configuration)
  }()

  /// Starts the service and waits until it takes requests.
  init(
    _ options: [String], launcher: [String] = [], binary: String = Program.binary,
    environment: [String: String] = [:]
  ) async throws {
    let program = try Program(
      ["serve", "--listen", "127.0.0.1:0"] + options, environment: environment,
      launcher: launcher, binary: binary)
    let isReady = await eventually(within: .seconds(60)) {
      program.output.contains("\n") || !program.isRunning
    }
    try #require(isReady && program.isRunning, "the service: \(program.complaints)")
    let prefix = "stageledger listening on "
    let line = try #require(program.output.split(separator: "\n").first)
    try #require(line.hasPrefix(prefix))
    self.program = program
    url = String(line.dropFirst(prefix.count))
  }

  /// Makes the project and a credential that may do everything; answers its token.
  static func makeProject(
    _ options: [String], provider: String = "huawei", launcher: [String] = [],
    binary: String = Program.binary
  ) async throws -> String {
    let project = try await Program.run(
      ["project", "create", project, "--provider", provider] + options, launcher: launcher,
      binary: binary)
    try #require(project.status == 0, "\(project.complaints)")
    let credential = try await Program.run(
      ["credential", "create", "test", "--project", Self.project, "--policy", "admin"] + options,
      launcher: launcher, binary: binary)
    try #require(credential.status == 0, "\(credential.complaints)")
    let value = try JSONValue(parsing: Array(credential.output.utf8))
    return try #require(value["token"]?.stringValue)
  }

  /// Sends one request; `path` begins after the project.
  func send(
    _ method: String, csms path: String, _ body: JSONValue? = nil, token: String
  ) async throws -> Answer {
    try await send(method, "/v1/\(Self.project)\(path)", body, token: token)
  }

  /// Sends one request; `path` begins after the project.
  func send(
    _ method: String, ledger path: String, _ body: JSONValue? = nil, token: String
  ) async throws -> Answer {
    try await send(method, "/ledger/v1/\(Self.project)\(path)", body, token: token)
  }

  /// The content at a path of the ledger's own API, in a type; fails unless the status is 200.
  func text(_ path: String, accept: String, token: String) async throws -> String {
    var request = URLRequest(
      url: try #require(URL(string: "\(url)/ledger/v1/\(Self.project)\(path)")))
    request.setValue(token, forHTTPHeaderField: "X-Auth-Token")
    request.setValue(accept, forHTTPHeaderField: "Accept")
    let (data, response) = try await Self.session.data(for: request)
    guard (response as? HTTPURLResponse)?.statusCode == 200 else {
      throw URLError(.badServerResponse)
    }
    return String(decoding: data, as: UTF8.self)
  }

  /// Sends one request.
  func send(
    _ method: String, _ path: String, _ body: JSONValue? = nil, token: String,
    fields: [String: String] = [:]
  ) async throws -> Answer {
    var request = URLRequest(url: try #require(URL(string: url + path)))
    request.httpMethod = method
    request.setValue(token, forHTTPHeaderField: "X-Auth-Token")
    for (name, value) in fields { request.setValue(value, forHTTPHeaderField: name) }
    if let body {
      request.setValue("application/json", forHTTPHeaderField: "Content-Type")
      request.httpBody = Data(body.canonicalBytes())
    }
    let (data, response) = try await Self.session.data(for: request)
    let answer = try #require(response as? HTTPURLResponse)
    var told: [String: String] = [:]
    for (name, value) in answer.allHeaderFields {
      told["\(name)".lowercased()] = "\(value)"
    }
    let json = data.isEmpty ? JSONValue.null : try JSONValue(parsing: [UInt8](data))
    return Answer(status: answer.statusCode, json: json, fields: told)
  }

  /// Makes a secret with two versions, through the cloud's API.
  func makeSecret(_ name: String, token: String) async throws {
    let secret = try await send("POST", csms: "/secrets", ["name": .string(name)], token: token)
    try #require(secret.status == 200, "\(secret.json)")
    let version = try await send(
      "POST", csms: "/secrets/\(name)/versions", [:], token: token)
    try #require(version.status == 200, "\(version.json)")
  }

  /// Every event of the project, id by position.
  func events(token: String) async throws -> [Int64: String] {
    var events: [Int64: String] = [:]
    var path: String? = "/events?limit=1000"
    while let page = path {
      let answer = try await send("GET", ledger: page, token: token)
      try #require(answer.status == 200, "\(answer.json)")
      for event in answer.json["events"]?.arrayValue ?? [] {
        let position = try #require(event["position"]?.integerValue)
        events[position] = try #require(event["event_id"]?.stringValue)
      }
      path = answer.json["next"]?.integerValue.map { "/events?limit=1000&after=\($0)" }
    }
    return events
  }

  /// Whether the service says this in its log, which is written a moment later.
  func says(_ text: String) async -> Bool {
    await eventually { program.complaints.contains(text) }
  }

  /// Asks the service to end and answers its status.
  func stop() async -> Int32 {
    program.signal(SIGTERM)
    return await program.status()
  }
}

/// Writers that move a label to and fro, each on a secret of its own, and what they were promised.
actor Writers {
  private var acknowledged: [Int64: String] = [:]
  private(set) var refusals: [Int] = []
  private(set) var refusalsWithoutHint = 0
  private(set) var slowest: Duration = .zero
  private var turn = 0

  /// What was acknowledged: event ids by position.
  var promises: [Int64: String] { acknowledged }

  private func nextVersion() -> String {
    turn += 1
    return turn.isMultiple(of: 2) ? "v1" : "v2"
  }

  private func note(_ answer: Answer, took: Duration) {
    slowest = max(slowest, took)
    if answer.status == 201, let position = answer.json["position"]?.integerValue,
      let id = answer.json["event"]?["event_id"]?.stringValue
    {
      acknowledged[position] = id
    } else if answer.status != 200 {
      refusals.append(answer.status)
      if answer.fields["retry-after"] == nil { refusalsWithoutHint += 1 }
    }
  }

  /// Writes on `count` secrets at once until `until` says so or the service is gone.
  func write(
    to service: RunningService, token: String, count: Int,
    until isOver: @escaping @Sendable () async -> Bool
  ) async {
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<count {
        group.addTask {
          while await !isOver() {
            let version = await self.nextVersion()
            let begin = ContinuousClock.now
            guard
              let answer = try? await service.send(
                "PUT", ledger: "/secrets/s\(number)/stages/canary",
                ["version_id": .string(version)], token: token)
            else {
              guard service.program.isRunning else { return }
              continue
            }
            await self.note(answer, took: .now - begin)
          }
        }
      }
    }
  }
}
