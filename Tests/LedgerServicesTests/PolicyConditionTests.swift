// PolicyCondition: what each operator asks of each key, with the key there and without it.

import CanonicalJSON
import Ledger
import LedgerServices
import TestLiterals
import TestSupport
import Testing

@Suite struct PolicyConditionTests {
  private func policy(
    _ operation: String, _ key: String, _ values: JSONValue, effect: JSONValue = "Allow"
  ) throws -> Policy {
    try Policy([
      "Statement": [
        [
          "Effect": effect, "Action": "*",
          "Condition": .object([operation: .object([key: values])]),
        ]
      ]
    ])
  }

  private func request(
    stage: StageName? = nil, from source: String? = nil, at moment: Instant = second(0)
  ) -> PolicyRequest {
    PolicyRequest("x", on: "s", stage: stage, from: source, at: moment)
  }

  /// Operator, values, the label of the request, whether the operator holds.
  @Test(
    arguments: [
      ("StringEquals", ["a", "b"], "b", true), ("StringEquals", ["a", "b"], "c", false),
      ("StringEquals", ["a"], "A", false), ("StringEquals", ["a*"], "ab", false),
      ("StringEquals", ["e\u{301}"], "\u{E9}", false), ("StringEquals", ["a"], nil, false),
      ("StringNotEquals", ["a", "b"], "b", false), ("StringNotEquals", ["a", "b"], "c", true),
      ("StringNotEquals", ["a"], nil, true),
      ("StringEqualsIgnoreCase", ["a", "SysCurrent"], "SYSCURRENT", true),
      ("StringEqualsIgnoreCase", ["a"], "b", false), ("StringEqualsIgnoreCase", ["a"], nil, false),
      ("StringNotEqualsIgnoreCase", ["Ä"], "ä", false),
      ("StringNotEqualsIgnoreCase", ["a"], "b", true),
      ("StringNotEqualsIgnoreCase", ["a"], nil, true),
      ("StringLike", ["x", "can?ry-*"], "canary-1", true), ("StringLike", ["can*"], "CAN", false),
      ("StringLike", ["*"], nil, false), ("StringNotLike", ["SYS*", "x"], "SYSCURRENT", false),
      ("StringNotLike", ["SYS*"], "canary", true), ("StringNotLike", ["*"], nil, true),
      ("StringMatch", ["SYS*"], "SYSCURRENT", true), ("StringMatch", ["SYS*"], nil, false),
      ("StringNotMatch", ["SYS*"], "SYSCURRENT", false), ("StringNotMatch", ["SYS*"], nil, true),
      ("StringEqualsIfExists", ["a"], nil, true), ("StringEqualsIfExists", ["a"], "b", false),
      ("StringNotLikeIfExists", ["a"], nil, true), ("StringNotLikeIfExists", ["a"], "a", false),
    ] as [(String, [String], StageName?, Bool)])
  func `labels`(
    _ operation: String, _ values: [String], _ stage: StageName?, _ holds: Bool
  ) throws {
    let values = JSONValue.array(values.map { .string($0) })
    for key in [
      "csms:VersionStage", "kms:VersionStage", "secretsmanager:VersionStage",
      "ledger:VersionStage", "CSMS:versionstage",
    ] {
      #expect(try policy(operation, key, values).allows(request(stage: stage)) == holds)
    }
  }

  @Test(
    arguments: [
      ("IpAddress", ["10.0.0.0/8", "192.0.2.7"], "10.255.0.1", true),
      ("IpAddress", ["10.0.0.0/8", "192.0.2.7"], "192.0.2.7", true),
      ("IpAddress", ["10.0.0.0/8", "192.0.2.7"], "192.0.2.8", false),
      ("IpAddress", ["2001:db8::/32"], "2001:db8:1::1", true),
      ("IpAddress", ["0.0.0.0/0"], nil, false), ("IpAddress", ["0.0.0.0/0"], "nonsense", false),
      ("NotIpAddress", ["10.0.0.0/8", "::1"], "10.0.0.1", false),
      ("NotIpAddress", ["10.0.0.0/8", "::1"], "::1", false),
      ("NotIpAddress", ["10.0.0.0/8", "::1"], "11.0.0.1", true),
      ("NotIpAddress", ["10.0.0.0/8"], nil, true),
      ("IpAddressIfExists", ["10.0.0.0/8"], nil, true),
      ("IpAddressIfExists", ["10.0.0.0/8"], "11.0.0.1", false),
    ] as [(String, [String], String?, Bool)])
  func `addresses`(
    _ operation: String, _ values: [String], _ source: String?, _ holds: Bool
  ) throws {
    let values = JSONValue.array(values.map { .string($0) })
    for key in ["g:SourceIp", "acs:SourceIp", "aws:SourceIp", "aws:SourceIP"] {
      #expect(try policy(operation, key, values).allows(request(from: source)) == holds)
    }
  }

