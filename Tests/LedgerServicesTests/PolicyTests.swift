// Policy: deny first, default deny, and wildcards that no pattern can make slow.
//
// What statements ask beside action and secret is in PolicyConditionTests.

import CanonicalJSON
import Ledger
import LedgerServices
import TestLiterals
import TestSupport
import Testing

extension Policy {
  /// Whether the action is allowed on the secret to a request that says nothing else.
  func allows(_ action: String, on secret: SecretName?) -> Bool {
    allows(PolicyRequest(PolicyAction(action), on: secret, stage: nil, from: nil, at: second(0)))
  }
}

@Suite struct PolicyTests {
  private func policy(_ text: String) throws -> Policy {
    try Policy(JSONValue(parsing: Array(text.utf8)))
  }

  private func allow(_ action: String, on resource: String) throws -> Policy {
    try Policy([
      "Statement": [["Effect": "Allow", "Action": .string(action), "Resource": .string(resource)]]
    ])
  }

  @Test func `names that fit no action are told`() throws {
    let policy = try Policy([
      "Statement": [
        ["Effect": "Allow", "Action": ["csms:*", "CSMS:Secret:GetStage", "ledger:?*"]],
        ["Effect": "Deny", "Action": ["csms:secretstage:get", "csms:secret:updateStag", "*"]],
        ["Effect": "Deny", "Action": "kms:UpdateSecretVersionStage"],
      ]
    ])
    let getStage = PolicyAction("csms:secret:getStage", aliases: ["csms:secretStage:get"])
    #expect(
      policy.namesFittingNone(of: [getStage]) == [
        "csms:secret:updateStag", "kms:UpdateSecretVersionStage", "ledger:?*",
      ])
    #expect(policy.namesFittingNone(of: []).count == 7)
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

  @Test func `only a statement about everything allows what is about no secret`() throws {
    #expect(try allow("a", on: "*").allows("a", on: nil))
    #expect(try !allow("a", on: "**").allows("a", on: nil))
    #expect(try !allow("a", on: "x").allows("a", on: nil))
  }

