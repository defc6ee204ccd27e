// Provider: which cloud a project mirrors, and the label rules that cloud enforces.
//
// The rules are data, one file a provider (`HuaweiRules.swift`); `decide` reads them and is the
// only place that acts on them. A provider whose rules are not written has none, and no project of
// it can be made.

/// A cloud whose labels the ledger knows.
public enum Provider: String, CaseIterable, Sendable {
  case huawei
  case alibaba
  case aws

  /// The label rules of the cloud; nil while this program does not know them.
  public var rules: LabelRules? {
    switch self {
    case .huawei: .huawei
    case .alibaba, .aws: nil
    }
  }
}

/// What one cloud allows and implies when labels move.
public struct LabelRules: Sendable {
  /// The label of the version in use.
  public let current: StageName
  /// The label of the version that was in use before.
  public let previous: StageName
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
}
