// Policy: what a credential may do, as statements in the shape the clouds use.
//
// Parsed once when a credential is made, asked by the API for every request. Deny first, default
// deny. Invariant: a request no statement allows is refused.

public import CanonicalJSON
public import Ledger

/// Why a text is no policy.
public enum PolicyError: Error, Hashable, Sendable {
  /// The member is missing, of another type, or holds something a policy cannot say.
  case badMember(String)
  /// A member no policy has.
  case unknownMember(String)
}

/// What a credential may do.
public struct Policy: Hashable, Sendable {
  /// One sentence of a policy.
  public struct Statement: Hashable, Sendable {
    /// Whether the statement allows or denies.
    public var isAllowing: Bool
    /// Names of actions, with `*` for any run of characters.
    public var actions: [String]
    /// Names of secrets, with `*` for any run of characters.
    public var resources: [String]
  }
  /// The sentences, in the order they were written.
  public var statements: [Statement]

  /// The policies that have a name: what they allow on every secret.
  public static let builtIn: [String: Policy] = [
    "admin": Policy(allowing: ["*"]),
    "writer": Policy(allowing: ["csms:*", "ledger:*:get", "ledger:*:list", "ledger:*:record"]),
    "reader": Policy(allowing: ["csms:*:get*", "csms:*:list*", "ledger:*:get", "ledger:*:list"]),
    "auditor": Policy(allowing: ["csms:*:get*", "csms:*:list*", "ledger:*:get", "ledger:*:list"]),
  ]

  private init(allowing actions: [String]) {
    statements = [Statement(isAllowing: true, actions: actions, resources: ["*"])]
  }

  /// Reads `{"Statement": [{"Effect", "Action", "Resource"}, ...]}`; `Action` and `Resource` are a
  /// text or a list of texts, and `Resource` may be left out.
  public init(_ value: JSONValue) throws(PolicyError) {
    guard case .object(let members) = value, case .array(let items)? = members["Statement"],
      !items.isEmpty, items.count <= 64
    else { throw .badMember("Statement") }
    for name in members.keys.sorted() where name != "Statement" && name != "Version" {
      throw .unknownMember(name)
    }
    var statements: [Statement] = []
    for item in items {
      guard case .object(let members) = item else { throw .badMember("Statement") }
      for name in members.keys.sorted()
      where name != "Effect" && name != "Action" && name != "Resource" && name != "Sid" {
        throw .unknownMember(name)
      }
      let isAllowing: Bool
      switch members["Effect"] {
      case .string("Allow"): isAllowing = true
      case .string("Deny"): isAllowing = false
      default: throw .badMember("Effect")
      }
      guard let actions = Self.texts(members["Action"]) else { throw .badMember("Action") }
      guard let resources = Self.texts(members["Resource"] ?? .string("*")) else {
        throw .badMember("Resource")
      }
      statements.append(
        Statement(isAllowing: isAllowing, actions: actions, resources: resources))
    }
    self.statements = statements
  }

  /// The policy as JSON, as it is stored.
  public var json: JSONValue {
    .object([
      "Statement": .array(
        statements.map { statement in
          .object([
            "Effect": .string(statement.isAllowing ? "Allow" : "Deny"),
            "Action": .array(statement.actions.map { .string($0) }),
            "Resource": .array(statement.resources.map { .string($0) }),
          ])
        })
    ])
  }

  /// Whether the action is allowed on the secret; nil: on no secret in particular.
  ///
  /// A statement that names secrets says nothing about an action on none, unless it names `*`.
  public func allows(_ action: String, on secret: SecretName?) -> Bool {
    allows(anyName: [action], on: secret)
  }

  /// Whether an action of several names is allowed; a statement speaks of it by any of them.
  public func allows(anyName names: [String], on secret: SecretName?) -> Bool {
    var isAllowed = false
    for statement in statements {
      let isMeant = statement.actions.contains { pattern in
        names.contains { Self.matches(pattern, $0) }
      }
      guard isMeant,
        statement.resources.contains(where: { pattern in
          secret.map { Self.matches(pattern, $0.text) } ?? (pattern == "*")
        })
      else { continue }
      if !statement.isAllowing { return false }
      isAllowed = true
    }
    return isAllowed
  }

  private static func texts(_ value: JSONValue?) -> [String]? {
    switch value {
    case .string(let text): return [text]
    case .array(let items):
      var texts: [String] = []
      for item in items {
        guard case .string(let text) = item else { return nil }
        texts.append(text)
      }
      return texts.isEmpty || texts.count > 256 ? nil : texts
    default: return nil
    }
  }

  /// Whether the text fits the pattern; linear in practice, bounded by their product.
  private static func matches(_ pattern: String, _ text: String) -> Bool {
    let pattern = Array(pattern.utf8)
    let text = Array(text.utf8)
    var p = 0
    var t = 0
    var star: (pattern: Int, text: Int)?
    while t < text.count {
      if p < pattern.count, pattern[p] == 0x2A {
        star = (p + 1, t)
        p += 1
      } else if p < pattern.count, pattern[p] == text[t] {
        p += 1
        t += 1
      } else if let (afterStar, from) = star {
        p = afterStar
        t = from + 1
        star = (afterStar, from + 1)
      } else {
        return false
      }
    }
    while p < pattern.count, pattern[p] == 0x2A { p += 1 }
    return p == pattern.count
  }
}
