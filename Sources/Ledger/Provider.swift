// Provider: which cloud a project mirrors, and the label rules that cloud enforces.
//
// The rules are data, one file a provider (`HuaweiRules`, `AlibabaRules`, `AWSRules`); `decide`
// reads them and is the only place that acts on them. What a cloud does beyond one label on one
// version is a case here and not a branch on the provider's name.

/// A cloud whose labels the ledger knows.
public enum Provider: String, CaseIterable, Sendable {
  case huawei
  case alibaba
  case aws

  /// The label rules of the cloud.
  public var rules: LabelRules {
    switch self {
    case .huawei: .huawei
    case .alibaba: .alibaba
    case .aws: .aws
    }
  }
}

/// What one cloud allows and implies when labels move.
public struct LabelRules: Sendable {
  /// The label of the version in use.
  public let current: StageName
  /// The label of the version that was in use before.
  public let previous: StageName
  /// The label a rotation puts on the version it prepares, which goes when that version is passed
  /// over; nil where the cloud has none.
  public let pending: StageName?
  /// When the previous label goes to the version the current label leaves.
  public let previousFollows: PreviousRule
  /// Whether the cloud's own operation moves a label only for who says where it sits.
  public let source: SourceRule
  /// Who gives a version its id.
  public let versionIDs: VersionNaming
  /// The labels that cannot be taken away, only moved.
  public let permanent: Set<StageName>
  /// How many labels the versions of one secret may carry together.
  public let stagesMax: Int
  /// The days a scheduled deletion may wait.
  public let recoveryDays: ClosedRange<Int>
  /// The days a scheduled deletion waits when nobody says.
  public let recoveryDaysDefault: Int
  /// Whether the cloud takes this name for a secret.
  public let acceptsSecret: @Sendable (SecretName) -> Bool
  /// Whether the cloud takes this name for a label.
  public let acceptsStage: @Sendable (StageName) -> Bool
  /// Whether the cloud could have given this id to a version.
  public let acceptsVersion: @Sendable (VersionID) -> Bool

  /// When the previous label goes to the version the current label leaves.
  public enum PreviousRule: Sendable {
    /// When a version comes and no labels are named for it.
    case newVersionWithoutLabels
    /// Whenever the current label leaves a version.
    case everyMoveOfCurrent
  }

  /// Whether the cloud's own operation moves a label only for who says where it sits.
  public enum SourceRule: Sendable {
    /// It may be said, and must be right then.
    case optional
    /// It must be said, and be right.
    case required
  }

  /// Who gives a version its id.
  public enum VersionNaming: Sendable {
    /// The service counts: `v1`, `v2`, ...
    case counted
    /// Whoever makes the version names it.
    case named
  }
}
