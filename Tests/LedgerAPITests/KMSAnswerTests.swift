// Both forms of an answer of KMS: they say the same, and no text ends its element.

import CanonicalJSON
import Foundation
import HTTPWire
import LedgerServices
import TestSupport
import Testing

@testable import LedgerAPI

@Suite struct KMSAnswerTests {
  private static let prolog = "<?xml version='1.0' encoding='UTF-8'?>"

  @Test func `a form is asked for in either case`() {
    for text in ["xml", "XML", "Xml"] { #expect(KMSFormat(text) == .xml) }
    for text in ["json", "JSON"] { #expect(KMSFormat(text) == .json) }
    for text in ["", "yaml", "JSON ", "XML;"] { #expect(KMSFormat(text) == nil) }
  }

  @Test func `an object is written in both forms`() {
    var inner = KMSObject()
    inner.text("B", "x")
    inner.list("Stages", of: "Stage", [.text("a"), .text("b")])
    var object = KMSObject()
    object.list("Items", of: "Item", [.object(inner), .object(inner)])
    object.integer("N", -1)
    object.text("None", nil)
    object.moment("T", instant("2026-03-04T05:06:07.999999Z"))
    object.list("Empty", of: "Item", [])
    let json = #"{"B":"x","Stages":{"Stage":["a","b"]}}"#
    #expect(
      String(decoding: object.bytes(.json, root: "R"), as: UTF8.self)
        == #"{"Items":{"Item":[\#(json),\#(json)]},"N":-1,"T":"2026-03-04T05:06:07Z","#
        + #""Empty":{"Item":[]}}"#)
    let xml = "<Item><B>x</B><Stages><Stage>a</Stage><Stage>b</Stage></Stages></Item>"
    #expect(
      String(decoding: object.bytes(.xml, root: "R"), as: UTF8.self)
        == "\(Self.prolog)<R><Items>\(xml)\(xml)</Items><N>-1</N><T>2026-03-04T05:06:07Z</T>"
        + "<Empty></Empty></R>")
  }

  @Test(
    arguments: [
      ("a<b>&\"c'", "a&lt;b&gt;&amp;&quot;c&apos;"), ("]]>", "]]&gt;"), ("&amp;", "&amp;amp;"),
      ("a\tb\nc\rd", "a\tb\nc&#13;d"),
      ("\u{0}\u{1}\u{8}\u{b}\u{1f}", "\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}"),
      ("\u{fffe}\u{ffff}", "\u{fffd}\u{fffd}"), ("é中😀\u{85}\u{7f}", "é中😀\u{85}\u{7f}"),
      ("e\u{301}", "e\u{301}"),
    ])
  func `a text stays within its element`(_ text: String, _ expected: String) throws {
    var object = KMSObject()
    object.text("T", text)
    let bytes = object.bytes(.xml, root: "R")
    #expect(
      bytes.elementsEqual("\(Self.prolog)<R><T>\(expected)</T></R>".utf8),
      "\(String(decoding: bytes, as: UTF8.self))")
    let json = try JSONValue(parsing: object.bytes(.json, root: "R"))
    #expect(json["T"]?.stringValue.map { Array($0.utf8) } == Array(text.utf8))
  }

  @Test(arguments: KMSWorld.Scheme.allCases, KMSWorld.Place.allCases)
  func `a call that asks for XML gets it, also when it is refused`(
    _ scheme: KMSWorld.Scheme, _ place: KMSWorld.Place
  ) async throws {
    let world = try await KMSWorld()
    await world.makeSecret(versions: ["a<b>&\"'c"])
    let format = [(name: "Format", value: "xml")]
    let moved = try await world.call(
      "UpdateSecretVersionStage",
      [("SecretName", "s"), ("VersionStage", "blue"), ("MoveToVersion", "a<b>&\"'c")] + format,
      as: scheme, in: place)
    #expect(moved.status == 200)
    #expect(moved.fields["Content-Type"] == "text/xml;charset=utf-8")
    let requestID = try #require(moved.fields["X-Request-Id"])
    #expect(
      moved.text
        == "\(Self.prolog)<UpdateSecretVersionStageResponse><SecretName>s</SecretName>"
        + "<RequestId>\(requestID)</RequestId></UpdateSecretVersionStageResponse>")
    let versions = try await world.call(
      "ListSecretVersionIds", [("SecretName", "s")] + format, as: scheme, in: place)
    #expect(
      versions.text.contains(
        "<VersionIds><VersionId><VersionId>a&lt;b&gt;&amp;&quot;&apos;c</VersionId>"
          + "<CreateTime>2026-03-04T05:06:09Z</CreateTime>"
          + "<VersionStages><VersionStage>ACSCurrent</VersionStage>"
          + "<VersionStage>blue</VersionStage></VersionStages></VersionId></VersionIds>"))
    let refused = try await world.call(
      "DescribeSecret", [("SecretName", "absent")] + format, as: scheme, in: place)
    #expect(refused.status == 404)
    #expect(refused.fields["Content-Type"] == "text/xml;charset=utf-8")
    #expect(
      refused.text
        == "\(Self.prolog)<Error><RequestId>\(refused.fields["X-Request-Id"] ?? "")</RequestId>"
        + "<HostId>kms.example.com</HostId><Code>Forbidden.ResourceNotFound</Code>"
        + "<Message>Resource not found</Message>"
        + "<Recommend>There is no such secret.</Recommend></Error>")
    let unknown = try await world.call("Nonsense", format, as: scheme, in: place)
    #expect(unknown.status == 404)
    #expect(unknown.text.contains("<Code>InvalidAction.NotFound</Code>"))
  }

  @Test func `a refusal in XML shows the text to sign, and ends nowhere else`() async throws {
    var world = try await KMSWorld()
    world.secretKey += "x"
    let name = "a<b>&\"'c\u{1}"
    for scheme in KMSWorld.Scheme.allCases {
      let reply = try await world.call(
        "DescribeSecret", [("SecretName", name), ("Format", "XML")], as: scheme)
      #expect(reply.text.contains("<Code>SignatureDoesNotMatch</Code><Message>Specified signature"))
      #expect(reply.text.hasSuffix("</Recommend></Error>"))
    }
    let twice = try await world.call(
      "DescribeSecret", [(name, "1"), ("Format", "XML"), (name, "2")])
    #expect(
      twice.text.contains("parameter &quot;a&lt;b&gt;&amp;&quot;&apos;c\u{fffd}&quot; is not valid")
    )
  }

  @Test func `another form is refused in JSON`() async throws {
    let world = try await KMSWorld()
    for scheme in KMSWorld.Scheme.allCases {
      expectKMSError(
        try await world.call("ListSecrets", [("Format", "yaml")], as: scheme), 400,
        "InvalidParameter", "The specified parameter \"Format\" is not valid.")
    }
  }

  @Test(arguments: [
    ("kms.example.com", "kms.example.com"), ("127.0.0.1:8087", "127.0.0.1"), ("[::1]:80", "[::1]"),
    ("[::1]", "[::1]"), ("", ""),
  ])
  func `a refusal names the host without its port`(_ host: String, _ expected: String) {
    let request = HTTPRequest(
      method: "GET", target: "/?Action=x", fields: HTTPFields([("Host", host)]))
    let answer = KMSErrors.answer(.noRoute, to: request, "id")
    #expect((try? JSONValue(parsing: answer.content))?["HostId"]?.stringValue == expected)
  }

  @Test(
    arguments: [
      (.overloaded, 503, "ServiceUnavailableTemporary"),
      (.store(.unavailable(reason: "x")), 503, "ServiceUnavailableTemporary"),
      (.store(.deadlineExceeded), 503, "ServiceUnavailableTemporary"),
      (.store(.outcomeUnknown), 503, "ServiceUnavailableTemporary"),
      (.store(.corrupt("x")), 500, "InternalFailure"),
      (.store(.projectNotFound), 403, "Forbidden.NoPermission"),
      (.refused(HTTPRefusal(.bodyTooLarge(limitBytes: 1))), 413, "ParseRequestParameterException"),
      (.refused(HTTPRefusal(.invalidForm)), 400, "ParseRequestParameterException"),
      (.refused(HTTPRefusal(.tooManyConnections(limit: 1))), 503, "ServiceUnavailableTemporary"),
      (.deletionScheduledAlready, 409, "Rejected.ResourceInDeleteWindow"),
      (.rejected(.secretExists), 409, "Rejected.ResourceExist"),
      (.rejected(.tooManyStagesRequested(limit: 8)), 400, "Rejected.LimitExceeded"),
      (.body(.empty), 400, "ParseRequestParameterException"),
    ] as [(Failure, Int, String)])
  func `a failure below has the cloud's code`(
    _ failure: Failure, _ status: Int, _ code: String
  ) throws {
    let request = HTTPRequest(method: "GET", target: "/?Action=x")
    let report = ErrorReport(request: request, surface: .kms, requestID: "id")
    let answer = report.answer(failure)
    #expect(answer.status == status)
    let json = try JSONValue(parsing: answer.content)
    #expect(json["Code"]?.stringValue == code)
    #expect(json["Message"]?.stringValue?.isEmpty == false)
    #expect(json["Recommend"]?.stringValue?.isEmpty == false)
    #expect(json["RequestId"]?.stringValue == "id")
  }
}
