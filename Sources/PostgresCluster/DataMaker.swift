// Makes a cluster's data with `initdb`, or notices that it is there.
//
// Called by `ServerKeeper`, which holds the lock; calls `initdb`. Invariant: `data` is complete
// when it exists, because `initdb` works in a sibling that is renamed when it has succeeded.

import Foundation
import Glibc

/// Makes the data of a private server.
struct DataMaker {
  /// Where the data goes.
  let folder: ClusterFolder
  /// Whose `initdb` is used.
  let programs: ServerPrograms

  /// Makes the data unless it is there: about a second.
  func makeIfNeeded(deadline: ContinuousClock.Instant) throws(ClusterError) {
    guard unsafe access("\(folder.dataPath)/global/pg_control", F_OK) != 0 else { return }
    if unsafe access(folder.dataPath, F_OK) == 0, unsafe rmdir(folder.dataPath) != 0 {
      // Not made by us to the end: kept for somebody to look at.
      try move(folder.dataPath, to: "\(folder.dataPath).broken-\(time(nil))")
    }
    let fresh = "\(folder.dataPath).fresh"
    try removeTree(fresh)
    let logOffset = folder.logSize()
    let initdb = ChildProcess(
      arguments: [
        programs.path("initdb"), "-D", fresh, "-U", "postgres", "--encoding=UTF8", "--locale=C",
        "--auth=trust", "--no-instructions",
      ],
      identity: folder.identity, deathSignal: .kill, outputPath: folder.logPath)
    let status = try initdb.run(deadline: deadline)
    guard status == 0 else {
      throw .programFailed(
        program: "initdb", status: status, output: folder.logTail(from: logOffset))
    }
    try move(fresh, to: folder.dataPath)
  }

  /// Renames a folder and makes the new name last through a crash of the machine.
  private func move(_ source: String, to target: String) throws(ClusterError) {
    guard unsafe rename(source, target) == 0 else { throw .folder(path: target, code: errno) }
    let parent = unsafe open(folder.serverPath, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard parent >= 0 else { return }
    fsync(parent)
    close(parent)
  }

  private func removeTree(_ path: String) throws(ClusterError) {
    guard unsafe access(path, F_OK) == 0 else { return }
    do {
      try FileManager.default.removeItem(atPath: path)
    } catch {
      throw .folder(path: path, code: EBUSY)
    }
  }
}
