// Child processes that never outlive us: used for `initdb`, `psql` and the server itself.
//
// Called by `ServerPrograms` and `ServerKeeper`; calls posix_spawn and waitpid. Invariant: a child
// inherits nothing (no descriptor, signal mask, ignored signal, terminal, folder or environment),
// and the kernel signals it when the thread that started it ends, kill -9 included.

import CLinux
import Glibc

/// How a child is started and who it runs as.
struct ChildProcess {
  /// The user a child changes to, when we are root.
  struct Identity: Hashable, Sendable {
    /// The user's name.
    let name: String
    /// The user's number.
    let userID: uid_t
    /// The number of the user's own group.
    let groupID: gid_t
  }

  /// Which signal the kernel sends when the starting thread ends.
  enum DeathSignal: String {
    case interrupt = "INT"
    case kill = "KILL"
  }

  /// The program and its arguments.
  var arguments: [String]
  /// Who to become; nil keeps our own user.
  var identity: Identity?
  /// What happens to the child when the starting thread ends.
  var deathSignal: DeathSignal
  /// Where its standard output and standard error are appended.
  var outputPath: String

  /// Starts the child and answers its process number.
  ///
  /// The death signal is set by `setpriv` after the change of user, which would clear it; the
  /// shell in between ends at once if we died before it was set, then becomes the program.
  func start() throws(ClusterError) -> pid_t {
    var command = ["setpriv", "--pdeathsig", deathSignal.rawValue]
    if let identity {
      command += [
        "--reuid", String(identity.userID), "--regid", String(identity.groupID), "--init-groups",
      ]
    }
    let orphanCheck = #"[ "$PPID" = "$0" ] || exit 1; exec "$@""#
    command += ["--", "/bin/sh", "-c", orphanCheck, String(getpid())] + arguments

    var actions = unsafe posix_spawn_file_actions_t()
    unsafe posix_spawn_file_actions_init(&actions)
    defer { unsafe posix_spawn_file_actions_destroy(&actions) }
    unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    let flags = O_WRONLY | O_CREAT | O_APPEND
    unsafe posix_spawn_file_actions_addopen(&actions, 1, outputPath, flags, 0o600)
    unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
    unsafe posix_spawn_file_actions_addclosefrom_np(&actions, 3)
    unsafe posix_spawn_file_actions_addchdir_np(&actions, "/")

    // A session of its own: Ctrl-C at the terminal is for us, who stop the server in order.
    var attributes = posix_spawnattr_t()
    unsafe posix_spawnattr_init(&attributes)
    defer { unsafe posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    var all = sigset_t()
    unsafe sigemptyset(&none)
    unsafe sigfillset(&all)
    unsafe posix_spawnattr_setsigmask(&attributes, &none)
    unsafe posix_spawnattr_setsigdefault(&attributes, &all)
    unsafe posix_spawnattr_setflags(
      &attributes,
      Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF) | Self.newSession)

    var child: pid_t = 0
    let code = unsafe Self.withStrings(command) { argument in
      unsafe Self.withStrings(Self.environment) { environment in
        unsafe posix_spawnp(&child, "setpriv", &actions, &attributes, argument, environment)
      }
    }
    guard code == 0 else { throw .launch(program: "setpriv (util-linux)", code: code) }
    return child
  }

  /// Runs the child to its end and answers its status; one past the deadline is killed.
  func run(deadline: ContinuousClock.Instant) throws(ClusterError) -> Int32 {
    let child = try start()
    while true {
      if let status = Self.reap(child) { return status }
      if ContinuousClock.now >= deadline {
        kill(child, SIGKILL)
        _ = Self.wait(for: child)
        throw .deadlineExceeded(waitingFor: arguments.first ?? "a program", logPath: outputPath)
      }
      usleep(2_000)
    }
  }

  /// The status of a child that has ended, else nil; a child nobody knows counts as ended.
  static func reap(_ child: pid_t) -> Int32? {
    var status: Int32 = 0
    let result = unsafe waitpid(child, &status, WNOHANG)
    guard result != 0 else { return nil }
    return result == child ? exitStatus(status) : -1
  }

  /// Blocks until the child has ended and answers its status.
  static func wait(for child: pid_t) -> Int32 {
    var status: Int32 = 0
    while unsafe waitpid(child, &status, 0) < 0 {
      guard errno == EINTR else { return -1 }
    }
    return exitStatus(status)
  }

  /// Blocks until the child has ended and leaves it to be reaped, so its number stays its own.
  static func waitWithoutReaping(_ child: pid_t) {
    var information = unsafe siginfo_t()
    while unsafe waitid(P_PID, id_t(child), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
  }

  /// The text of an `errno`.
  static func errorText(_ code: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard unsafe strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
    let text = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return String(decoding: text, as: UTF8.self)
  }

  /// POSIX_SPAWN_SETSID of glibc's spawn.h.
  private static let newSession: Int16 = 0x80

  /// All a child gets of the environment: nothing of PG* may change what the server does.
  private static var environment: [String] {
    let path = unsafe getenv("PATH").map { unsafe String(cString: $0) }
    return ["PATH=\(path ?? "/usr/bin:/bin")", "LC_ALL=C", "TZ=UTC"]
  }

  /// The exit status as a shell counts: 128 and the signal for a killed program.
  private static func exitStatus(_ status: Int32) -> Int32 {
    let signal = status & 0x7f
    return signal == 0 ? (status >> 8) & 0xff : 128 + signal
  }

  /// Lends the strings as a NULL-ended C array.
  private static func withStrings(
    _ strings: [String],
    _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32
  ) -> Int32 {
    var pointers: [UnsafeMutablePointer<CChar>?] = unsafe strings.map { unsafe strdup($0) }
    unsafe pointers.append(nil)
    defer {
      for index in unsafe pointers.indices { unsafe free(pointers[index]) }
    }
    return unsafe pointers.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return EINVAL }
      return unsafe body(base)
    }
  }
}
