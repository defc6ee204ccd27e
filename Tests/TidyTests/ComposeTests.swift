// What must be true of the way the service is run in containers.
//
// Reads `docker-compose.yml` as text, by its indentation: no YAML parser is at hand, and what is
// asserted is simple.

import Testing

@Suite struct ComposeTests {
  /// The lines of the blocks of two levels: `services/database` and so on, without comments.
  static func blocks(of text: String) -> [String: [String]] {
    var top = ""
    var second = ""
    var blocks: [String: [String]] = [:]
    for line in text.split(separator: "\n") where !line.contains(/^\s*#/) {
      if let match = line.firstMatch(of: /^([\w-]+):/) {
        top = String(match.1)
        second = ""
      } else if let match = line.firstMatch(of: /^  ([\w<-]+):/) {
        second = "/\(match.1)"
      }
      blocks[top, default: []].append(String(line))
      if !second.isEmpty { blocks[top + second, default: []].append(String(line)) }
    }
    return blocks
  }

  let lines: [String]
  let blocks: [String: [String]]

  init() throws {
    let file = try #require(Project.files.first { $0.path == "docker-compose.yml" })
    lines = file.lines.map(String.init)
    blocks = Self.blocks(of: file.text)
  }

  func text(_ name: String) throws -> String {
    try #require(blocks[name], "no block \(name)").joined(separator: "\n")
  }

  @Test func `no password stands in the file and none is assumed`() throws {
    let named = lines.filter { $0.contains(/PASSWORD\s*:|password\s*=/) }
    #expect(named.count == 3)
    for line in named {
      #expect(line.contains(/: \$\{POSTGRES_PASSWORD:\?[^}]+\}$/), "\(line)")
    }
    for line in lines { #expect(!line.contains(/:\/\/[^\/\s]*:[^\/\s]*@/), "\(line)") }
  }

  @Test func `the database is not published`() throws {
    let database = try text("services/database")
    #expect(!database.contains("ports:"))
    #expect(!database.contains("outside"))
    #expect(try text("networks/inside").contains("internal: true"))
  }

  @Test func `the service is published to its own machine only`() throws {
    let published = lines.filter { $0.contains("ports:") }
    #expect(published == ["    ports: [\"127.0.0.1:8087:8087\"]"])
    #expect(try text("services/service").contains("ports:"))
  }

  @Test func `every container is hardened and none runs as root`() throws {
    let hardened = try text("x-hardened")
    for rule in ["read_only: true", "cap_drop: [ALL]", "no-new-privileges:true"] {
      #expect(hardened.contains(rule))
    }
    #expect(try text("x-stageledger").contains("<<: *hardened"))
    #expect(try text("x-stageledger").contains("user: \"10001:10001\""))
    #expect(try text("services/database").contains("<<: *hardened"))
    #expect(try text("services/database").contains("user: postgres"))
    for name in ["services/migrate", "services/service"] {
      #expect(try text(name).contains("<<: *stageledger"))
      #expect(try !text(name).contains("user:"))
    }
    let everything = lines.joined(separator: "\n")
    for phrase in ["privileged", "cap_add", "docker.sock", "network_mode", ":latest"] {
      #expect(!everything.contains(phrase))
    }
  }

  @Test func `the schema is migrated before the service starts and both wait for the database`()
    throws
  {
    let service = try text("services/service")
    #expect(service.contains("migrate: {condition: service_completed_successfully}"))
    #expect(try text("services/migrate").contains("database: {condition: service_healthy}"))
    #expect(try text("services/database").contains("pg_isready"))
    #expect(service.contains("GET /readyz"))
    #expect(service.contains("role%3Dstageledger_writer"))
  }
}
