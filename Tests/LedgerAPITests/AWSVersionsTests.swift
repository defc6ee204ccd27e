// Labels and versions as AWS Secrets Manager moves and lists them, and each of its refusals.

import CanonicalJSON
import HTTPWire
import Ledger
import LedgerServices
import TestSupport
import Testing

@Suite struct AWSVersionsTests {
  private static let notFound = "ResourceNotFoundException"
  private static let invalid = "InvalidParameterException"
  private static let noSecret = "Secrets Manager can't find the specified secret."

  private func world(_ versions: [[String]?] = [nil, nil, []]) async throws -> AWSWorld {
    let world = try await AWSWorld()
    await world.make("s", versions)
    return world
  }

  private static func id(_ number: Int) -> String { AWSWorld.id(number) }

  // MARK: Moving

  @Test func `a label is attached, moved and taken away`() async throws {
    let world = try await world()
    let attached = try await world.move("canary", to: 3)
    #expect(attached.status == 200, "\(attached.text)")
    #expect(attached["Name"].stringValue == "s")
    let arn = attached["ARN"].stringValue ?? ""
    #expect(arn.hasPrefix("arn:aws:secretsmanager:eu-west-1:000000000000:secret:s-"))
    #expect(arn.utf8.count == "arn:aws:secretsmanager:eu-west-1:000000000000:secret:s-".count + 6)
    #expect(attached.json.objectValue?.count == 2)
    #expect(attached.fields["Content-Type"] == "application/x-amz-json-1.1")
    #expect(try await world.labels() == ["AWSCURRENT": 2, "AWSPREVIOUS": 1, "canary": 3])
    #expect(try await world.move("canary", to: 1, from: 3).body == attached.body)
    #expect(try await world.labels()["canary"] == 1)
    #expect(try await world.move("canary", from: 1).status == 200)
    #expect(try await world.labels() == ["AWSCURRENT": 2, "AWSPREVIOUS": 1])
  }

  @Test func `AWSPREVIOUS follows AWSCURRENT`() async throws {
    let world = try await world()
    #expect(try await world.move("AWSCURRENT", to: 3, from: 2).status == 200)
    #expect(try await world.labels() == ["AWSCURRENT": 3, "AWSPREVIOUS": 2])
    let events = world.api.ledger.store.allEvents(of: named("p1")).suffix(2)
    #expect(events.map(\.source) == [.awsAPI, .awsAPI])
    #expect(events.last?.causedBy == events.first?.position)
    #expect(events.first?.principal.name == "signer")
  }

  @Test func `a label put where it sits changes nothing`() async throws {
    let world = try await world()
    let count = world.api.eventCount
    #expect(try await world.move("AWSCURRENT", to: 2).status == 200)
    #expect(try await world.move("AWSCURRENT", to: 2, from: 2).status == 200)
    #expect(world.api.eventCount == count)
    #expect(try await world.labels() == ["AWSCURRENT": 2, "AWSPREVIOUS": 1])
  }

  @Test func `AWSPREVIOUS can be moved and removed by hand`() async throws {
    let world = try await world()
    #expect(try await world.move("AWSPREVIOUS", to: 3, from: 1).status == 200)
    #expect(try await world.move("AWSPREVIOUS", from: 3).status == 200)
    #expect(try await world.labels() == ["AWSCURRENT": 2])
  }

