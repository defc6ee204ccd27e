// The calls of KMS that read: secrets, their versions, and lists of both.

import CanonicalJSON
import Foundation
import HTTPWire
import Ledger
import LedgerServices
import TestSupport
import Testing

@Suite struct KMSSecretsTests {
  // MARK: DescribeSecret

  @Test func `a secret is described`() async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    let reply = try await world.call("DescribeSecret", [("SecretName", "s")])
    #expect(reply.status == 200, "\(reply.text)")
    #expect(reply["Arn"].stringValue == "acs:kms:local:p1:secret/s")
    #expect(reply["SecretName"].stringValue == "s")
    #expect(reply["SecretType"].stringValue == "Generic")
    #expect(reply["CreateTime"].stringValue == "2026-03-04T05:06:08Z")
    #expect(reply["UpdateTime"].stringValue == "2026-03-04T05:06:10Z")
    #expect(reply["AutomaticRotation"].stringValue == "Disabled")
    #expect(reply["RequestId"].stringValue == reply.fields["X-Request-Id"])
    #expect(reply.json.objectValue?.count == 7)
    let again = try await world.call(
      "DescribeSecret",
      [("SecretName", try #require(reply["Arn"].stringValue)), ("FetchTags", "true")])
    #expect(again["SecretName"].stringValue == "s")
    #expect(again["Tags", "Tag"] == .array([]))
    #expect(again["PlannedDeleteTime"].isNull)
  }

  @Test func `a secret that waits for its deletion tells when`() async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    try await world.api.ledger.append(.scheduleDeletion(days: 7), to: "s")
    let reply = try await world.call("DescribeSecret", [("SecretName", "s")])
    #expect(reply["PlannedDeleteTime"].stringValue == "2026-03-11T05:06:10Z")
    let listed = try await world.call("ListSecrets")
    #expect(listed["SecretList", "Secret", "0", "PlannedDeleteTime"] == reply["PlannedDeleteTime"])
    let versions = try await world.call("ListSecretVersionIds", [("SecretName", "s")])
    #expect(versions["TotalCount"].integerValue == 2)
  }

  @Test func `a secret that is not there is not found`() async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    try await world.api.ledger.append(.deleteSecret, to: "s")
    for name in ["s", "absent", "S"] {
      for action in ["DescribeSecret", "ListSecretVersionIds"] {
        expectKMSError(
          try await world.call(action, [("SecretName", name)]), 404, "Forbidden.ResourceNotFound",
          "Resource not found")
      }
    }
    #expect(try await world.call("ListSecrets")["TotalCount"].integerValue == 0)
  }

  // MARK: ListSecretVersionIds

