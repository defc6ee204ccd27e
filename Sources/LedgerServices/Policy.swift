// Policy: what a credential may do, as statements in the shape the clouds use.
//
// Parsed once when a credential is made and once when it is read back, asked by the API for every
// request. Deny first, default deny. Invariant: a request no statement allows is refused, and a
// policy that cannot be understood to the last member is no policy.

public import CanonicalJSON
public import Ledger

/// Why a text is no policy.
public enum PolicyError: Error, Hashable, Sendable {
  /// The member at this path is missing, or not what it must be.
  case badMember(String, expected: String)
  /// A member no policy has.
  case unknownMember(String)
}

/// Something that can be asked for, by every name the clouds have for it.
public struct PolicyAction: Hashable, Sendable, ExpressibleByStringLiteral {
  /// The name to tell people.
  public let name: String
  /// The other names policies may hold.
  public let aliases: [String]
  fileprivate let folded: [String]

  /// Whether it is the ledger's own and no cloud's.
  fileprivate var isOfLedger: Bool { folded.contains { $0.hasPrefix("ledger:") } }

  /// An action and its other names.
  public init(_ name: String, aliases: [String] = []) {
    self.name = name
    self.aliases = aliases
    folded = ([name] + aliases).map { $0.lowercased() }
  }

  /// An action of one name.
  public init(stringLiteral name: String) { self.init(name) }
}

/// What a request asks for, as far as policies speak of it.
public struct PolicyRequest: Sendable {
  /// What is to be done.
  public var action: PolicyAction
  /// With which secret; nil: with none in particular.
  public var secret: SecretName?
  /// The label the request names; nil where it names none.
  public var stage: StageName?
  /// Where it came from, as text; nil when that is not known.
  public var sourceIP: String?
  /// When it came.
  public var moment: Instant
  /// A request.
  public init(
    _ action: PolicyAction, on secret: SecretName?, stage: StageName?, from sourceIP: String?,
    at moment: Instant
  ) {
    self.action = action
    self.secret = secret
    self.stage = stage
    self.sourceIP = sourceIP
    self.moment = moment
  }
}

/// What a credential may do.
public struct Policy: Hashable, Sendable {
  /// One sentence of a policy.
  struct Statement: Hashable, Sendable {
    /// Whether the statement allows or denies.
    let isAllowing: Bool
    /// Names of actions as they were written, with wildcards.
    let actions: [String]
    /// Names of secrets, with wildcards.
    let resources: [String]
    /// What must hold besides, all of it.
    let conditions: [PolicyCondition]
    private let folded: [String]

    init(
      isAllowing: Bool, actions: [String], resources: [String], conditions: [PolicyCondition]
    ) {
      self.isAllowing = isAllowing
      self.actions = actions
      self.resources = resources
      self.conditions = conditions
      folded = actions.map { $0.lowercased() }
    }

    /// Whether the sentence is about the request.
    ///
    /// Actions are compared in any case, as AWS and Alibaba Cloud do; names of secrets are not. A
    /// sentence that names secrets says nothing about an action on none, unless it names `*`. The
    /// ledger's own show the whole record of all secrets then: who is denied some is denied those.
    func speaks(of request: PolicyRequest) -> Bool {
      folded.contains { pattern in
        request.action.folded.contains { Wildcard.matches(pattern, $0) }
      }
        && resources.contains { pattern in
          request.secret.map { Wildcard.matches(pattern, $0.text) }
            ?? (pattern == "*" || !isAllowing && request.action.isOfLedger)
        }
        && conditions.allSatisfy { $0.holds(for: request) }
    }
  }

  /// The sentences, in the order they were written.
  let statements: [Statement]

  private static let statementsMax = 64
  private static let textsMax = 256

  private static let reads = [
    "csms:*:get*", "csms:*:list*", "kms:Describe*", "kms:List*", "secretsmanager:Describe*",
    "secretsmanager:List*", "ledger:*:get", "ledger:*:list",
  ]

  /// The policies that have a name: what they allow on every secret.
  public static let builtIn: [String: Policy] = [
    "admin": Policy(allowing: ["*"]),
    "writer": Policy(
      allowing: reads + [
        "csms:secret:create*", "csms:secret:updateStage", "csms:secret:deleteStage",
        "kms:UpdateSecretVersionStage", "secretsmanager:UpdateSecretVersionStage",
        "ledger:*:record",
      ]),
    "reader": Policy(allowing: reads),
    "auditor": Policy(allowing: reads + ["ledger:evidence:*"]),
  ]

  private init(allowing actions: [String]) {
    statements = [
      Statement(isAllowing: true, actions: actions, resources: ["*"], conditions: [])
    ]
  }

