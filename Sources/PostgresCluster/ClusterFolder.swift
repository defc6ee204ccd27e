// Where a private server keeps its files, and who may touch them.
//
// Called by `ServerKeeper`; calls mkdir, chown, flock. Invariant: data and socket folders are
// enterable only by the user the server runs as (and root), and only the program that holds the
// lock file starts, stops or makes anything in them.
//
//   <folder>/postgres.lock    held by the program that owns the server
//   <folder>/postgres.log     what the server and initdb said
//   <folder>/postgres/        data/ and socket/; a link when the server's user cannot get here

import Foundation
import Glibc

/// The files and folders of one private server.
struct ClusterFolder: Sendable {
  /// The folder the caller named, as an absolute path.
  let path: String
  /// Who the server runs as; nil is our own user.
  let identity: ChildProcess.Identity?

  /// The log of the server.
  var logPath: String { "\(path)/postgres.log" }

  /// The server's own folder.
  ///
  /// Where the link leads when there is one, because the server's user cannot follow it.
  var serverPath: String {
    (try? FileManager.default.destinationOfSymbolicLink(atPath: linkPath)) ?? linkPath
  }

  private var linkPath: String { "\(path)/postgres" }

  /// The cluster's data, made by `initdb`.
  var dataPath: String { "\(serverPath)/data" }

  /// The log is emptied at a start when it is larger than this.
  private static let logBytesMax = 8 << 20

  /// The longest path a Unix socket may have on Linux.
  private static let socketPathBytesMax = 107