  @Test func `a label that sits elsewhere demands its version`() async throws {
    let world = try await world()
    _ = try await world.move("canary", to: 1)
    for (stage, holder) in [("AWSCURRENT", 2), ("AWSPREVIOUS", 1), ("canary", 1)] {
      expectAWSError(
        try await world.move(stage, to: 3), Self.invalid,
        "The parameter RemoveFromVersionId can't be empty. Staging label \(stage) is currently "
          + "attached to version \(Self.id(holder)), so you must explicitly reference that version "
          + "in RemoveFromVersionId.")
    }
    #expect(
      try await world.labels() == ["AWSCURRENT": 2, "AWSPREVIOUS": 1, "canary": 1])
  }

  @Test func `a wrong source is refused, known or not`() async throws {
    let world = try await world()
    let text =
      "When you move staging label AWSCURRENT, if you specify RemoveFromVersionId, it must be set "
      + "to the version that currently has the staging label AWSCURRENT."
    expectAWSError(try await world.move("AWSCURRENT", to: 3, from: 1), Self.invalid, text)
    expectAWSError(try await world.move("AWSCURRENT", to: 3, from: 9), Self.invalid, text)
    expectAWSError(
      try await world.move("canary", to: 3, from: 1), Self.invalid,
      text.replacing("AWSCURRENT", with: "canary"))
    expectAWSError(try await world.move("canary", from: 1), Self.invalid)
    #expect(try await world.labels() == ["AWSCURRENT": 2, "AWSPREVIOUS": 1])
  }

  @Test func `AWSCURRENT cannot be taken away`() async throws {
    let world = try await world()
    expectAWSError(
      try await world.move("AWSCURRENT", from: 2), Self.invalid,
      "You can only move staging label AWSCURRENT to a different secret version. It can’t be "
        + "completely removed.")
    expectAWSError(try await world.move("AWSCURRENT", from: 1), Self.invalid)
  }

  @Test func `neither version is refused`() async throws {
    let world = try await world()
    expectAWSError(try await world.move("canary"), Self.invalid)
    expectAWSError(try await world.move("AWSCURRENT"), Self.invalid)
  }

  @Test func `an unknown secret or version is not found`() async throws {
    let world = try await world()
    expectAWSError(
      try await world.move("canary", to: 9), Self.notFound,
      "Secrets Manager can't find the specified secret value for VersionId: \(Self.id(9))")
    let body =
      #"{"SecretId": "t", "VersionStage": "x", "MoveToVersionId": "\#(Self.id(1))"}"#
    expectAWSError(
      try await world.call("UpdateSecretVersionStage", body), Self.notFound, Self.noSecret)
    _ = await world.api.own("POST", "/secrets", #"{"name": "t"}"#)
    expectAWSError(try await world.call("UpdateSecretVersionStage", body), Self.notFound)
  }

  @Test func `twenty labels fit, and one that is there moves still`() async throws {
    let world = try await world()
    for number in 1...18 {
      #expect(try await world.move("label-\(number)", to: 3).status == 200)
    }
    expectAWSError(try await world.move("label-19", to: 3), "LimitExceededException")
    #expect(try await world.move("label-7", to: 1, from: 3).status == 200)
    #expect(try await world.move("AWSCURRENT", to: 1, from: 2).status == 200)
    #expect(try await world.move("label-7", from: 1).status == 200)
    #expect(try await world.move("label-19", to: 3).status == 200)
    expectAWSError(try await world.move("label-7", to: 3), "LimitExceededException")
  }

  @Test func `a secret that waits for its deletion is read and not changed`() async throws {
    let world = try await world()
    _ = try await world.api.ledger.services.appender.append(
      Submission(
        intent: .change(named("s"), .scheduleDeletion(days: 7), .any), provenance: .test,
        idempotency: nil), to: named("p1"), rules: .aws)
    expectAWSError(
      try await world.move("canary", to: 3), "InvalidRequestException",
      "You can't perform this operation on the secret because it was marked for deletion.")
    let described = try await world.call("DescribeSecret", #"{"SecretId": "s"}"#)
    #expect(described.status == 200)
    let deletedAt = try #require(described["DeletedDate"].doubleValue)
    let changedAt = try #require(described["LastChangedDate"].doubleValue)
    #expect(abs(deletedAt - changedAt - 7 * 86_400) < 1)
    let listed = try await world.call("ListSecretVersionIds", #"{"SecretId": "s"}"#)
    #expect(listed["Versions"].arrayValue?.count == 2)
    let secrets = try await world.call("ListSecrets", "{}")
    #expect(secrets["SecretList"].arrayValue == [])
    let all = try await world.call("ListSecrets", #"{"IncludePlannedDeletion": true}"#)
    #expect(all["SecretList", "0", "DeletedDate"].doubleValue == deletedAt)
    let deleted = await world.api.own("GET", "/secrets/s")
    #expect(deleted["state"].stringValue == "pending_deletion")
    _ = try await world.api.ledger.services.appender.append(
      Submission(
        intent: .change(named("s"), .deleteSecret, .any), provenance: .test, idempotency: nil),
      to: named("p1"), rules: .aws)
    for operation in ["DescribeSecret", "ListSecretVersionIds"] {
      expectAWSError(
        try await world.call(operation, #"{"SecretId": "s"}"#), Self.notFound, Self.noSecret)
    }
  }

  @Test func `odd labels are kept as they are`() async throws {
    let world = try await world()
    let labels = [
      "a b", "etiqueta-é中", "\"quoted\"\\", "<b>&amp;", "%00", "x/y?z", "🧪",
      String(repeating: "é", count: 256),
    ]
    for label in labels { #expect(try await world.move(label, to: 3).status == 200) }
    let listed = try await world.call(
      "ListSecretVersionIds", #"{"SecretId": "s"}"#)
    let third = listed["Versions"].arrayValue?.first { $0["VersionId"] == .string(Self.id(3)) }
    #expect(
      Set(third?["VersionStages"]?.arrayValue?.compactMap(\.stringValue) ?? []) == Set(labels))
    for label in labels { #expect(try await world.move(label, from: 3).status == 200) }
  }

  @Test func `a repeated call with the same key gets the same answer`() async throws {
    let world = try await world()
    let body =
      #"{"SecretId": "s", "VersionStage": "c", "MoveToVersionId": "\#(Self.id(3))"}"#
    let key = [(name: "Idempotency-Key", value: "k1")]
    let first = try await world.call("UpdateSecretVersionStage", body, extra: key)
    #expect(first.status == 200)
    _ = try await world.move("c", from: 3)
    let count = world.api.eventCount
    let again = try await world.call("UpdateSecretVersionStage", body, extra: key)
    #expect(again.status == 200)
    #expect(again.body == first.body)
    #expect(world.api.eventCount == count)
    let other = body.replacing(Self.id(3), with: Self.id(1))
    expectAWSError(
      try await world.call("UpdateSecretVersionStage", other, extra: key),
      "InvalidRequestException")
  }

  // MARK: Listing

  @Test func `versions are listed with their labels, without them only when asked`() async throws {
    let world = try await world([nil, nil, [], ["x", "y"]])
    let listed = try await world.call("ListSecretVersionIds", #"{"SecretId": "s"}"#)
    #expect(listed.column("Versions", "VersionId") == [1, 2, 4].map { Self.id($0) })
    #expect(listed["Name"].stringValue == "s")
    #expect(listed["NextToken"].isNull)
    #expect(listed["Versions", "1", "VersionStages"] == .array(["AWSCURRENT"]))
    #expect(listed["Versions", "2", "VersionStages"] == .array(["x", "y"]))
    #expect(listed["Versions", "0", "KmsKeyIds"] == .array(["DefaultEncryptionKey"]))
    let created = try #require(listed["Versions", "0", "CreatedDate"].doubleValue)
    #expect(abs(created - 1_772_600_769) < 10)
    let all = try await world.call(
      "ListSecretVersionIds", #"{"SecretId": "s", "IncludeDeprecated": true}"#)
    #expect(all.column("Versions", "VersionId") == (1...4).map { Self.id($0) })
    let third = try #require(all["Versions", "2"].objectValue)
    #expect(third["VersionStages"] == nil)
    #expect(third.keys.sorted() == ["CreatedDate", "KmsKeyIds", "VersionId"])
  }

  @Test(arguments: [1, 2, 3, 7, 100])
  func `versions come in pages`(_ limit: Int) async throws {
    let world = try await world(Array(repeating: nil, count: 7))
    for deprecated in [true, false] {
      var ids: [String] = []
      var token: String?
      repeat {
        var members: [String: JSONValue] = [
          "SecretId": "s", "MaxResults": .integer(Int64(limit)),
          "IncludeDeprecated": .bool(deprecated),
        ]
        members["NextToken"] = token.map { .string($0) }
        let page = try await world.call(
          "ListSecretVersionIds",
          String(decoding: JSONValue.object(members).canonicalBytes(), as: UTF8.self))
        let part = page.column("Versions", "VersionId")
        #expect((1...limit).contains(part.count))
        ids += part
        token = page["NextToken"].stringValue
      } while token != nil
      #expect(ids == (deprecated ? 1...7 : 6...7).map { Self.id($0) })
    }
  }
}
