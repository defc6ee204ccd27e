// The demo, run as the README says, with a temporary folder of its own to leave clean.

import Foundation
import TestSupport
import Testing

extension EndToEndTests {
  @Suite struct DemoTests {
    @Test func `the demo goes as told and leaves nothing behind`() async throws {
      let folder = try TemporaryFolder(label: "demo")
      defer { folder.remove() }
      let ending = try await Program.run(
        ["demo", "--once"], environment: ["TMPDIR": folder.path])
      #expect(ending.status == 0, "\(ending.output)\n\(ending.complaints)")
      #expect(ending.output.hasSuffix("Everything went as told.\n"))
      #expect(!ending.output.contains("\u{1B}"))
      #expect(try leftovers(in: folder) == [])
      #expect(await eventually { processes(holding: folder.path).isEmpty })
    }

    @Test func `an interrupted demo leaves nothing behind either`() async throws {
      let folder = try TemporaryFolder(label: "demo")
      defer { folder.remove() }
      let program = try Program(["demo"], environment: ["TMPDIR": folder.path])
      #expect(await eventually { program.output.contains("2. A year of rotations") })
      #expect(try leftovers(in: folder).count == 1)
      program.signal(SIGINT)
      let status = await program.status()
      #expect(status == 0 || status == 128 + SIGINT)
      #expect(await eventually { (try? leftovers(in: folder)) == [] })
      #expect(await eventually { processes(holding: folder.path).isEmpty })
    }

    private func leftovers(in folder: TemporaryFolder) throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: folder.path)
    }
  }
}