  /// Names the folder; as root the server will run as the user `postgres`.
  init(path: String) throws(ClusterError) {
    self.path = URL(fileURLWithPath: path).standardizedFileURL.path
    guard geteuid() == 0 else {
      identity = nil
      return
    }
    let name = "postgres"
    var entry = unsafe passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 4_096)
    unsafe getpwnam_r(name, &entry, &buffer, buffer.count, &found)
    guard unsafe found != nil else { throw .serverUserMissing(name: name) }
    identity = unsafe ChildProcess.Identity(
      name: name, userID: entry.pw_uid, groupID: entry.pw_gid)
  }

  /// Makes the outermost folder, which must exist before the lock can be taken.
  func makeOutermost() throws(ClusterError) {
    do {
      try FileManager.default.createDirectory(
        atPath: path, withIntermediateDirectories: true,
        attributes: [.posixPermissions: identity == nil ? 0o700 : 0o711])
    } catch {
      throw .folder(path: path, code: errno)
    }
  }

  /// Takes the lock; nil when another program holds it.
  ///
  /// Closing the descriptor gives it back.
  func takeLock() throws(ClusterError) -> Int32? {
    let lockPath = "\(path)/postgres.lock"
    let descriptor = unsafe open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .folder(path: lockPath, code: errno) }
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      let code = errno
      if code == EINTR { continue }
      close(descriptor)
      guard code == EWOULDBLOCK else { throw .folder(path: lockPath, code: code) }
      return nil
    }
    return descriptor
  }

  /// Makes the server's own folder; the lock must be held.
  ///
  /// Root's home is closed to the server's user, so there the folder is a link to one under
  /// /var/lib/stageledger. The link decides, so a removed data folder begins afresh.
  func makeServerFolder(deadline: ContinuousClock.Instant) throws(ClusterError) {
    if identity != nil { try letServerUserPass() }
    if unsafe access(serverPath, F_OK) != 0 {
      if try serverUserReaches(path, deadline: deadline) {
        try makePrivate(serverPath)
      } else {
        let shared = "/var/lib/stageledger"
        if unsafe mkdir(shared, 0o711) != 0, errno != EEXIST {
          throw .folder(path: shared, code: errno)
        }
        let number = String(UInt64.random(in: .min ... .max), radix: 16)
        let target = "\(shared)/\(number)"
        try makePrivate(target)
        unsafe unlink(linkPath)
        guard unsafe symlink(target, linkPath) == 0 else {
          throw .folder(path: linkPath, code: errno)
        }
      }
    }
    var information = stat()
    if unsafe stat(logPath, &information) == 0, information.st_size > Self.logBytesMax {
      unsafe truncate(logPath, 0)
    }
  }

  /// Makes the folder of the socket and answers its path, short enough for a socket in it.
  func makeSocketFolder() throws(ClusterError) -> String {
    let near = "\(serverPath)/socket"
    if Self.fits(near) {
      try makePrivate(near)
      return near
    }
    let name = "stageledger-\(identity?.userID ?? geteuid())-\(Self.digest(of: path))"
    let runtime = identity == nil ? ProcessInfo.processInfo.environment["XDG_RUNTIME_DIR"] : nil
    if let runtime, !runtime.isEmpty, Self.fits("\(runtime)/\(name)"),
      unsafe access(runtime, W_OK) == 0
    {
      try makePrivate("\(runtime)/\(name)")
      return "\(runtime)/\(name)"
    }
    try makePrivate("/tmp/\(name)")
    return "/tmp/\(name)"
  }

  /// The major version the data was made by; nil when there is no data yet.
  func dataVersion() -> Int? {
    guard let text = try? String(contentsOfFile: "\(dataPath)/PG_VERSION", encoding: .utf8) else {
      return nil
    }
    return Int(text.trimmingCharacters(in: .whitespacesAndNewlines))
  }

  /// What the running server says about itself.
  func postmasterFile() -> PostmasterFile? {
    (try? String(contentsOfFile: "\(dataPath)/postmaster.pid", encoding: .utf8))
      .flatMap(PostmasterFile.init)
  }

  /// What the log holds from `offset` on, at most its last 2,000 bytes.
  func logTail(from offset: Int) -> String {
    guard let handle = FileHandle(forReadingAtPath: logPath) else { return "" }
    defer { try? handle.close() }
    let end = Int((try? handle.seekToEnd()) ?? 0)
    let begin = max(offset, end - 2_000)
    guard begin < end, (try? handle.seek(toOffset: UInt64(begin))) != nil,
      let bytes = try? handle.readToEnd()
    else { return "" }
    return String(decoding: bytes, as: UTF8.self)
      .trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// The size of the log in bytes.
  func logSize() -> Int {
    var information = stat()
    return unsafe stat(logPath, &information) == 0 ? Int(information.st_size) : 0
  }

  /// Makes a folder only the server's user may enter, or checks that it is one.
  private func makePrivate(_ folder: String) throws(ClusterError) {
    let owner = identity?.userID ?? geteuid()
    if unsafe mkdir(folder, 0o700) == 0 {
      if let identity, unsafe chown(folder, identity.userID, identity.groupID) != 0 {
        throw .folder(path: folder, code: errno)
      }
    } else if errno != EEXIST {
      throw .folder(path: folder, code: errno)
    }
    var information = stat()
    guard unsafe lstat(folder, &information) == 0 else {
      throw .folder(path: folder, code: errno)
    }
    let isFolder = information.st_mode & S_IFMT == S_IFDIR
    guard isFolder, information.st_uid == owner, information.st_mode & 0o077 == 0 else {
      throw .unsafeFolder(path: folder)
    }
  }

  /// Lets the server's user pass through our own folder, never through its parents.
  private func letServerUserPass() throws(ClusterError) {
    var information = stat()
    guard unsafe stat(path, &information) == 0 else { throw .folder(path: path, code: errno) }
    guard information.st_uid == geteuid(), information.st_mode & 0o001 == 0 else { return }
    guard unsafe chmod(path, (information.st_mode & 0o7777) | 0o011) == 0 else {
      throw .folder(path: path, code: errno)
    }
  }

  /// Whether the server's user can enter a folder.
  private func serverUserReaches(
    _ folder: String, deadline: ContinuousClock.Instant
  ) throws(ClusterError) -> Bool {
    guard let identity else { return true }
    let test = ChildProcess(
      arguments: ["test", "-x", folder], identity: identity, deathSignal: .kill,
      outputPath: "/dev/null")
    return try test.run(deadline: deadline) == 0
  }

  /// Whether a socket in this folder has a path Linux takes.
  private static func fits(_ folder: String) -> Bool {
    "\(folder)/.s.PGSQL.\(ServerSettings.port)".utf8.count <= socketPathBytesMax
  }

  /// A short name for a path: FNV-1a, 64 bits.
  static func digest(of text: String) -> String {
    let hash = text.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { hash, byte in
      (hash ^ UInt64(byte)) &* 0x100_0000_01b3
    }
    return String(hash, radix: 16)
  }
}
