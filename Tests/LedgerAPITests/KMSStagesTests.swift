// UpdateSecretVersionStage: every combination of its parameters, and every refusal.

import CanonicalJSON
import Foundation
import HTTPWire
import Ledger
import LedgerServices
import TestSupport
import Testing

@Suite struct KMSStagesTests {
  @Test(arguments: KMSWorld.Scheme.allCases)
  func `a label is put, moved, moved from where it is, and taken off`(
    _ scheme: KMSWorld.Scheme
  ) async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    let put = try await world.move("blue", to: "v1", as: scheme)
    #expect(put.status == 200, "\(put.text)")
    #expect(put["SecretName"].stringValue == "s")
    #expect(put["RequestId"].stringValue == put.fields["X-Request-Id"])
    #expect(put.json.objectValue?.keys.sorted() == ["RequestId", "SecretName"])
    #expect(put.fields["Content-Type"] == "application/json")
    #expect(try await world.holder(of: "blue") == "v1")
    #expect(try await world.move("blue", to: "v2", as: scheme).status == 200)
    #expect(try await world.holder(of: "blue") == "v2")
    #expect(try await world.move("blue", to: "v1", from: "v2", as: scheme).status == 200)
    #expect(try await world.holder(of: "blue") == "v1")
    #expect(try await world.move("blue", from: "v1", as: scheme).status == 200)
    #expect(try await world.holder(of: "blue") == nil)
    let event = try #require(world.api.ledger.store.allEvents(of: named("p1")).last)
    #expect(event.type == .stageRemoved)
    #expect(event.source == .kmsAPI)
    #expect(event.principal.id == "signer")
  }

  @Test func `a built-in label moves alone`() async throws {
    let world = try await KMSWorld()
    await world.makeSecret(versions: ["v1", "v2", "v3"])
    #expect(try await world.move("ACSCurrent", to: "v1").status == 200)
    #expect(try await world.holder(of: "ACSCurrent") == "v1")
    #expect(try await world.holder(of: "ACSPrevious") == "v2")
    #expect(try await world.move("ACSPrevious", to: "v3", from: "v2").status == 200)
    #expect(try await world.holder(of: "ACSPrevious") == "v3")
  }

  @Test func `a move to where the label sits changes nothing and succeeds`() async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    let count = world.api.eventCount
    #expect(try await world.move("ACSCurrent", to: "v2").status == 200)
    #expect(try await world.move("ACSCurrent", to: "v2", from: "v2").status == 200)
    #expect(world.api.eventCount == count)
  }

  @Test func `what the rules refuse has the cloud's codes`() async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    #expect(try await world.move("blue", to: "v1").status == 200)
    let count = world.api.eventCount
    let unknown = (404, "Forbidden.ResourceNotFound", "Resource not found")
    let mismatch = (400, "Rejected.InvalidRequest", "param mismatch")
    func invalid(_ name: String) -> (Int, String, String) {
      (400, "InvalidParameter", "The specified parameter \"\(name)\" is not valid.")
    }
    func expect(_ row: (Int, String, String), _ reply: Reply, _ line: UInt = #line) {
      #expect(reply.status == row.0, "\(reply.text) at \(line)")
      expectKMSError(reply, row.0, row.1, row.2)
    }
    expect(unknown, try await world.move("blue", to: "v1", of: "absent"))
    expect(unknown, try await world.move("blue", to: "v9"))
    expect(unknown, try await world.move("blue", to: "v1", from: "v9"))
    expect(unknown, try await world.move("green", from: "v9"))
    expect(mismatch, try await world.move("blue", to: "v1", from: "v2"))
    expect(mismatch, try await world.move("blue", from: "v2"))
    expect(mismatch, try await world.move("green", from: "v2"))
    expect(mismatch, try await world.move("green", to: "v1", from: "v2"))
    expect(invalid("MoveToVersion"), try await world.move("blue"))
    expect(invalid("MoveToVersion"), try await world.move("ACSCurrent", from: "v2"))
    expect(invalid("MoveToVersion"), try await world.move("ACSCurrent", from: "v1"))
    expect(invalid("MoveToVersion"), try await world.move("ACSPrevious", from: "v1"))
    expect(invalid("VersionStage"), try await world.move("a b", to: "v1"))
    expect(invalid("VersionStage"), try await world.move("é", from: "v1"))
    expect(invalid("VersionStage"), try await world.move("a\u{7}", to: "v1"))
    expect(
      invalid("VersionStage"), try await world.move(String(repeating: "a", count: 65), to: "v1"))
    expect(invalid("SecretName"), try await world.move("blue", to: "v1", of: "a b"))
    expect(invalid("SecretName"), try await world.move("blue", to: "v1", of: "acs/rds/x"))
    expect(
      invalid("SecretName"),
      try await world.move("blue", to: "v1", of: String(repeating: "a", count: 193)))
    expect(
      invalid("MoveToVersion"), try await world.move("blue", to: String(repeating: "v", count: 65)))
    expect(invalid("RemoveFromVersion"), try await world.move("blue", from: "v\u{1}"))
    func missing(_ name: String) -> (Int, String, String) {
      (400, "MissingParameter", "The parameter \"\(name)\" is needed but not provided.")
    }
    expect(missing("SecretName"), try await world.move("blue", to: "v1", of: ""))
    expect(missing("VersionStage"), try await world.move("", to: "v1"))
    #expect(world.api.eventCount == count)
  }

  @Test func `the ninth label does not fit, and one that is there still moves`() async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    for index in 3...8 {
      #expect(try await world.move("l\(index)", to: "v1").status == 200)
    }
    expectKMSError(
      try await world.move("l9", to: "v2"), 400, "Rejected.LimitExceeded",
      "exceed secret limits error")
    #expect(try await world.move("l8", to: "v2").status == 200)
    #expect(try await world.move("ACSPrevious", to: "v2").status == 200)
  }

  @Test func `a secret that waits for its deletion keeps its labels`() async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    try await world.api.ledger.append(.scheduleDeletion(days: 7), to: "s")
    expectKMSError(
      try await world.move("blue", to: "v1"), 409, "Rejected.ResourceInDeleteWindow",
      "secret in delete peroid")
  }

  @Test(arguments: [
    "acs:kms:cn-hangzhou:1234567890123456:secret/s", "acs:kms:::secret/s", "acs:kms:r:a:secret/s",
  ])
  func `a secret may be named by its address`(_ name: String) async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    let reply = try await world.move("blue", to: "v1", of: name)
    #expect(reply.status == 200, "\(reply.text)")
    #expect(reply["SecretName"].stringValue == "s")
  }

  @Test(arguments: [
    "acs:kms:cn-hangzhou:1:s", "acs:kms:cn-hangzhou:secret/s", "acs:ram:r:a:secret/s",
    "acs:kms:r:a:key/s", "acs:kms:r:a:secret/", "arn:kms:r:a:secret/s", "acs:",
  ])
  func `an address of another form is refused`(_ name: String) async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    expectKMSError(try await world.move("blue", to: "v1", of: name), 400, "InvalidParameter")
  }

  @Test func `names that must be encoded arrive as they are`() async throws {
    let world = try await KMSWorld()
    let name = "team/db+x=1.@-_中文"
    await world.makeSecret(name, versions: ["a b*~+&=%é", "二"])
    for scheme in KMSWorld.Scheme.allCases {
      for place in KMSWorld.Place.allCases {
        for version in ["a b*~+&=%é", "二"] {
          let reply = try await world.call(
            "UpdateSecretVersionStage",
            [("SecretName", name), ("VersionStage", "a.b-c_D"), ("MoveToVersion", version)],
            as: scheme, in: place)
          #expect(reply.status == 200, "\(reply.text)")
          #expect(reply["SecretName"].stringValue == name)
        }
      }
    }
    let standing = try await world.api.ledger.store.standing(
      of: named("a.b-c_D"), of: named(name), in: named("p1"))
    #expect(standing.value.stage?.versionID?.text == "二")
  }

  // MARK: Idempotency

  @Test func `a repeated key gets the first answer, however the call is signed`() async throws {
    let world = try await KMSWorld()
    await world.makeSecret()
    let key = [(name: "Idempotency-Key", value: "k1")]
    #expect(try await world.move("blue", to: "v1", extra: key).status == 200)
    #expect(try await world.move("blue", to: "v2").status == 200)
    let count = world.api.eventCount
    for scheme in KMSWorld.Scheme.allCases {
      for place in KMSWorld.Place.allCases {
        let again = try await world.call(
          "UpdateSecretVersionStage",
          [("VersionStage", "blue"), ("MoveToVersion", "v1"), ("SecretName", "s")],
          as: scheme, in: place, extra: key)
        #expect(again.status == 200, "\(again.text)")
      }
    }
    #expect(try await world.holder(of: "blue") == "v2")
    #expect(world.api.eventCount == count)
    expectKMSError(
      try await world.move("blue", to: "v2", extra: key), 409, "LEDGER.0409")
    expectKMSError(
      try await world.move("blue", to: "v1", extra: [("If-Match", "\"1\"")]), 412, "LEDGER.0412")
  }

  // MARK: Policy

  @Test func `the policy is asked before the parameters are looked at`() async throws {
    let world = try await KMSWorld(policy: "reader")
    await world.makeSecret()
    let text = "This operation is forbidden by permission system"
    for reply in [
      try await world.move("blue", to: "v1"), try await world.move("blue", to: "v1", of: "absent"),
      try await world.move("blue"), try await world.move("a b", to: "v1", of: "a b"),
    ] {
      expectKMSError(reply, 403, "Forbidden.NoPermission", text)
    }
    #expect(try await world.call("ListSecrets").status == 200)
    #expect(try await world.call("DescribeSecret", [("SecretName", "s")]).status == 200)
  }

  @Test func `a policy may speak of one secret and one label`() async throws {
    let world = try await KMSWorld(
      policy: """
        {"Statement": [{"Effect": "Allow", "Action": "kms:UpdateSecretVersionStage",
          "Resource": "s", "Condition": {"StringEquals": {"kms:VersionStage": "blue"}}}]}
        """)
    await world.makeSecret()
    await world.makeSecret("t")
    #expect(try await world.move("blue", to: "v1").status == 200)
    expectKMSError(try await world.move("green", to: "v1"), 403, "Forbidden.NoPermission")
    expectKMSError(
      try await world.move("blue", to: "v1", of: "t"), 403, "Forbidden.NoPermission")
    expectKMSError(try await world.call("ListSecrets"), 403, "Forbidden.NoPermission")
  }

  @Test(arguments: [Provider.huawei, .aws])
  func `a key of another cloud's project is refused`(_ provider: Provider) async throws {
    let world = try await KMSWorld(provider: provider)
    for reply in [
      try await world.move("blue", to: "v1"), try await world.call("ListSecrets"),
      try await world.call("DescribeSecret", [("SecretName", "s")]),
    ] {
      expectKMSError(reply, 403, "Forbidden.KmsServiceNotEnabled")
    }
  }
}
