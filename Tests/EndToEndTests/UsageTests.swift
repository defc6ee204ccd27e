// What the command line refuses, what it explains, and how it ends.

import TestSupport
import Testing

extension EndToEndTests {
  @Suite struct UsageTests {
    @Test(arguments: [
      [], ["srve"], ["project"], ["project", "crate"], ["serve", "--lisen", "x"],
      ["serve", "--listen"], ["serve", "extra"], ["at", "secret"], ["demo", "--once=yes"],
      ["migrate", "--check", "--check"], ["verify", "-o", "xml"], ["reconcile", "-o", "csv"],
      ["project", "create", "p"], ["project", "create", "p", "--provider", "ibm"],
      ["project", "create", "a/b", "--provider", "huawei"],
      ["project", "create", "p", "--provider", "huawei", "--upstream-url", "https://x"],
      ["project", "set", "p"], ["credential", "create", "n"],
      ["at", "s", "l", "--project", "p"],
      ["serve", "--listen", "nowhere", "--data-dir", "/dev/null"], ["serve", "--data-dir", ""],
      [
        "project", "create", "p", "--provider", "huawei", "--upstream-mode", "read",
        "--upstream-url", "http://a b", "--upstream-project", "q",
      ],
    ])
    func `a wrong command line ends with 64 and says why`(_ words: [String]) async throws {
      let ending = try await Program.run(words)
      #expect(ending.status == 64, "\(ending.complaints)")
      #expect(ending.complaints.hasPrefix("stageledger: "))
      #expect(ending.output == "")
    }

    @Test func `output that cannot be written is not called a success`() async throws {
      let intoNothing = ["/bin/sh", "-c", #"exec "$0" "$@" > /dev/full"#]
      let ending = try await Program.run(["--help"], launcher: intoNothing)
      #expect(ending.status == 1)
      #expect(ending.complaints.contains("cannot write to standard output"))
    }

    @Test func `a mistyped word is answered with the nearest one`() async throws {
      #expect(try await Program.run(["srve"]).complaints.contains("did you mean serve?"))
      #expect(
        try await Program.run(["serve", "--lisen", "x"]).complaints
          .contains("did you mean --listen?"))
      #expect(
        try await Program.run(["project", "crate"]).complaints
          .contains("did you mean project create?"))
    }

    @Test(arguments: [
      ("huawei", [], "needs --upstream-project"),
      ("huawei", ["--upstream-project", "p"], "needs --upstream-token-file, or --upstream-access"),
      ("huawei", ["--upstream-access-key", "AK"], "needs --upstream-secret-key-file"),
      ("huawei", ["--upstream-secret-key-file", "f"], "needs --upstream-access-key"),
      (
        "huawei", ["--upstream-token-file", "t", "--upstream-access-key", "AK"],
        "do not go together"
      ),
      ("huawei", ["--upstream-project", "p", "--upstream-url", "https://h/v1"], "https://host"),
      ("alibaba", [], "needs --upstream-access-key and --upstream-secret-key-file"),
      ("alibaba", ["--upstream-token-file", "t"], "alibaba is asked with an access key"),
      (
        "aws", ["--upstream-access-key", "AK", "--upstream-secret-key-file", "f"],
        "needs --upstream-region"
      ),
      ("aws", ["--upstream-region", "eu west"], "a region like eu-west-1"),
      ("aws", ["--upstream-region", "eu-west-1"], "needs --upstream-access-key"),
      (
        "aws",
        [
          "--upstream-region", "eu-west-1", "--upstream-secret-key-file", "f",
          "--upstream-access-key", "a/secret+key",
        ], "the secret key stays in its file"
      ),
    ])
    func `a live cloud that lacks a setting is refused in plain words`(
      _ provider: String, _ options: [String], _ expected: String
    ) async throws {
      let url = options.contains("--upstream-url") ? [] : ["--upstream-url", "https://cloud"]
      let ending = try await Program.run(
        ["project", "create", "p", "--provider", provider, "--upstream-mode", "read"] + url
          + options)
      #expect(ending.status == 64)
      #expect(ending.complaints.contains(expected), "\(ending.complaints)")
    }

    @Test(arguments: [
      ["--help"], ["-h"], ["help"], ["serve", "--help"], ["help", "demo"], ["project", "--help"],
      ["project", "create", "-h"], ["at", "--help", "--project", "p"],
    ])
    func `help is printed on standard output`(_ words: [String]) async throws {
      let ending = try await Program.run(words)
      #expect(ending.status == 0)
      #expect(ending.output.contains("Usage: stageledger"))
      #expect(ending.complaints == "")
    }

    @Test func `a setting nobody knows is refused wherever it stands`() async throws {
      let variable = try await Program.run(
        ["project", "list"], environment: ["STAGELEDGER_DATABSE_URL": "postgresql://x"])
      #expect(variable.status == 64)
      #expect(variable.complaints.contains("did you mean STAGELEDGER_DATABASE_URL?"))
      let folder = try TemporaryFolder(label: "config")
      defer { folder.remove() }
      let file = folder.path + "/settings"
      try "# ours\nSTAGELEDGER_LISTEN=127.0.0.1:0\nLISTEN=x\n".write(
        toFile: file, atomically: true, encoding: .utf8)
      let line = try await Program.run(["project", "list", "--config", file])
      #expect(line.status == 64)
      #expect(line.complaints.contains("line 3"))
    }

    @Test func `what a service named like us gets from Kubernetes is no setting`() async throws {
      let ending = try await Program.run(
        ["at", "s", "l", "--project", "p"],
        environment: ["STAGELEDGER_PORT": "tcp://10.0.0.1:80", "STAGELEDGER_SERVICE_HOST": "x"])
      #expect(ending.complaints.contains("STAGELEDGER_TOKEN_FILE"))
    }

    @Test func `a database that is not there ends with 1`() async throws {
      let ending = try await Program.run(
        ["project", "list", "--database-url", "postgresql://nobody@127.0.0.1:1/x"])
      #expect(ending.status == 1)
      #expect(ending.complaints.contains("the database"))
      #expect(ending.output == "")
    }
  }
}
