// The private server of a data folder: made, stopped, found again, and never left behind.

import Foundation
import TestSupport
import Testing

extension EndToEndTests {
  @Suite struct PrivateServerTests {
    /// A folder whose server is gone when the test is over.
    private func withFolder(_ body: (String) async throws -> Void) async throws {
      let folder = try TemporaryFolder(label: "private")
      defer { folder.remove() }
      try await body(folder.path)
      #expect(await eventually { processes(holding: folder.path).isEmpty })
    }

    @Test func `stopping leaves no server behind and a new start finds everything`() async throws {
      try await withFolder { folder in
        let options = ["--data-dir", folder]
        let service = try await RunningService(options)
        #expect(await service.says("private PostgreSQL server in \(folder)"))
        // A second command uses the server that runs.
        let token = try await RunningService.makeProject(options)
        try await service.makeSecret("db", token: token)
        let before = try await service.events(token: token)
        #expect(await service.stop() == 0)
        #expect(processes(holding: folder).isEmpty)
        let again = try await RunningService(options)
        #expect(try await again.events(token: token) == before)
        // Its own server gives the service no more rights than it needs.
        #expect(await again.stop() == 0)
        #expect(!again.program.complaints.contains("more rights"))
      }
    }

    @Test func `kill -9 leaves no server behind either`() async throws {
      try await withFolder { folder in
        let options = ["--data-dir", folder]
        let service = try await RunningService(options)
        let token = try await RunningService.makeProject(options)
        try await service.makeSecret("db", token: token)
        let before = try await service.events(token: token)
        service.program.signal(SIGKILL)
        #expect(await service.program.status() == 128 + SIGKILL)
        #expect(await eventually { processes(holding: folder).isEmpty })
        let again = try await RunningService(options)
        #expect(try await again.events(token: token) == before)
        #expect(await again.stop() == 0)
      }
    }

    @Test func `a private server that dies is started again`() async throws {
      try await withFolder { folder in
        let options = ["--data-dir", folder]
        let service = try await RunningService(options)
        let token = try await RunningService.makeProject(options)
        try await service.makeSecret("db", token: token)
        let server = try #require(
          processes(holding: "-D \(folder)".replacing(" ", with: "\0")).first)
        kill(server, SIGKILL)
        let isBack = await eventually(within: .seconds(10)) {
          let answer = try? await service.send(
            "PUT", csms: "/secrets/db/stages/canary", ["version_id": "v1"], token: token)
          return answer?.status == 200
        }
        #expect(isBack, "\(service.program.complaints)")
        #expect(await service.stop() == 0)
      }
    }

    @Test func `a plain user needs no more than a folder`() async throws {
      try await withFolder { folder in
        var launcher: [String] = []
        var binary = Program.binary
        if geteuid() == 0 {
          launcher = ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]
          // The build's folder may be closed to others.
          binary = folder + "/stageledger"
          try FileManager.default.copyItem(atPath: Program.binary, toPath: binary)
          try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: folder)
        }
        let options = ["--data-dir", folder + "/data"]
        let service = try await RunningService(options, launcher: launcher, binary: binary)
        let token = try await RunningService.makeProject(
          options, launcher: launcher, binary: binary)
        try await service.makeSecret("db", token: token)
        #expect(try await service.events(token: token).count == 6)
        #expect(await service.stop() == 0)
      }
    }
  }
}