  @Test func `versions come in order of registration, without labels only when asked`()
    async throws
  {
    let world = try await KMSWorld()
    await world.makeSecret(versions: ["c", "b", "a"])
    #expect(try await world.move("blue", to: "a").status == 200)
    let labelled = try await world.call("ListSecretVersionIds", [("SecretName", "s")])
    #expect(labelled.status == 200, "\(labelled.text)")
    #expect(labelled["SecretName"].stringValue == "s")
    #expect(labelled["PageNumber"].integerValue == 1)
    #expect(labelled["PageSize"].integerValue == 20)
    #expect(labelled["TotalCount"].integerValue == 2)
    #expect(
      labelled["VersionIds"]
        == .object([
          "VersionId": .array([
            Self.version("b", "2026-03-04T05:06:10Z", ["ACSPrevious"]),
            Self.version("a", "2026-03-04T05:06:11Z", ["ACSCurrent", "blue"]),
          ])
        ]))
    for value in ["true", "TRUE"] {
      let all = try await world.call(
        "ListSecretVersionIds", [("SecretName", "s"), ("IncludeDeprecated", value)])
      #expect(all["TotalCount"].integerValue == 3)
      #expect(
        all["VersionIds", "VersionId", "0"] == Self.version("c", "2026-03-04T05:06:09Z", []))
    }
    let none = try await world.call(
      "ListSecretVersionIds", [("SecretName", "s"), ("IncludeDeprecated", "false")])
    #expect(none["TotalCount"].integerValue == 2)
  }

  private static func version(_ id: String, _ time: String, _ stages: [String]) -> JSONValue {
    .object([
      "VersionId": .string(id), "CreateTime": .string(time),
      "VersionStages": .object(["VersionStage": .array(stages.map { .string($0) })]),
    ])
  }

  @Test func `pages of versions have numbers`() async throws {
    let world = try await KMSWorld()
    let ids = (1...7).map { "v\($0)" }
    await world.makeSecret(versions: ids)
    func page(_ number: Int64, _ size: Int64) async throws -> [String] {
      let reply = try await world.call(
        "ListSecretVersionIds",
        [
          ("SecretName", "s"), ("IncludeDeprecated", "true"), ("PageNumber", "\(number)"),
          ("PageSize", "\(size)"),
        ])
      #expect(reply.status == 200, "\(reply.text)")
      #expect(reply["TotalCount"].integerValue == 7)
      #expect(reply["PageNumber"].integerValue == number)
      #expect(reply["PageSize"].integerValue == size)
      return reply["VersionIds", "VersionId"].arrayValue?.compactMap {
        $0["VersionId"]?.stringValue
      } ?? ["?"]
    }
    #expect(try await page(1, 3) == ["v1", "v2", "v3"])
    #expect(try await page(3, 3) == ["v7"])
    #expect(try await page(4, 3) == [])
    #expect(try await page(1, 100) == ids)
    #expect(try await page(90_071_992_547_409, 100) == [])
  }

  @Test func `a secret of more versions than one question gives is told whole`() async throws {
    let world = try await KMSWorld()
    await world.makeSecret(versions: [])
    for _ in 0..<1_001 {
      try await world.api.ledger.append(.registerVersion(id: nil, stages: [], data: [:]), to: "s")
    }
    let reply = try await world.call(
      "ListSecretVersionIds",
      [
        ("SecretName", "s"), ("IncludeDeprecated", "true"), ("PageNumber", "101"),
        ("PageSize", "10"),
      ])
    #expect(reply["TotalCount"].integerValue == 1_001)
    #expect(reply["VersionIds", "VersionId", "0", "VersionId"].stringValue == "v1001")
  }

  // MARK: ListSecrets

  @Test func `secrets come by name, in pages with numbers`() async throws {
    let world = try await KMSWorld()
    let names = ["B", "a/1", "a/2", "a/3", "b", "c", "d", "e", "f", "g", "h"]
    for name in names.reversed() { await world.makeSecret(name, versions: []) }
    func page(_ parameters: KMSWorld.Parameters) async throws -> [String] {
      let reply = try await world.call("ListSecrets", parameters)
      #expect(reply.status == 200, "\(reply.text)")
      return reply["SecretList", "Secret"].arrayValue?.compactMap {
        $0["SecretName"]?.stringValue
      } ?? ["?"]
    }
    #expect(try await page([]) == Array(names.prefix(10)))
    #expect(try await page([("PageSize", "100")]) == names)
    #expect(try await page([("PageSize", "4"), ("PageNumber", "3")]) == ["f", "g", "h"])
    #expect(try await page([("PageSize", "4"), ("PageNumber", "4")]) == [])
    #expect(try await page([("PageNumber", "90071992547409"), ("PageSize", "100")]) == [])
    #expect(try await page([("PageNumber", ""), ("PageSize", "")]) == Array(names.prefix(10)))
    let reply = try await world.call("ListSecrets", [("PageNumber", "2"), ("FetchTags", "true")])
    #expect(reply["PageNumber"].integerValue == 2)
    #expect(reply["PageSize"].integerValue == 10)
    #expect(reply["TotalCount"].integerValue == 11)
    let secret = reply["SecretList", "Secret", "0"]
    #expect(secret["SecretType"]?.stringValue == "Generic")
    #expect(secret["CreateTime"]?.stringValue == "2026-03-04T05:06:08Z")
    #expect(secret["UpdateTime"]?.stringValue == "2026-03-04T05:06:08Z")
    #expect(secret["Tags"] == .object(["Tag": .array([])]))
    #expect(secret["Arn"] == nil)
  }

  @Test(
    arguments: [
      ("", ["a", "ab", "b", "c"]), ("[]", ["a", "ab", "b", "c"]),
      (#"[{"Key": "SecretName", "Values": ["a"]}]"#, ["a", "ab"]),
      (#"[{"Key": "SecretName", "Values": ["c", "ab"]}]"#, ["ab", "c"]),
      (#"[{"Key": "SecretName", "Values": ["%"]}]"#, []),
      (#"[{"Key": "SecretName", "Values": []}]"#, ["a", "ab", "b", "c"]),
      (
        #"[{"Key": "SecretName", "Values": ["a"]}, {"Key": "SecretName", "Values": ["ab", "b"]}]"#,
        ["ab"]
      ),
      (#"[{"Key": "SecretType", "Values": ["Rds", "Generic"]}]"#, ["a", "ab", "b", "c"]),
      (#"[{"Key": "SecretType", "Values": ["Rds"]}]"#, []),
      (#"[{"Key": "TagKey", "Values": ["x"]}]"#, []),
      (#"[{"Key": "Description", "Values": ["x"]}]"#, []),
    ] as [(String, [String])])
  func `secrets are filtered`(_ filters: String, _ names: [String]) async throws {
    let world = try await KMSWorld()
    for name in ["a", "ab", "b", "c"] { await world.makeSecret(name, versions: []) }
    for place in KMSWorld.Place.allCases {
      let reply = try await world.call("ListSecrets", [("Filters", filters)], in: place)
      #expect(reply.status == 200, "\(reply.text)")
      #expect(reply["TotalCount"].integerValue == Int64(names.count))
      #expect(
        reply["SecretList", "Secret"].arrayValue?.compactMap { $0["SecretName"]?.stringValue }
          == names)
    }
  }

  @Test(
    arguments: [
      ("Filters", "x"), ("Filters", "{}"), ("Filters", "[1]"), ("Filters", #"[{"Key": "x"}]"#),
      ("Filters", #"[{"Key": "Colour", "Values": ["x"]}]"#),
      ("Filters", #"[{"Key": "SecretName", "Values": "x"}]"#),
      ("Filters", #"[{"Key": "SecretName", "Values": [1]}]"#),
      ("Filters", #"[{"Key": "SecretName", "Values": ["\u0000"]}]"#),
      (
        "Filters",
        #"[{"Key": "SecretName", "Values": ["1","2","3","4","5","6","7","8","9","a","b"]}]"#
      ),
      (
        "Filters",
        "[\(Array(repeating: #"{"Key":"TagKey","Values":[]}"#, count: 11).joined(separator: ","))]"
      ),
      ("PageNumber", "0"), ("PageNumber", "-1"), ("PageNumber", "x"), ("PageNumber", "1.0"),
      ("PageNumber", "99999999999999999999"), ("PageSize", "0"), ("PageSize", "101"),
      ("FetchTags", "yes"),
    ])
  func `a parameter that cannot be used is named`(_ name: String, _ value: String) async throws {
    let world = try await KMSWorld()
    expectKMSError(
      try await world.call("ListSecrets", [(name, value)]), 400, "InvalidParameter",
      "The specified parameter \"\(name)\" is not valid.")
  }

  @Test func `the reading calls need the secret's name`() async throws {
    let world = try await KMSWorld()
    for action in ["DescribeSecret", "ListSecretVersionIds"] {
      expectKMSError(
        try await world.call(action), 400, "MissingParameter",
        "The parameter \"SecretName\" is needed but not provided.")
    }
    expectKMSError(
      try await world.call(
        "ListSecretVersionIds", [("SecretName", "s"), ("IncludeDeprecated", "1")]), 400,
      "InvalidParameter", "The specified parameter \"IncludeDeprecated\" is not valid.")
  }
}
