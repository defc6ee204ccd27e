// DemoWorld: what the demo plays on: one private server, a ledger, and an instance that plays the
// cloud.
//
// Made by `Demo`, used by `DemoStory`. Both instances are real servers on real sockets. Invariant:
// whatever was made is gone after `close`, unless the folder was the caller's own.

import CanonicalJSON
import Foundation
import Ledger
import LedgerServices
import PostgresCluster
import Synchronization

/// One instance with one project in it.
struct DemoInstance: Sendable {
  /// Its record.
  let backend: Backend
  /// The running service.
  let service: Service
  /// A client that may do everything.
  let client: LedgerClient
  /// The token of that client.
  let token: String
}

/// The stage of the demo.
struct DemoWorld: Sendable {
  /// The project, of the same name in both instances.
  static let projectName = "0123456789abcdef0123456789abcdef"

  /// The ledger.
  let ledger: DemoInstance
  /// The instance that plays the live cloud.
  let cloud: DemoInstance
  /// The project in the ledger, which is compared with the cloud.
  let project: Project
  /// The file with the token the ledger reads the cloud with.
  let tokenFile: String

  /// Builds everything on the ground.
  static func open(on ground: DemoGround, log: Log) async throws(CommandError) -> DemoWorld {
    let cluster = try ground.start()
    let id = try ProjectCommand.projectID(projectName)
    let cloudProject = Project(
      id: id, provider: .huawei, notFoundStatus: .badRequest, upstream: nil,
      createdAt: systemNow())
    let cloud = try await open(cloudProject, database: "cloud_\(ground.suffix)", of: cluster, log)
    let tokenFile = ground.folder + "/cloud-token"
    let project = Project(
      id: id, provider: .huawei, notFoundStatus: .badRequest,
      upstream: Upstream(
        mode: .read, url: cloud.service.url, project: projectName, region: nil,
        credential: .token(file: tokenFile)),
      createdAt: systemNow())
    let ledger = try await open(project, database: "ledger_\(ground.suffix)", of: cluster, log)
    return DemoWorld(
      ledger: ledger, cloud: cloud, project: project, tokenFile: tokenFile)
  }

  private static func open(
    _ project: Project, database: String, of cluster: PostgresCluster, _ log: Log
  ) async throws(CommandError) -> DemoInstance {
    let source: DatabaseSource
    do {
      source = try DatabaseSource(database: database, of: cluster)
    } catch {
      throw .cluster(error)
    }
    let backend = try await Backend.open(source, loopCount: 1) { _ in }
    try await storing { () async throws(StoreError) in
      try await backend.tenants.create(project)
    }
    let token = try await CredentialCommand.make(
      "demo", for: project.id, policy: try policy(named: "admin"), in: backend
    ).token
    await backend.waitUntilAvailable(within: .seconds(5))
    let service = try Service.start(
      over: backend, at: try Service.address("127.0.0.1:0"), log: log)
    do {
      return DemoInstance(
        backend: backend, service: service,
        client: try LedgerClient(address: service.url, token: token.text), token: token.text)
    } catch {
      throw .client(error)
    }
  }

  /// A policy that has a name.
  static func policy(named name: String) throws(CommandError) -> Policy {
    guard let policy = Policy.builtIn[name] else {
      throw .policy(name, reason: "there is none of that name")
    }
    return policy
  }

  /// Lets the ledger read the cloud with a new credential of this policy.
  func readCloud(as name: String, policy: Policy) async throws(CommandError) {
    let token = try await CredentialCommand.make(
      name, for: project.id, policy: policy, in: cloud.backend
    ).token
    guard
      FileManager.default.createFile(
        atPath: tokenFile, contents: Data(token.text.utf8), attributes: [.posixPermissions: 0o600])
    else { throw .file(tokenFile, reason: "cannot be written") }
  }

  /// Makes one drift run, as `stageledger reconcile` does.
  func reconcile() async throws(CommandError) -> DriftReport {
    var settings = Reconciler.Settings.standard
    // Both instances are on this machine: nothing needs two seconds to settle.
    settings.graceTime = .milliseconds(300)
    do {
      return try await ledger.service.services.runs.run(
        project, settings: settings, observer: .nobody)
    } catch {
      throw .reconcile(project.id, error)
    }
  }

  /// Ends both instances.
  func close() async {
    for instance in [ledger, cloud] {
      await instance.service.stop()
      await instance.backend.close()
    }
  }
}

/// The folder and the private server under the demo.
final class DemoGround: Sendable {
  /// The folder.
  let folder: String
  /// The end of the databases' names, new for each demo.
  let suffix: String
  private let isTemporary: Bool
  private let running = Mutex<PostgresCluster?>(nil)

  /// Names the folder, or a temporary one.
  init(folder named: String?) {
    suffix = String(UInt32.random(in: .min ... .max), radix: 36)
    isTemporary = named == nil
    let temporary = FileManager.default.temporaryDirectory.path
    folder = named ?? temporary + "/stageledger-demo-\(suffix)"
  }

  /// Starts the server in the folder.
  func start() throws(CommandError) -> PostgresCluster {
    do throws(ClusterError) {
      let cluster = try PostgresCluster.start(dataDirectory: folder, supervision: .restart)
      running.withLock { $0 = cluster }
      return cluster
    } catch {
      throw .cluster(error)
    }
  }

  /// Stops the server and removes what is temporary.
  func close() {
    running.withLock { $0 }?.stop()
    guard isTemporary else { return }
    // As root the server's own folder may be elsewhere, with a link to it here.
    let server = folder + "/postgres"
    if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: server) {
      try? FileManager.default.removeItem(atPath: target)
    }
    try? FileManager.default.removeItem(atPath: folder)
  }
}
