// Secrets as AWS Secrets Manager shows, finds and names them.

import CanonicalJSON
import HTTPWire
import Ledger
import LedgerServices
import TestSupport
import Testing

@Suite struct AWSSecretsTests {
  private func describe(_ world: AWSWorld, _ id: String) async throws -> Reply {
    let body = JSONValue.object(["SecretId": .string(id)]).canonicalBytes()
    return try await world.call("DescribeSecret", String(decoding: body, as: UTF8.self))
  }

  // MARK: One

  @Test func `a secret is described with the labels of its versions`() async throws {
    let world = try await AWSWorld()
    await world.make("app/db", [nil, nil, [], ["x", "y"]])
    let reply = try await describe(world, "app/db")
    #expect(reply.status == 200, "\(reply.text)")
    #expect(reply["Name"].stringValue == "app/db")
    #expect(
      reply["VersionIdsToStages"]
        == .object([
          AWSWorld.id(1): ["AWSPREVIOUS"], AWSWorld.id(2): ["AWSCURRENT"],
          AWSWorld.id(4): ["x", "y"],
        ]))
    let names = ["ARN", "CreatedDate", "LastChangedDate", "Name", "VersionIdsToStages"]
    #expect(reply.json.objectValue?.keys.sorted() == names)
    // Seconds with a fraction, not text and not milliseconds.
    let created = try #require(reply["CreatedDate"].doubleValue)
    let changed = try #require(reply["LastChangedDate"].doubleValue)
    #expect((1_772_600_000...1_772_700_000).contains(created))
    #expect(changed > created)
    #expect(reply.fields["Ledger-Position"] == String(world.api.eventCount - 1))
  }

  @Test func `a moment keeps its milliseconds`() async throws {
    let world = try await AWSWorld()
    world.api.ledger.time.set(instant("2018-04-11T20:05:44.713Z"))
    _ = await world.api.own("POST", "/secrets", #"{"name": "s"}"#)
    let reply = try await describe(world, "s")
    #expect(reply.text.contains(#""CreatedDate":1523477145.713"#), "\(reply.text)")
  }

  @Test func `an ARN means the secret, whole or without its end`() async throws {
    let world = try await AWSWorld()
    for name in ["app/db", "plain", "a.b_c+d=e@f-g!h"] {
      await world.make(name, [])
      let arn = try #require(try await describe(world, name)["ARN"].stringValue)
      #expect(try await describe(world, arn)["Name"].stringValue == name)
      #expect(try await describe(world, String(arn.dropLast(7)))["Name"].stringValue == name)
      // The cloud's own end is another one.
      let other = "\(arn.dropLast(6))a1b2c3"
      #expect(try await describe(world, other)["ARN"].stringValue == arn)
      let elsewhere = arn.replacing(":eu-west-1:000000000000:", with: ":us-east-1:123456789012:")
      #expect(try await describe(world, elsewhere)["ARN"].stringValue == arn)
    }
    let one = try await describe(world, "plain")["ARN"].stringValue
    let two = try await describe(world, "app/db")["ARN"].stringValue
    #expect(one?.suffix(6) != two?.suffix(6))
  }

  @Test func `the account and the region of a project are held to`() async throws {
    let ledger = TestLedger()
    try await ledger.makeProject(
      "123456789012", provider: .aws,
      upstream: Upstream(
        mode: .off, url: "https://x", project: "123456789012", region: "us-east-1",
        credential: nil))
    let token = try await ledger.makeToken(project: "123456789012")
    let signer = try await ledger.makeSigner(project: "123456789012")
    let world = AWSWorld(api: TestAPI(over: ledger, token: token), signer)
    let made = await world.api.send(
      "POST", "/ledger/v1/123456789012/secrets", #"{"name": "s"}"#)
    #expect(made.status == 201, "\(made.text)")
    let arn = try #require(try await describe(world, "s")["ARN"].stringValue)
    #expect(arn.hasPrefix("arn:aws:secretsmanager:us-east-1:123456789012:secret:s-"))
    #expect(try await describe(world, arn).status == 200)
    for (old, new) in [("123456789012", "123456789013"), ("us-east-1", "eu-west-1")] {
      expectAWSError(
        try await describe(world, arn.replacing(old, with: new)), "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret.")
    }
  }

  @Test(
    arguments: [
      "a b", "a:b", "é", "a\\b", "a?", "a%2Fb", "arn:", "arn:aws:secretsmanager:r:1:secret:s",
      "arn:aws:secretsmanager:r:000000000000:secret:", "arn:aws:kms:r:000000000000:secret:s",
      "arn:aws:secretsmanager:r:000000000000:key:s", "arn:aws:secretsmanager:r:000000000000:secret",
      "arn:gcp:secretsmanager:r:000000000000:secret:s",
      "arn:aws:secretsmanager:r:000000000000:secret:a b", String(repeating: "a", count: 513),
    ])
  func `a name that is none is refused before anything is looked for`(_ name: String) async throws {
    let world = try await AWSWorld()
    expectAWSError(
      try await describe(world, name), "ValidationException",
      "Invalid name. Must be a valid name containing alphanumeric characters, or any of the "
        + "following: -/_+=.@!")
  }

  // MARK: Several

  /// The names a list gives, through all pages.
  private func list(
    _ world: AWSWorld, _ members: [String: JSONValue] = [:], limit: Int64? = nil
  ) async throws -> [String] {
    var names: [String] = []
    var members = members
    members["MaxResults"] = limit.map { .integer($0) }
    repeat {
      let body = String(decoding: JSONValue.object(members).canonicalBytes(), as: UTF8.self)
      let page = try await world.call("ListSecrets", body)
      #expect(page.status == 200, "\(page.text)")
      let part = page.column("SecretList", "Name")
      #expect(part.count <= limit ?? 100)
      names += part
      members["NextToken"] = page["NextToken"].stringValue.map { .string($0) }
    } while members["NextToken"] != nil
    return names
  }

  private func filled() async throws -> AWSWorld {
    let world = try await AWSWorld()
    for name in ["b/x", "a/y", "B/x", "a/x", "c"] { await world.make(name, [nil]) }
    await world.make("d", [nil, nil, [], ["x"]])
    _ = await world.api.own("PUT", "/secrets/c/stages/z", #"{"version_id": "\#(AWSWorld.id(1))"}"#)
    return world
  }

  @Test func `an entry has the labels of the secret's versions`() async throws {
    let world = try await filled()
    let reply = try await world.call("ListSecrets", "{}")
    let entries = try #require(reply["SecretList"].arrayValue)
    #expect(entries.count == 6)
    let last = try #require(entries.last?.objectValue)
    let names = ["ARN", "CreatedDate", "LastChangedDate", "Name", "SecretVersionsToStages"]
    #expect(last.keys.sorted() == names)
    #expect(
      last["SecretVersionsToStages"]
        == .object([
          AWSWorld.id(1): ["AWSPREVIOUS"], AWSWorld.id(2): ["AWSCURRENT"], AWSWorld.id(4): ["x"],
        ]))
    #expect(last["ARN"]?.stringValue == (try await describe(world, "d")["ARN"].stringValue))
    #expect(reply["NextToken"].isNull)
  }

  @Test(arguments: [1, 2, 5, 6, nil] as [Int64?])
  func `secrets are sorted as asked, in pages of any size`(_ limit: Int64?) async throws {
    let world = try await filled()
    let made = ["b/x", "a/y", "B/x", "a/x", "c", "d"]
    let changed = ["b/x", "a/y", "B/x", "a/x", "d", "c"]
    let named = ["B/x", "a/x", "a/y", "b/x", "c", "d"]
    for (sort, expected) in [
      (nil, made), ("created-date", made), ("last-accessed-date", made),
      ("last-changed-date", changed), ("name", named),
    ] as [(JSONValue?, [String])] {
      var members: [String: JSONValue] = [:]
      members["SortBy"] = sort
      #expect(try await list(world, members, limit: limit) == expected)
      members["SortOrder"] = "asc"
      #expect(try await list(world, members, limit: limit) == expected)
      members["SortOrder"] = "desc"
      #expect(try await list(world, members, limit: limit) == expected.reversed())
    }
  }

  @Test func `filters narrow the list`() async throws {
    let world = try await filled()
    func found(_ filters: [(String, [String])]) async throws -> [String] {
      let list: [JSONValue] = filters.map { key, values in
        .object(["Key": .string(key), "Values": .array(values.map { .string($0) })])
      }
      return try await self.list(world, ["Filters": .array(list), "SortBy": "name"], limit: 2)
    }
    let all = ["B/x", "a/x", "a/y", "b/x", "c", "d"]
    #expect(try await found([]) == all)
    #expect(try await found([("name", ["a/"])]) == ["a/x", "a/y"])
    #expect(try await found([("name", ["A/"])]) == [])
    #expect(try await found([("name", ["c", "b"])]) == ["b/x", "c"])
    #expect(try await found([("name", ["!a/", "!B"])]) == ["b/x", "c", "d"])
    #expect(try await found([("name", ["a", "!a/y"])]) == ["a/x"])
    #expect(try await found([("name", ["a", "c"]), ("name", ["a/y", "d"])]) == ["a/y"])
    #expect(try await found([("name", ["a"]), ("name", ["c"])]) == [])
    #expect(try await found([("name", ["a/x", "b"]), ("name", ["a"])]) == ["a/x"])
    #expect(try await found([("all", ["X b"])]) == ["B/x", "b/x"])
    #expect(try await found([("all", ["/"]), ("name", ["b"])]) == ["b/x"])
    for key in ["description", "tag-key", "tag-value", "primary-region", "owning-service"] {
      #expect(try await found([(key, ["a"])]) == [])
      #expect(try await found([(key, ["!a"])]) == all)
    }
  }

  @Test(
    arguments: [
      (#"{"MaxResults": 0}"#, "ValidationException"),
      (#"{"MaxResults": 101}"#, "ValidationException"),
      (#"{"MaxResults": "5"}"#, "SerializationException"),
      (#"{"MaxResults": 1.5}"#, "SerializationException"),
      (#"{"NextToken": ""}"#, "ValidationException"),
      (#"{"NextToken": "x"}"#, "InvalidNextTokenException"),
      (#"{"NextToken": "WzEsInNlY3JldHMiLCJhIl0"}"#, "InvalidNextTokenException"),
      (#"{"NextToken": 5}"#, "SerializationException"),
      (#"{"SortBy": "size"}"#, "ValidationException"),
      (#"{"SortOrder": "ASC"}"#, "ValidationException"),
      (#"{"IncludePlannedDeletion": "true"}"#, "SerializationException"),
      (#"{"Filters": {}}"#, "SerializationException"),
      (#"{"Filters": [1]}"#, "SerializationException"),
      (#"{"Filters": [{}]}"#, "ValidationException"),
      (#"{"Filters": [{"Key": "size", "Values": ["a"]}]}"#, "ValidationException"),
      (#"{"Filters": [{"Key": "name"}]}"#, "ValidationException"),
      (#"{"Filters": [{"Key": "name", "Values": []}]}"#, "InvalidParameterException"),
      (#"{"Filters": [{"Key": "name", "Values": "a"}]}"#, "SerializationException"),
      (#"{"Filters": [{"Key": "all", "Values": ["!a"]}]}"#, "InvalidParameterException"),
    ])
  func `a bad parameter is refused`(_ body: String, _ type: String) async throws {
    let world = try await AWSWorld()
    expectAWSError(try await world.call("ListSecrets", body), type)
  }

  @Test func `a page cannot go on in another order`() async throws {
    let world = try await filled()
    let first = try await world.call("ListSecrets", #"{"MaxResults": 2, "SortBy": "name"}"#)
    let token = try #require(first["NextToken"].stringValue)
    for body in [
      #"{"NextToken": "\#(token)"}"#,
      #"{"NextToken": "\#(token)", "SortBy": "name", "SortOrder": "desc"}"#,
    ] {
      expectAWSError(try await world.call("ListSecrets", body), "InvalidNextTokenException")
    }
  }
}
