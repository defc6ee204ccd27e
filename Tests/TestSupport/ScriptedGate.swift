// ScriptedGate: a cloud in memory that takes changes, and fails as a test says.
//
// Used by the tests of write-through, over any store. The cloud keeps the labels of one secret a
// name and has its own idea of what it will do; each fault breaks one sending: not done, or done
// and reported otherwise.

import Ledger
import LedgerServices
import Synchronization

/// The cloud of every project.
public final class ScriptedGate: CloudGate {
  /// How one sending goes wrong.
  public enum Fault: Hashable, CaseIterable, Sendable {
    /// It is lost on the way there.
    case requestLost
    /// It is done, and the answer is lost.
    case answerLost
    /// It is done, and the answer makes no sense.
    case nonsenseAfterDone
    /// It is not done, and the answer makes no sense.
    case nonsense
  }

  /// What the cloud holds and what it was asked.
  public struct Contents: Sendable {
    /// Where each label sits, by secret.
    public var labels: [SecretName: [StageName: VersionID]] = [:]
    /// What was sent, in order.
    public var moves: [CloudMove] = []
    /// How the next sendings go wrong.
    public var faults: [Fault] = []
    /// What the cloud answers instead of doing anything; nil: it does what it is asked.
    public var refusal: CloudRefusal?
    /// When the cloud says it did a change; nil: it does not say.
    public var moment: Instant?
    /// How many readings fail yet.
    public var unreadable = 0
    /// How often it was read.
    public var readings = 0
  }

  private let contents = Mutex(Contents())
  private let hook = Mutex<(@Sendable (CloudMove) async -> Void)?>(nil)

  /// A cloud that holds nothing.
  public init() {}

  /// Looks at or changes what the cloud holds.
  @discardableResult
  public func edit<Value: Sendable>(_ body: (inout Contents) -> Value) -> Value {
    contents.withLock { body(&$0) }
  }

  /// Where the label of the secret sits.
  public func holder(of stage: StageName, of secret: SecretName) -> VersionID? {
    edit { $0.labels[secret]?[stage] }
  }

  /// Sets what happens before each sending is looked at.
  public func before(_ body: (@Sendable (CloudMove) async -> Void)?) {
    hook.withLock { $0 = body }
  }

  /// The cloud, whatever the project.
  public func withCloud<Value: Sendable>(
    of project: Project, _ body: @Sendable (any CloudWriter) async -> Value
  ) async throws(CloudError) -> Value {
    await body(Cloud(gate: self))
  }

  private struct Cloud: CloudWriter {
    let gate: ScriptedGate

    func secrets() async throws(CloudError) -> CloudListing {
      CloudListing(
        secrets: gate.edit { $0.labels.keys.sorted() }
          .map { CloudSecret(name: $0, life: .present) },
        unreadable: [])
    }

    func versions(of secret: SecretName) async throws(CloudError) -> [CloudVersion] {
      let labels: [StageName: VersionID]? = gate.edit { contents in
        contents.readings += 1
        guard contents.unreadable == 0 else {
          contents.unreadable -= 1
          return nil
        }
        return contents.labels[secret] ?? [:]
      }
      guard let labels else { throw .unreachable("scripted") }
      return Dictionary(grouping: labels) { $0.value }.sorted { $0.key < $1.key }.map {
        CloudVersion(id: $0.key, stages: $0.value.map(\.key).sorted())
      }
    }

    func changeTime(
      of stage: StageName, on version: VersionID, of secret: SecretName
    ) async throws(CloudError) -> Instant? {
      gate.edit(\.moment)
    }

    func move(_ move: CloudMove, within limit: Duration) async -> CloudReply {
      if let hook = gate.hook.withLock({ $0 }) { await hook(move) }
      return gate.edit { contents in
        contents.moves.append(move)
        let fault = contents.faults.isEmpty ? nil : contents.faults.removeFirst()
        if fault == .requestLost { return .unknown(.silence, requestID: nil) }
        if fault == .nonsense { return .unknown(.nonsense, requestID: "r-nonsense") }
        if let refusal = contents.refusal { return .refused(refusal) }
        contents.labels[move.secret, default: [:]][move.stage] = move.target
        switch fault {
        case .answerLost: return .unknown(.silence, requestID: nil)
        case .nonsenseAfterDone: return .unknown(.nonsense, requestID: "r-nonsense")
        case .requestLost, .nonsense, nil:
          return .done(at: contents.moment, requestID: "r-\(contents.moves.count)")
        }
      }
    }
  }
}
