// SlowDisk: adds a millisecond to each flush of the server's log, as a slower disk would.
//
// Called by `World` for `--slow-disk`, before the server starts; calls the C compiler. The library
// it makes stands in front of the system's own in the server alone, which is started by a script of
// the same name. Invariant: the flush itself is still made.

import Foundation
import Glibc

/// A disk whose flushes take longer.
enum SlowDisk {
  private static let source = """
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <time.h>
    int fdatasync(int descriptor) {
      static int (*system_fdatasync)(int);
      if (!system_fdatasync) system_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
      struct timespec span = {0, 1000000};
      nanosleep(&span, 0);
      return system_fdatasync(descriptor);
    }

    """

  /// Slows every server that is started from now on.
  static func begin(in folder: String) throws(BenchError) {
    let (library, programs) = (folder + "/slow-disk", folder + "/programs")
    do {
      try source.write(toFile: library + ".c", atomically: true, encoding: .utf8)
      _ = try run(["cc", "-O1", "-shared", "-fPIC", "-o", library, library + ".c", "-ldl"])
      let installed = try run(["pg_config", "--bindir"])
        .trimmingCharacters(in: .whitespacesAndNewlines)
      let files = FileManager.default
      try files.createDirectory(atPath: programs, withIntermediateDirectories: false)
      for name in ["initdb", "psql"] {
        try files.createSymbolicLink(
          atPath: "\(programs)/\(name)", withDestinationPath: "\(installed)/\(name)")
      }
      let script = "#!/bin/sh\nLD_PRELOAD=\(library) exec \(installed)/postgres \"$@\"\n"
      guard
        files.createFile(
          atPath: programs + "/postgres", contents: Data(script.utf8),
          attributes: [.posixPermissions: 0o755])
      else { throw BenchError.system("open", code: errno) }
    } catch let error as BenchError {
      throw error
    } catch {
      throw .program("slow disk", said: "\(error)")
    }
    setenv("STAGELEDGER_POSTGRES_BIN", programs, 1)
  }

  private static func run(_ words: [String]) throws(BenchError) -> String {
    try Programs.run("/usr/bin/env", words).output
  }
}
