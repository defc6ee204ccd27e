// The demo, run as the README says.

import Foundation
import Testing

extension EndToEndTests {
  @Suite struct DemoTests {
    @Test func `the demo goes as told and leaves nothing behind`() async throws {
      let before = leftovers()
      let ending = try await Program.run(["demo", "--once"])
      #expect(ending.status == 0, "\(ending.output)\n\(ending.complaints)")
      #expect(ending.output.hasSuffix("Everything went as told.\n"))
      #expect(!ending.output.contains("\u{1B}"))
      #expect(leftovers() == before)
      #expect(await eventually { processes(holding: "stageledger-demo").isEmpty })
    }

    @Test func `an interrupted demo leaves nothing behind either`() async throws {
      let before = leftovers()
      let program = try Program(["demo"])
      #expect(await eventually { program.output.contains("2. A year of rotations") })
      program.signal(SIGINT)
      let status = await program.status()
      #expect(status == 0 || status == 128 + SIGINT)
      #expect(await eventually { leftovers() == before })
      #expect(await eventually { processes(holding: "stageledger-demo").isEmpty })
    }

    private func leftovers() -> [String] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: "/tmp")) ?? []
      return names.filter { $0.hasPrefix("stageledger-demo") }.sorted()
    }
  }
}
