// Policy: deny first, default deny, and wildcards that no pattern can make slow.

import CanonicalJSON
import Ledger
import LedgerServices
import TestLiterals
import TestSupport
import Testing

@Suite struct PolicyTests {
  private func policy(_ text: String) throws -> Policy {
    try Policy(JSONValue(parsing: Array(text.utf8)))
  }

  private func allow(_ action: String, on resource: String) throws -> Policy {
    try Policy([
      "Statement": [["Effect": "Allow", "Action": .string(action), "Resource": .string(resource)]]
    ])
  }

  @Test func `what no statement allows is denied`() throws {
    let policy = try allow("csms:secretStage:get", on: "db-*")
    #expect(policy.allows("csms:secretStage:get", on: "db-1"))
    #expect(!policy.allows("csms:secretStage:update", on: "db-1"))
    #expect(!policy.allows("csms:secretStage:get", on: "web-1"))
    #expect(!policy.allows("csms:secretStage:get", on: nil))
  }

  @Test func `a denial wins wherever it stands`() throws {
    let allow = #"{"Effect":"Allow","Action":"*","Resource":"*"}"#
    let deny = #"{"Effect":"Deny","Action":["csms:*:delete","x"],"Resource":"prod-*"}"#
    for text in ["[\(allow),\(deny)]", "[\(deny),\(allow)]"] {
      let policy = try policy("{\"Statement\":\(text)}")
      #expect(!policy.allows("csms:secret:delete", on: "prod-1"))
      #expect(policy.allows("csms:secret:delete", on: "test-1"))
      #expect(policy.allows("csms:secret:get", on: "prod-1"))
      #expect(policy.allows("csms:secret:delete", on: nil))
    }
  }

  @Test func `only a statement about everything speaks of no secret`() throws {
    #expect(try allow("a", on: "*").allows("a", on: nil))
    #expect(try !allow("a", on: "**").allows("a", on: nil))
    #expect(try !allow("a", on: "x").allows("a", on: nil))
  }

  @Test(
    arguments: [
      ("*", "", true), ("*", "anything", true), ("", "", true), ("", "a", false), ("a", "a", true),
      ("a", "A", false), ("a*", "a", true), ("a*", "ab", true), ("a*", "ba", false),
      ("*a", "ba", true), ("*a", "ab", false), ("a*c", "abc", true), ("a*c", "ac", true),
      ("a*c", "abcd", false), ("a*b*c", "aXbYc", true), ("a*b*c", "acb", false),
      ("**", "x", true), ("a**b", "ab", true), ("*ab", "aab", true), ("*aab", "aaab", true),
      ("a?", "ab", false), ("a.c", "abc", false), ("[a]", "a", false), ("é*", "é1", true),
      ("csms:*:get*", "csms:secretStage:get", true), ("csms:*:get*", "csms:get", false),
    ] as [(String, String, Bool)])
  func `a star stands for any run`(_ pattern: String, _ text: String, _ fits: Bool) throws {
    #expect(try allow(pattern, on: "*").allows(text, on: nil) == fits)
  }

  @Test(arguments: testSeeds)
  func `wildcards equal the plain definition`(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<2_000 {
      let pattern = (0..<Int.random(in: 0...7, using: &random)).map { _ in
        random.pick(["a", "b", "*"])
      }
      let text = (0..<Int.random(in: 0...9, using: &random)).map { _ in random.pick(["a", "b"]) }
      let expected = fits(pattern[...], text[...])
      let policy = try allow(pattern.joined(), on: "*")
      #expect(policy.allows(text.joined(), on: nil) == expected, "\(pattern) \(text)")
    }
  }

  private func fits(_ pattern: ArraySlice<String>, _ text: ArraySlice<String>) -> Bool {
    guard let first = pattern.first else { return text.isEmpty }
    if first == "*" {
      return fits(pattern.dropFirst(), text) || (!text.isEmpty && fits(pattern, text.dropFirst()))
    }
    return text.first == first && fits(pattern.dropFirst(), text.dropFirst())
  }

