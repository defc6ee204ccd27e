// What clients are told of changes that are passed on to a cloud, on every surface.

import CanonicalJSON
import HTTPWire
import Ledger
import LedgerServices
import TestSupport
import Testing

@testable import LedgerAPI

@Suite struct PassedOnTests {
  private let gate = ScriptedGate()

  private func makeAPI() async throws -> TestAPI {
    var settings = Changes.Settings()
    settings.sleep = { _ in await Task.yield() }
    let ledger = TestLedger(clouds: gate, changes: settings)
    try await ledger.makeProject(
      upstream: Upstream(
        mode: .write, url: "https://cloud.example", project: "p", region: nil, credential: nil))
    let api = TestAPI(over: ledger, token: try await ledger.makeToken())
    await api.makeSecret(versions: 2)
    return api
  }

  @Test func `a success looks as it does where nothing is passed on`() async throws {
    let api = try await makeAPI()
    let moment = api.ledger.time.now.advanced(byMicroseconds: 1_000_000)
    gate.edit { $0.moment = moment }
    let put = await api.csms("PUT", "/s/stages/canary", #"{"version_id": "v1"}"#)
    #expect(put.status == 200, "\(put.text)")
    #expect(put["stage", "name"] == "canary" && put["stage", "version_id"] == "v1")
    #expect(put["stage", "update_time"].integerValue == moment.milliseconds)
    let post = await api.csms("POST", "/s/stages", #"{"name": "blue", "version_id": "v2"}"#)
    #expect(post.status == 200, "\(post.text)")
    let again = await api.csms("PUT", "/s/stages/canary", #"{"version_id": "v1"}"#)
    #expect(again["stage", "update_time"] == put["stage", "update_time"])
    let own = await api.own("PUT", "/secrets/s/stages/green", #"{"version_id": "v2"}"#)
    #expect(own.status == 201, "\(own.text)")
    #expect(own["event", "type"] == "stage.assigned")
    #expect(own["events"].arrayValue?.count == 1)
    let unchanged = await api.own("PUT", "/secrets/s/stages/green", #"{"version_id": "v2"}"#)
    #expect(unchanged.status == 200 && unchanged["event"] == .null)
    let deleted = await api.csms("DELETE", "/s/stages/canary")
    #expect(deleted.status == 204)
    #expect(gate.holder(of: named("canary"), of: named("s")) == nil)
    #expect(gate.holder(of: named("blue"), of: named("s")) == named("v2"))
  }

  @Test func `the cloud's refusal is the client's answer`() async throws {
    let api = try await makeAPI()
    gate.edit {
      $0.refusal = CloudRefusal(
        status: 403, code: "CSMS.0109", message: "The secret state is not enabled.",
        requestID: nil)
    }
    let put = await api.csms("PUT", "/s/stages/canary", #"{"version_id": "v1"}"#)
    expectError(put, 403, "CSMS.0109")
    #expect(put["error_msg"] == "The secret state is not enabled.")
    let own = await api.own("PUT", "/secrets/s/stages/canary", #"{"version_id": "v1"}"#)
    expectProblem(own, 403, "upstream_refused")
    #expect(own["detail"].stringValue?.contains("CSMS.0109") == true)
    #expect(own.fields["Ledger-Position"] != nil)
  }

  @Test func `nonsense is 502 and silence 504, and both say where it is recorded`() async throws {
    let api = try await makeAPI()
    gate.edit { $0.faults = [.nonsense] }
    let nonsense = await api.csms("PUT", "/s/stages/canary", #"{"version_id": "v1"}"#)
    expectError(nonsense, 502, "LEDGER.0502")
    #expect(nonsense.fields["Ledger-Position"] != nil)
    // The next one waits until that is settled, and is told when it takes too long.
    let next = await api.own("PUT", "/secrets/s/stages/canary", #"{"version_id": "v2"}"#)
    expectProblem(next, 503, "change_under_way")
    #expect(next.fields["Retry-After"] == "1")
    await api.makeSecret("t")
    gate.edit { $0.faults = [.answerLost] }
    let silence = await api.own("PUT", "/secrets/t/stages/canary", #"{"version_id": "v1"}"#)
    expectProblem(silence, 504, "upstream_silent")
  }

  @Test func `each surface tells of it in its own shape`() throws {
    let refusal = CloudRefusal(status: 404, code: "Its.Own", message: "words", requestID: nil)
    func answer(_ kind: ChangeFault.Kind, _ surface: Surface) throws -> (Int, JSONValue) {
      let request = HTTPRequest(method: "POST", target: "/")
      let answer = ErrorReport(request: request, surface: surface, requestID: "r")
        .answer(.change(ChangeFault(kind, at: place(4))))
      return (answer.status, try JSONValue(parsing: answer.content))
    }
    let (kms, kmsBody) = try answer(.refused(refusal), .kms)
    #expect(kms == 404 && kmsBody["Code"] == "Its.Own" && kmsBody["Message"] == "words")
    let (aws, awsBody) = try answer(.refused(refusal), .aws)
    #expect(aws == 404 && awsBody["__type"] == "Its.Own" && awsBody["Message"] == "words")
    for surface: Surface in [.csms, .kms, .aws, .ledger] {
      #expect(try answer(.unresolved(.nonsense), surface).0 == 502)
      #expect(try answer(.unresolved(.silence), surface).0 == 504)
      #expect(try answer(.notDone, surface).0 == 502)
      #expect(try answer(.underWay, surface).0 == 503)
      let ours = CloudRefusal(status: 401, code: "APIGW.0301", message: "no", requestID: nil)
      #expect(try answer(.refused(ours), surface).0 == 502, "the service's own credential")
    }
  }
}