  /// Whether the operator holds before, at and after its moment.
  @Test(
    arguments: [
      ("DateEquals", [false, true, false]), ("DateNotEquals", [true, false, true]),
      ("DateLessThan", [true, false, false]), ("DateLessThanEquals", [true, true, false]),
      ("DateGreaterThan", [false, false, true]), ("DateGreaterThanEquals", [false, true, true]),
      ("DateLessThanIfExists", [true, false, false]),
    ] as [(String, [Bool])])
  func `times`(_ operation: String, _ holds: [Bool]) throws {
    for key in ["g:CurrentTime", "acs:CurrentTime", "aws:CurrentTime"] {
      let policy = try policy(operation, key, "2026-01-01T08:00:01+08:00")
      let found = (0...2).map { policy.allows(request(at: second($0))) }
      #expect(found == holds)
    }
  }

  @Test func `all operators and keys of a statement must hold`() throws {
    let policy = try Policy([
      "Statement": [
        [
          "Effect": "Allow", "Action": "*",
          "Condition": [
            "StringEquals": ["csms:VersionStage": "L"],
            "StringNotLike": ["kms:VersionStage": "M*"],
            "IpAddress": ["g:SourceIp": "10.0.0.0/8"],
            "DateLessThan": ["g:CurrentTime": "2026-01-01T00:00:05Z"],
          ],
        ]
      ]
    ])
    #expect(policy.allows(request(stage: "L", from: "10.0.0.1")))
    #expect(!policy.allows(request(stage: "M", from: "10.0.0.1")))
    #expect(!policy.allows(request(stage: "L", from: "11.0.0.1")))
    #expect(!policy.allows(request(stage: "L", from: "10.0.0.1", at: second(5))))
    #expect(try Policy(policy.json) == policy)
  }

  @Test func `a denial with a condition denies where the condition holds`() throws {
    let policy = try Policy([
      "Statement": [
        ["Effect": "Allow", "Action": "*"],
        [
          "Effect": "Deny", "Action": "*",
          "Condition": ["StringLike": ["csms:VersionStage": "SYS*"]],
        ],
      ]
    ])
    #expect(!policy.allows(request(stage: "SYSCURRENT")))
    #expect(policy.allows(request(stage: "canary")))
    #expect(policy.allows(request()))
  }

  /// Operator, key and value of what no policy can say.
  @Test(
    arguments: [
      ("StringEqual", "csms:VersionStage", "a"), ("stringequals", "csms:VersionStage", "a"),
      ("Bool", "aws:SecureTransport", "true"), ("Null", "csms:VersionStage", "true"),
      ("NumericEquals", "csms:VersionStage", "1"), ("IfExists", "csms:VersionStage", "a"),
      ("StringEqualsIfExistsIfExists", "csms:VersionStage", "a"),
      ("ForAnyValue:StringEquals", "csms:VersionStage", "a"), ("", "csms:VersionStage", "a"),
      ("StringEquals", "csms:Type", "COMMON"), ("StringEquals", "VersionStage", "a"),
      ("StringEquals", "", "a"), ("StringEquals", "g:UserName", "a"),
      ("StringEquals", "g:SourceIp", "10.0.0.1"), ("IpAddress", "csms:VersionStage", "10.0.0.1"),
      ("StringLike", "g:CurrentTime", "2026*"), ("DateLessThan", "aws:SourceIp", "10.0.0.1"),
      ("IpAddress", "g:SourceIp", "10.0.0.0/33"), ("IpAddress", "g:SourceIp", "localhost"),
      ("DateLessThan", "g:CurrentTime", "2026-01-01"),
      ("DateLessThan", "g:CurrentTime", "1767225600"),
    ])
  func `what is not understood is refused`(
    _ operation: String, _ key: String, _ value: String
  ) throws {
    #expect(throws: PolicyError.self) { try policy(operation, key, .string(value)) }
    // In a list beside others, too, and in a denial.
    #expect(throws: PolicyError.self) {
      try policy(operation, key, .array([.string(value), .string(value)]), effect: "Deny")
    }
  }

  @Test(
    arguments: [
      #"{}"#, #"[]"#, #"null"#, #""StringEquals""#, #"{"StringEquals":{}}"#,
      #"{"StringEquals":"a"}"#, #"{"StringEquals":{"csms:VersionStage":[]}}"#,
      #"{"StringEquals":{"csms:VersionStage":null}}"#,
      #"{"StringEquals":{"csms:VersionStage":true}}"#,
      #"{"StringEquals":{"csms:VersionStage":["a",1]}}"#,
    ])
  func `an ill-formed condition is refused`(_ text: String) throws {
    let condition = try JSONValue(parsing: Array(text.utf8))
    #expect(throws: PolicyError.self) {
      try Policy(["Statement": [["Effect": "Allow", "Action": "*", "Condition": condition]]])
    }
  }
}
