// The demo, run as the README says.

import Foundation
import TestSupport
import Testing

extension EndToEndTests {
  @Suite struct DemoTests {
    /// Lends a folder for what is temporary, and looks that nothing is left in it.
    private func withFolder(_ body: ([String: String]) async throws -> Void) async throws {
      let folder = try TemporaryFolder(label: "demo")
      defer { folder.remove() }
      // The server's user must be able to make its files below.
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path)
      try await body(["TMPDIR": folder.path])
      let isEmpty = await eventually {
        (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) == []
      }
      #expect(isEmpty)
      #expect(await eventually { processes(holding: folder.path).isEmpty })
    }

    @Test func `the demo goes as told and leaves nothing behind`() async throws {
      try await withFolder { environment in
        let ending = try await Program.run(["demo", "--once"], environment: environment)
        #expect(ending.status == 0, "\(ending.output)\n\(ending.complaints)")
        #expect(ending.output.hasSuffix("Everything went as told.\n"))
        #expect(!ending.output.contains("\u{1B}"))
      }
    }

    @Test func `an interrupted demo leaves nothing behind either`() async throws {
      try await withFolder { environment in
        let program = try Program(["demo"], environment: environment)
        #expect(await eventually { program.output.contains("2. A year of rotations") })
        program.signal(SIGINT)
        let status = await program.status()
        #expect(status == 0 || status == 128 + SIGINT)
      }
    }
  }
}
