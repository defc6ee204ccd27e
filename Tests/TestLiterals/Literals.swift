// Literals: names, positions and moments as literals, so that tests read like the story they tell.
//
// A target of its own, for the tests that want it: with it in sight `StageName("x")` is a literal
// and needs no `try`. An ill-formed literal stops the test run.

import Ledger

extension Identifier where Self: ExpressibleByStringLiteral {
  /// The identifier the literal spells.
  public init(stringLiteral text: String) {
    do { self = try Self(text) } catch { preconditionFailure("no identifier: \(text)") }
  }
}

extension ProjectID: ExpressibleByStringLiteral {}
extension ProjectID: ExpressibleByExtendedGraphemeClusterLiteral {}
extension ProjectID: ExpressibleByUnicodeScalarLiteral {}
extension SecretName: ExpressibleByStringLiteral {}
extension SecretName: ExpressibleByExtendedGraphemeClusterLiteral {}
extension SecretName: ExpressibleByUnicodeScalarLiteral {}
extension StageName: ExpressibleByStringLiteral {}
extension StageName: ExpressibleByExtendedGraphemeClusterLiteral {}
extension StageName: ExpressibleByUnicodeScalarLiteral {}
extension VersionID: ExpressibleByStringLiteral {}
extension VersionID: ExpressibleByExtendedGraphemeClusterLiteral {}
extension VersionID: ExpressibleByUnicodeScalarLiteral {}
extension EventID: ExpressibleByStringLiteral {}
extension EventID: ExpressibleByExtendedGraphemeClusterLiteral {}
extension EventID: ExpressibleByUnicodeScalarLiteral {}
extension IdempotencyKey: ExpressibleByStringLiteral {}
extension IdempotencyKey: ExpressibleByExtendedGraphemeClusterLiteral {}
extension IdempotencyKey: ExpressibleByUnicodeScalarLiteral {}
extension FindingID: ExpressibleByStringLiteral {}
extension FindingID: ExpressibleByExtendedGraphemeClusterLiteral {}
extension FindingID: ExpressibleByUnicodeScalarLiteral {}
extension RunID: ExpressibleByStringLiteral {}
extension RunID: ExpressibleByExtendedGraphemeClusterLiteral {}
extension RunID: ExpressibleByUnicodeScalarLiteral {}

extension Position: ExpressibleByIntegerLiteral {
  /// The position the literal spells.
  public init(integerLiteral index: Int64) {
    guard let position = Position(index) else { preconditionFailure("no position: \(index)") }
    self = position
  }
}

extension TreeSize: ExpressibleByIntegerLiteral {
  /// The size the literal spells.
  public init(integerLiteral count: Int64) {
    guard let size = TreeSize(count) else { preconditionFailure("no size: \(count)") }
    self = size
  }
}

extension StreamVersion: ExpressibleByIntegerLiteral {
  /// The stream version the literal spells.
  public init(integerLiteral number: Int64) {
    guard let version = StreamVersion(number) else { preconditionFailure("no number: \(number)") }
    self = version
  }
}
