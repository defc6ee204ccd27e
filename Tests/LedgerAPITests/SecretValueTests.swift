// The promise that a secret value never gets in: refused wherever it stands, and no trace kept.

import CanonicalJSON
import Ledger
import LedgerServices
import TestSupport
import Testing

@testable import LedgerAPI

@Suite struct SecretValueTests {
  private static let canary = "hunter2-canary"

  @Test(arguments: [
    "secret_string", "secret_binary", "SecretData", "SecretString", "SecretBinary",
    "SECRET_STRING", "secretString", "Secret-Binary", "secretdata", "secret_data",
  ])
  func `every name of a value is known in any case`(_ name: String) {
    #expect(SecretValue.isName(name))
  }

  @Test(arguments: ["secret", "secret_name", "secret_strings", "string", "", "SecretId", "data"])
  func `other names are not taken for one`(_ name: String) {
    #expect(!SecretValue.isName(name))
  }

  private static let requests: [(method: String, target: String)] = [
    ("POST", "/v1/p1/secrets"), ("POST", "/v1/p1/secrets/s/versions"),
    ("PUT", "/v1/p1/secrets/s/stages/G"), ("POST", "/v1/p1/secrets/s/stages"),
    ("POST", "/v1/p1/secrets/s/scheduled-deleted-tasks/create"),
    ("DELETE", "/v1/p1/secrets/s/stages/SYSCURRENT"), ("DELETE", "/v1/p1/secrets/s"),
    ("GET", "/v1/p1/secrets/s"), ("POST", "/ledger/v1/p1/secrets"),
    ("POST", "/ledger/v1/p1/secrets/s/versions"), ("PUT", "/ledger/v1/p1/secrets/s/stages/G"),
    ("DELETE", "/ledger/v1/p1/secrets/s/stages/SYSCURRENT"),
    ("GET", "/ledger/v1/p1/events"),
  ]

  @Test(arguments: requests)
  func `a request with a value is refused and nothing of it stays`(
    _ method: String, _ target: String
  ) async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    for body in [
      #"{"name": "t", "version_id": "v1", "secret_string": "\#(Self.canary)"}"#,
      #"{"name": "t", "x": [{"y": {"SecretBinary": "\#(Self.canary)"}}]}"#,
      #"[{"SECRETDATA": null}, "\#(Self.canary)"]"#,
    ] {
      let reply = await api.send(method, target, body, [("Idempotency-Key", "k1")])
      #expect(reply.status == 400)
      if target.hasPrefix("/v1/") {
        expectError(reply, 400, "CSMS.0002")
        #expect(reply["error_msg"].stringValue?.contains("never takes a secret value") == true)
      } else {
        expectProblem(reply, 400, "secret_value")
      }
      #expect(!reply.text.contains("hunter2"))
      #expect(reply.fields.pairs.allSatisfy { !$0.value.contains("hunter2") })
    }
    #expect(api.eventCount == 3)
    #expect(!(await api.send("GET", "/metrics")).text.contains("hunter2"))
  }

  @Test func `a value in the query is refused too`() async throws {
    let api = try await TestAPI()
    await api.makeSecret()
    expectError(await api.csms("GET", "/s?SecretString=\(Self.canary)"), 400, "CSMS.0002")
    let own = await api.own("GET", "/secrets/s?secret_string=\(Self.canary)")
    expectProblem(own, 400, "secret_value")
    #expect(!own.text.contains("hunter2"))
  }

  @Test func `broken JSON around a value shows nothing of it`() async throws {
    let api = try await TestAPI()
    for body in [
      #"{"secret_string": "\#(Self.canary)""#, #"{"\#(Self.canary)": 1, "\#(Self.canary)": 2}"#,
      #"{"name": "t"} \#(Self.canary)"#,
    ] {
      let cloud = await api.csms("POST", "", body)
      expectError(cloud, 400, "CSMS.0004")
      #expect(!cloud.text.contains("hunter2"))
      let own = await api.own("POST", "/secrets", body)
      expectProblem(own, 400, "bad_body")
      #expect(!own.text.contains("hunter2"))
    }
  }
}