  @Test(.timeLimit(.minutes(1)))
  func `no pattern is slow`() throws {
    let pattern = String(repeating: "a*", count: 200) + "b"
    let secret = try SecretName(String(repeating: "a", count: 512))
    #expect(try !allow("*", on: pattern).allows("x", on: secret))
    let stars = String(repeating: "*", count: 400) + "b"
    #expect(try !allow("*", on: stars).allows("x", on: secret))
  }

  @Test(arguments: [
    "null", "[]", "{}", #"{"Statement":[]}"#, #"{"Statement":{}}"#, #"{"Statement":[1]}"#,
    #"{"Statement":[{}]}"#, #"{"Statement":[{"Effect":"Allow"}]}"#,
    #"{"Statement":[{"Effect":"allow","Action":"*"}]}"#,
    #"{"Statement":[{"Effect":"Perhaps","Action":"*"}]}"#,
    #"{"Statement":[{"Effect":true,"Action":"*"}]}"#,
    #"{"Statement":[{"Effect":"Allow","Action":[]}]}"#,
    #"{"Statement":[{"Effect":"Allow","Action":[1]}]}"#,
    #"{"Statement":[{"Effect":"Allow","Action":{}}]}"#,
    #"{"Statement":[{"Effect":"Allow","Action":"*","Resource":[]}]}"#,
    #"{"Statement":[{"Effect":"Allow","Action":"*","Resource":null}]}"#,
    #"{"Statement":[{"Effect":"Allow","Action":"*","NotAction":"x"}]}"#,
    #"{"Statement":[{"Effect":"Allow","Action":"*","Condition":{}}]}"#,
    #"{"Statement":[{"Effect":"Allow","Action":"*"}],"Principal":"*"}"#,
  ])
  func `what a policy cannot say is refused`(_ text: String) {
    #expect(throws: PolicyError.self) { try policy(text) }
  }

  @Test func `a policy has bounds`() throws {
    let statement: JSONValue = ["Effect": "Allow", "Action": "a"]
    func statements(_ count: Int) -> JSONValue {
      ["Statement": .array(Array(repeating: statement, count: count))]
    }
    #expect(try Policy(statements(64)).statements.count == 64)
    #expect(throws: PolicyError.self) { try Policy(statements(65)) }
    func actions(_ count: Int) -> JSONValue {
      ["Statement": [["Effect": "Allow", "Action": .array(Array(repeating: "a", count: count))]]]
    }
    #expect(try Policy(actions(256)).statements.first?.actions.count == 256)
    #expect(throws: PolicyError.self) { try Policy(actions(257)) }
  }

  @Test func `a policy survives its JSON`() throws {
    let policy = try policy(
      #"{"Version":"1.1","Statement":[{"Sid":"1","Effect":"Deny","Action":["a","b"],"#
        + #""Resource":"x*"},{"Effect":"Allow","Action":"é"}]}"#)
    #expect(try Policy(policy.json) == policy)
    for builtIn in Policy.builtIn.values { #expect(try Policy(builtIn.json) == builtIn) }
  }

  @Test(arguments: [
    ("admin", "csms:secret:delete", true), ("admin", "ledger:drift:acknowledge", true),
    ("writer", "csms:secretStage:update", true), ("writer", "ledger:event:list", true),
    ("writer", "ledger:drift:acknowledge", false), ("reader", "csms:secretStage:get", true),
    ("reader", "csms:secretStage:list", true), ("reader", "csms:secretStage:update", false),
    ("reader", "ledger:stage:record", false), ("auditor", "ledger:event:list", true),
    ("auditor", "csms:secret:create", false),
  ])
  func `the built-in policies`(_ name: String, _ action: String, _ isAllowed: Bool) throws {
    let policy = try #require(Policy.builtIn[name])
    #expect(policy.allows(action, on: "s") == isAllowed)
    #expect(policy.allows(action, on: nil) == isAllowed)
  }
}