  @Test func `who is denied one secret is denied what shows the record of all`() throws {
    let policy = try policy(
      #"{"Statement":[{"Effect":"Allow","Action":"*"},"#
        + #"{"Effect":"Deny","Action":"*","Resource":"x"}]}"#)
    #expect(policy.allows("ledger:stage:get", on: "y"))
    #expect(!policy.allows("ledger:stage:get", on: "x"))
    #expect(!policy.allows("ledger:event:list", on: nil))
    // The clouds' own lists are as the clouds have them.
    #expect(policy.allows("csms:secret:list", on: nil))
    #expect(policy.allows("secretsmanager:ListSecrets", on: nil))
  }

  @Test(
    arguments: [
      ("*", "", true), ("*", "anything", true), ("", "", true), ("", "a", false), ("a", "a", true),
      ("a", "A", true), ("aB:c*", "Ab:CD", true), ("a*", "a", true), ("a*", "ab", true),
      ("a*", "ba", false),
      ("*a", "ba", true), ("*a", "ab", false), ("a*c", "abc", true), ("a*c", "ac", true),
      ("a*c", "abcd", false), ("a*b*c", "aXbYc", true), ("a*b*c", "acb", false),
      ("**", "x", true), ("a**b", "ab", true), ("*ab", "aab", true), ("*aab", "aaab", true),
      ("a?", "ab", true), ("a?", "a", false), ("?", "é", true), ("??", "é", false),
      ("*?", "", false), ("?*?", "ab", true), ("a.c", "abc", false), ("[a]", "a", false),
      ("é*", "é1", true),
      ("csms:*:get*", "csms:secretStage:get", true), ("csms:*:get*", "csms:get", false),
    ] as [(String, String, Bool)])
  func `a star stands for any run and a question mark for one`(
    _ pattern: String, _ text: String, _ fits: Bool
  ) throws {
    #expect(try allow(pattern, on: "*").allows(text, on: nil) == fits)
  }

  @Test(arguments: testSeeds)
  func `wildcards equal the plain definition`(_ seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<2_000 {
      let pattern = (0..<Int.random(in: 0...7, using: &random)).map { _ in
        random.pick(["a", "b", "*", "?"])
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
    guard let character = text.first, first == "?" || first == character else { return false }
    return fits(pattern.dropFirst(), text.dropFirst())
  }

  @Test func `names of secrets are compared in the case they have`() throws {
    let policy = try allow("*", on: "App-?")
    #expect(policy.allows("x", on: "App-1"))
    #expect(!policy.allows("x", on: "app-1"))
  }

  @Test func `an action is meant by any of its names`() throws {
    let action = PolicyAction("csms:secret:getStage", aliases: ["csms:secretStage:get"])
    func isAllowed(_ statements: String) throws -> Bool {
      let request = PolicyRequest(action, on: "s", stage: nil, from: nil, at: second(0))
      return try policy("{\"Statement\":[\(statements)]}").allows(request)
    }
    let new = #"{"Effect":"Allow","Action":"csms:secret:getStage"}"#
    let old = #"{"Effect":"Allow","Action":"CSMS:secretstage:*"}"#
    let deny = #"{"Effect":"Deny","Action":"csms:secretStage:get"}"#
    #expect(try isAllowed(new))
    #expect(try isAllowed(old))
    #expect(try !isAllowed("\(new),\(deny)"))
  }

  @Test(arguments: testSeeds)
  func `a denial wins and nothing is allowed by itself, whatever else is said`(
    _ seed: UInt64
  ) throws {
    var random = SeededGenerator(seed: seed)
    for _ in 0..<500 {
      let statements = (0..<Int.random(in: 1...5, using: &random)).map { _ in
        RandomStatement(&random)
      }
      let whole = try Policy(["Statement": .array(statements.map(\.json))])
      #expect(try Policy(whole.json) == whole)
      let reversed = try Policy(["Statement": .array(statements.reversed().map(\.json))])
      for _ in 0..<10 {
        let request = PolicyRequest(
          PolicyAction(random.pick(["x:a", "x:b", "y:a"])), on: named(random.pick(["s", "t"])),
          stage: random.pick([nil, "L", "M"]), from: random.pick([nil, "10.0.0.1", "::1"]),
          at: second(0))
        let meant = try statements.filter { statement in
          try Policy(["Statement": [statement.allowing.json]]).allows(request)
        }
        let expected = !meant.isEmpty && meant.allSatisfy(\.isAllowing)
        #expect(whole.allows(request) == expected)
        #expect(reversed.allows(request) == expected)
      }
    }
  }

  /// A statement of a few words, so that many speak of one request.
  private struct RandomStatement {
    var isAllowing: Bool
    let members: [String: JSONValue]

    init(_ random: inout SeededGenerator) {
      isAllowing = random.pick([true, true, false])
      var members: [String: JSONValue] = [
        "Action": .string(random.pick(["*", "x:*", "x:a", "?:a"])),
        "Resource": .string(random.pick(["*", "s", "t"])),
      ]
      let condition: JSONValue? = random.pick([
        nil, ["StringEquals": ["csms:VersionStage": ["L", "K"]]],
        ["StringNotLike": ["ledger:VersionStage": "L*"]],
        ["IpAddress": ["g:SourceIp": "10.0.0.0/8"]],
      ])
      members["Condition"] = condition
      self.members = members
    }

    var json: JSONValue {
      .object(members.merging(["Effect": isAllowing ? "Allow" : "Deny"]) { $1 })
    }

    var allowing: Self {
      var copy = self
      copy.isAllowing = true
      return copy
    }
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
    ("{}", "Statement"), (#"{"Statement":[1]}"#, "Statement[0]"),
    (#"{"Statement":[{"Effect":"Maybe","Action":"*"}]}"#, "Statement[0].Effect"),
    (
      #"{"Statement":[{"Effect":"Deny","Action":"*"},{"Effect":"Allow","Action":7}]}"#,
      "Statement[1].Action"
    ),
    (#"{"Statement":[{"Effect":"Allow","Action":"*","Resource":[[]]}]}"#, "Statement[0].Resource"),
    (
      #"{"Statement":[{"Effect":"Allow","Action":"*","Condition":7}]}"#,
      "Statement[0].Condition"
    ),
    (
      #"{"Statement":[{"Effect":"Allow","Action":"*","Condition":{"Bool":{"a":"b"}}}]}"#,
      "Statement[0].Condition.Bool"
    ),
    (
      #"{"Statement":[{"Effect":"Allow","Action":"*","Condition":{"StringLike":{"a":"b"}}}]}"#,
      "Statement[0].Condition.StringLike.a"
    ),
  ])
  func `the member at fault is named`(_ text: String, _ path: String) throws {
    let error = #expect(throws: PolicyError.self) { try policy(text) }
    guard case .badMember(path, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test func `a member nobody knows is named`() {
    #expect(throws: PolicyError.unknownMember("Statement[0].NotAction")) {
      try policy(#"{"Statement":[{"Effect":"Allow","Action":"*","NotAction":"x"}]}"#)
    }
    #expect(throws: PolicyError.unknownMember("Principal")) {
      try policy(#"{"Statement":[{"Effect":"Allow","Action":"*"}],"Principal":"*"}"#)
    }
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

  @Test(arguments: testSeeds)
  func `bytes changed in a policy give another policy or none`(_ seed: UInt64) throws {
    let text = Array(
      (#"{"Statement":[{"Sid":"1","Effect":"Deny","Action":["a:*","b"],"Resource":"x*","#
        + #""Condition":{"StringLike":{"csms:VersionStage":["c*"]},"IpAddress":{"g:SourceIp":"#
        + #"["10.0.0.0/8","::1/128"]},"DateLessThan":{"g:CurrentTime":"2026-01-01T00:00:00Z"}}},"#
        + #"{"Effect":"Allow","Action":"*"}]}"#).utf8)
    var random = SeededGenerator(seed: seed)
    var understood = 0
    for _ in 0..<5_000 {
      var bytes = text
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(
          in: 0x20...0x7E, using: &random)
      }
      guard let value = try? JSONValue(parsing: bytes), let policy = try? Policy(value) else {
        continue
      }
      understood += 1
      #expect(try Policy(policy.json) == policy)
      _ = policy.allows(
        PolicyRequest("a:b", on: "x1", stage: "c1", from: "10.0.0.1", at: second(0)))
    }
    #expect(understood > 50)
  }

  @Test func `a policy has bounds`() throws {
    let statement: JSONValue = ["Effect": "Allow", "Action": "a"]
    func statements(_ count: Int) -> JSONValue {
      ["Statement": .array(Array(repeating: statement, count: count))]
    }
    #expect(try Policy(statements(64)).allows("a", on: nil))
    #expect(throws: PolicyError.self) { try Policy(statements(65)) }
    func actions(_ count: Int) -> JSONValue {
      ["Statement": [["Effect": "Allow", "Action": .array(Array(repeating: "a", count: count))]]]
    }
    #expect(try Policy(actions(256)).allows("a", on: nil))
    #expect(throws: PolicyError.self) { try Policy(actions(257)) }
  }

  @Test func `a policy survives its JSON`() throws {
    let policy = try policy(
      #"{"Version":"1.1","Statement":[{"Sid":"1","Effect":"Deny","Action":["a","b"],"#
        + #""Resource":"x*"},{"Effect":"Allow","Action":"é"}]}"#)
    #expect(try Policy(policy.json) == policy)
    for builtIn in Policy.builtIn.values { #expect(try Policy(builtIn.json) == builtIn) }
  }

  @Test func `the built-in policies differ`() {
    #expect(Set(Policy.builtIn.values).count == 4)
  }

  @Test(arguments: [
    ("csms:secret:get", "reader"), ("csms:secret:list", "reader"),
    ("csms:secret:getVersion", "reader"), ("csms:secret:listVersion", "reader"),
    ("csms:secret:getStage", "reader"), ("csms:secretStage:get", "reader"),
    ("kms:DescribeSecret", "reader"), ("kms:ListSecrets", "reader"),
    ("kms:ListSecretVersionIds", "reader"), ("secretsmanager:DescribeSecret", "reader"),
    ("secretsmanager:ListSecrets", "reader"), ("secretsmanager:ListSecretVersionIds", "reader"),
    ("ledger:event:list", "reader"), ("ledger:stage:get", "reader"),
    ("ledger:evidence:bundle", "auditor"),
    ("csms:secret:create", "writer"), ("csms:secret:createVersion", "writer"),
    ("csms:secret:createStage", "writer"), ("csms:secret:updateStage", "writer"),
    ("csms:secret:deleteStage", "writer"), ("kms:UpdateSecretVersionStage", "writer"),
    ("secretsmanager:UpdateSecretVersionStage", "writer"), ("ledger:stage:record", "writer"),
    ("ledger:secret:record", "writer"),
    ("csms:secret:delete", "admin"), ("csms:secret:scheduleDeletion", "admin"),
    ("csms:secret:restoreSecret", "admin"), ("kms:DeleteSecret", "admin"),
    ("secretsmanager:DeleteSecret", "admin"), ("secretsmanager:GetSecretValue", "admin"),
    ("kms:GetSecretValue", "admin"), ("ledger:drift:acknowledge", "admin"),
  ])
  func `each action has the least built-in policies that allow it`(
    _ action: String, _ least: String
  ) throws {
    let allowing = [
      "reader": ["reader", "auditor", "writer", "admin"],
      "auditor": ["auditor", "admin"], "writer": ["writer", "admin"], "admin": ["admin"],
    ]
    for (name, policy) in Policy.builtIn {
      let isAllowed = try #require(allowing[least]).contains(name)
      #expect(policy.allows(action, on: "s") == isAllowed, "\(name)")
      #expect(policy.allows(action, on: nil) == isAllowed, "\(name)")
    }
  }
}
