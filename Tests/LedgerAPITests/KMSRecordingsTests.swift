// What three official Python clients of the cloud put on the wire, answered in the order of a
// story, with the clock at the time of each recording.

import CanonicalJSON
import Foundation
import HTTPWire
import Ledger
import LedgerAPI
import LedgerServices
import TestSupport
import Testing

@Suite struct KMSRecordingsTests {
  private static let first = "00000000000000000000000000000001"
  private static let second = "00000000000000000000000000000002"

  /// A secret with two versions whose label `blue` is on the first.
  private func world() async throws -> KMSWorld {
    var world = try await KMSWorld()
    (world.accessKey, world.secretKey) = try await world.api.ledger.makeSigner(
      "recorder", accessKey: "FAKEAK0RECORDING0001",
      secretKey: "fakesecretkeyforrecordingsonly0000000001")
    world.api.ledger.time.set(instant("2026-11-21T01:48:32Z"))
    await world.makeSecret("secret001", versions: [Self.first, Self.second])
    return world
  }

  /// The answers to all recordings of a client, by the number of each; before a move `blue` is put
  /// on the first version.
  private func replies(_ client: String, _ world: KMSWorld) async throws -> [String: Reply] {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "RequestSigningTests/Fixtures/\(client)")
    var replies: [String: Reply] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    where name.hasSuffix(".http") {
      let request = try HTTPRequest(
        recorded: Array(try Data(contentsOf: folder.appending(path: name))))
      let isOld = name.contains("fixed_nonce_and_date")
      if !isOld {
        world.api.ledger.time.set(instant("2026-11-21T01:48:32Z"))
        let put = await world.api.own(
          "PUT", "/secrets/secret001/stages/blue", #"{"version_id": "\#(Self.first)"}"#)
        #expect(put.status == 200 || put.status == 201, "\(put.text)")
      }
      world.api.ledger.time.set(
        instant(isOld ? "2020-02-12T11:39:40Z" : "2026-11-21T01:48:33Z"))
      replies[String(name.prefix(2))] = Reply(await world.api.api.respond(to: request))
    }
    return replies
  }

  /// Whether the eight calls that both ways of signing begin with are answered as they should be.
  private func expectStory(_ replies: [Reply]) throws {
    for reply in replies.prefix(3) {
      #expect(reply.status == 200, "\(reply.text)")
      #expect(reply["SecretName"].stringValue == "secret001")
    }
    #expect(replies[3]["TotalCount"].integerValue == 2, "\(replies[3].text)")
    let versions = replies[3]["VersionIds", "VersionId"].arrayValue ?? []
    #expect(versions.map { $0["VersionId"]?.stringValue } == [Self.first, Self.second])
    #expect(
      versions.map { $0["VersionStages"]?["VersionStage"] } == [
        .array([.string("ACSPrevious"), .string("blue")]), .array([.string("ACSCurrent")]),
      ])
    #expect(replies[4]["SecretList", "Secret", "0", "SecretName"].stringValue == "secret001")
    #expect(replies[5]["SecretName"].stringValue == "secret001")
    #expect(replies[6].status == 400)
    #expect(replies[6].text.contains("never takes a secret value"))
    #expect(
      replies[7]["Message"].stringValue == "The specified parameter \"SecretName\" is not valid.")
  }

  @Test func `the calls of the newer client are answered in both ways of signing`() async throws {
    let world = try await world()
    let replies = try await replies("alibaba", world)
    #expect(replies.count == 43)
    func reply(_ number: Int) throws -> Reply {
      try #require(replies[String("0\(number)".suffix(2))])
    }
    for begin in [1, 21] {
      try expectStory(try (begin..<begin + 8).map { try reply($0) })
      // Recorded for what the client makes of refusals, the rest are moves like the first.
      for number in begin + 9..<begin + 20 {
        let moved = try reply(number)
        #expect(moved.status == 200, "\(number): \(moved.text)")
      }
    }
    #expect(try reply(9).status == 200)
    // Of the same nonce as the ninth, which has been forgotten with the years between them.
    #expect(try reply(29).status == 200)
    #expect(try reply(41).status == 200)
    #expect(try reply(42).status == 200)
    #expect(try reply(43)["Code"].stringValue == "IncompleteSignature")
    let again = try await self.replies("alibaba", world)
    for (number, reply) in again where !["07", "09", "27", "29", "43"].contains(number) {
      #expect(reply["Code"].stringValue == "SignatureNonceUsed", "\(number): \(reply.text)")
    }
  }

  @Test func `the calls of the older client are answered`() async throws {
    let world = try await world()
    let replies = try await replies("alibaba-old", world)
    #expect(replies.count == 23)
    try expectStory(
      try (1...8).map { try #require(replies["0\($0)"]) })
    for (number, reply) in replies where !["07", "08"].contains(number) {
      #expect(reply.status == 200, "\(number): \(reply.text)")
    }
    let xml = try #require(replies["11"])
    #expect(xml.fields["Content-Type"] == "text/xml;charset=utf-8")
    #expect(
      xml.text.contains("<UpdateSecretVersionStageResponse><SecretName>secret001</SecretName>"))
  }
}