  /// Reads `{"Statement": [{"Effect", "Action", "Resource", "Condition"}, ...]}`.
  ///
  /// `Action` and `Resource` are a text or a list of texts; `Resource` may be left out. `Condition`
  /// is `{operator: {key: text or list of texts}}` and may be left out.
  public init(_ value: JSONValue) throws(PolicyError) {
    guard case .object(let members) = value, case .array(let items)? = members["Statement"],
      1...Self.statementsMax ~= items.count
    else {
      throw .badMember("Statement", expected: "a list of 1 to \(Self.statementsMax) statements")
    }
    try Self.check(members, are: ["Statement", "Version"], of: "")
    var statements: [Statement] = []
    for (index, item) in items.enumerated() {
      statements.append(try Self.statement(item, "Statement[\(index)]"))
    }
    self.statements = statements
  }

  private static func statement(
    _ value: JSONValue, _ path: String
  ) throws(PolicyError) -> Statement {
    guard case .object(let members) = value else {
      throw .badMember(path, expected: "an object")
    }
    try check(members, are: ["Sid", "Effect", "Action", "Resource", "Condition"], of: "\(path).")
    let isAllowing: Bool
    switch members["Effect"] {
    case .string("Allow"): isAllowing = true
    case .string("Deny"): isAllowing = false
    default: throw .badMember("\(path).Effect", expected: "\"Allow\" or \"Deny\"")
    }
    return Statement(
      isAllowing: isAllowing,
      actions: try texts(members["Action"], "\(path).Action"),
      resources: try texts(members["Resource"] ?? .string("*"), "\(path).Resource"),
      conditions: try conditions(members["Condition"], "\(path).Condition"))
  }

  private static func conditions(
    _ value: JSONValue?, _ path: String
  ) throws(PolicyError) -> [PolicyCondition] {
    guard let value else { return [] }
    guard case .object(let operators) = value, !operators.isEmpty else {
      throw .badMember(path, expected: "an object of at least one operator")
    }
    var conditions: [PolicyCondition] = []
    for (name, keys) in operators.sorted(by: { $0.key < $1.key }) {
      let path = "\(path).\(name)"
      guard case .object(let keys) = keys, !keys.isEmpty else {
        throw .badMember(path, expected: "an object of at least one key")
      }
      for (key, values) in keys.sorted(by: { $0.key < $1.key }) {
        let values = try texts(values, "\(path).\(key)")
        conditions.append(try PolicyCondition(name, key, values, path: path))
      }
    }
    return conditions
  }

  private static func check(
    _ members: [String: JSONValue], are names: [String], of path: String
  ) throws(PolicyError) {
    if let name = members.keys.sorted().first(where: { !names.contains($0) }) {
      throw .unknownMember("\(path)\(name)")
    }
  }

  private static func texts(
    _ value: JSONValue?, _ path: String
  ) throws(PolicyError) -> [String] {
    let items: [JSONValue] =
      if case .array(let items)? = value { items } else { value.map { [$0] } ?? [] }
    let texts = items.compactMap(\.stringValue)
    guard 1...textsMax ~= texts.count, texts.count == items.count else {
      throw .badMember(path, expected: "a text or a list of 1 to \(textsMax) texts")
    }
    return texts
  }

  /// The policy as JSON, as it is stored.
  public var json: JSONValue {
    .object([
      "Statement": .array(
        statements.map { statement in
          var members: [String: JSONValue] = [
            "Effect": .string(statement.isAllowing ? "Allow" : "Deny"),
            "Action": .texts(statement.actions),
            "Resource": .texts(statement.resources),
          ]
          if !statement.conditions.isEmpty {
            let operators = Dictionary(grouping: statement.conditions, by: \.name)
            members["Condition"] = .object(
              operators.mapValues { conditions in
                .object(
                  Dictionary(
                    uniqueKeysWithValues: conditions.map { ($0.key, .texts($0.values)) }))
              })
          }
          return .object(members)
        })
    ])
  }

  /// The names of actions in it, as they were written, that none of these actions goes by.
  ///
  /// A mistyped name in a denial denies nothing, so whoever writes the policy should hear of it.
  public func namesFittingNone(of actions: [PolicyAction]) -> [String] {
    Set(statements.flatMap(\.actions)).sorted().filter { name in
      !actions.contains { action in
        action.folded.contains { Wildcard.matches(name.lowercased(), $0) }
      }
    }
  }

  /// Whether the request is allowed: some statement allows it and none denies it.
  public func allows(_ request: PolicyRequest) -> Bool {
    var isAllowed = false
    for statement in statements where statement.speaks(of: request) {
      guard statement.isAllowing else { return false }
      isAllowed = true
    }
    return isAllowed
  }
}

extension JSONValue {
  fileprivate static func texts(_ texts: [String]) -> JSONValue {
    .array(texts.map { .string($0) })
  }
}
