// Which target may import which module.
//
// The table is the architecture; called by `ImportTests`, which holds `Package.swift` and every
// `import` line against it. Invariant: a target imports nothing that is not written here.

enum Imports {
  /// The targets of the product and the modules of ours that each may import.
  static let table: [String: Set<String>] = [
    // C libraries.
    "CLinux": [], "COpenSSL": [], "CPostgres": [],
    // 0: pure.
    "CanonicalJSON": [],
    "Crypto": ["COpenSSL"],
    "HTTPWire": [],
    "RequestSigning": ["Crypto"],
    "TransparencyLog": ["Crypto"],
    "Ledger": ["CanonicalJSON"],
    // Apart from `Clouds`: records of trails are read without a network, and without Foundation.
    "Trails": ["Ledger", "CanonicalJSON", "Crypto"],
    "Migrations": [],
    // 1: mechanisms, which know nothing of the ledger, and the use cases.
    "EventLoop": ["CLinux"],
    "HTTPServer": ["HTTPWire", "EventLoop"],
    "PostgresClient": ["EventLoop", "CPostgres"],
    "PostgresCluster": ["CLinux"],
    "LedgerServices": ["Ledger", "TransparencyLog", "CanonicalJSON", "Crypto"],
    // 2: adapters, which do not know each other.
    "LedgerAPI": [
      "LedgerServices", "Ledger", "TransparencyLog", "CanonicalJSON", "Crypto", "HTTPWire",
      "RequestSigning",
    ],
    "LedgerStore": [
      "LedgerServices", "Ledger", "TransparencyLog", "CanonicalJSON", "Crypto", "PostgresClient",
      "EventLoop", "Migrations",
    ],
    "Clouds": ["LedgerServices", "Ledger", "CanonicalJSON", "Crypto", "RequestSigning"],
    // 3: the edge.
    "stageledger": [
      "CanonicalJSON", "Crypto", "HTTPWire", "TransparencyLog", "Ledger", "Migrations",
      "EventLoop", "HTTPServer", "PostgresClient", "PostgresCluster", "LedgerServices",
      "LedgerAPI", "LedgerStore", "Clouds", "Trails",
    ],
    // It speaks to the built program over sockets, and takes from it only what clients have too.
    "Bench": [
      "CLinux", "CanonicalJSON", "Crypto", "RequestSigning", "Ledger", "PostgresCluster",
    ],
  ]

  /// The modules of the toolchain that some targets may import; `Synchronization` all may.
  static let toolchain: [String: Set<String>] = [
    "Foundation": ["PostgresCluster", "Clouds", "stageledger", "Bench"],
    "FoundationNetworking": ["Clouds", "stageledger"],
    // `Clouds` asks who may read the file of a secret key.
    "Glibc": [
      "EventLoop", "HTTPServer", "PostgresClient", "PostgresCluster", "Clouds", "stageledger",
      "Bench",
    ],
  ]

  /// What tests may import beyond what their target declares.
  static let testing: Set = [
    "Testing", "Foundation", "FoundationNetworking", "Glibc", "Synchronization",
  ]

  /// Whether a target of the product may import `module`.
  static func isAllowed(_ module: String, in target: String) -> Bool {
    guard let modules = table[target] else { return false }
    return modules.contains(module) || module == "Synchronization"
      || toolchain[module]?.contains(target) == true
  }

  /// The modules that a file imports, with their lines.
  static func modules(of file: SourceFile) -> [(line: Int, module: String)] {
    SwiftText(file.text).codeLines.enumerated().compactMap { index, line in
      guard let match = line.firstMatch(of: importLine) else { return nil }
      return (index + 1, String(match.module))
    }
  }

  /// The targets of a manifest and what each declares to depend on.
  ///
  /// Reads the calls as they are written in this project: `layer`, `tests` and SwiftPM's own.
  static func declarations(in manifest: String) -> [String: Set<String>] {
    let text = manifest.split(separator: "\n").filter { !$0.contains(/^\s*\/\//) }
      .joined(separator: "\n")
    var declared: [String: Set<String>] = [:]
    for match in text.matches(of: call) {
      let name = (match.kind == "tests" ? "\(match.name)Tests" : String(match.name))
      let body = text[match.range.upperBound...].prefix { $0 != ")" }
      let list: Substring
      switch match.kind {
      case "layer", "tests": list = body
      default:
        guard let dependencies = body.firstMatch(of: /dependencies: *\[([^\]]*)\]/) else {
          declared[name] = []
          continue
        }
        list = dependencies.1
      }
      declared[name] = Set(list.matches(of: /"([^"]+)"/).map { String($0.1) })
      if match.kind == "tests" { declared[name]?.insert(String(match.name)) }
    }
    return declared
  }

  nonisolated(unsafe) private static let importLine =
    #/
    ^ \s* (?: @\w+ (?: \([^)]*\) )? \s+ )*
    (?: (?:public|package|internal|private|fileprivate) \s+ )?
    import \s+ (?: (?:struct|class|enum|protocol|func|var|let|typealias) \s+ )? (?<module>\w+)
    /#

  nonisolated(unsafe) private static let call =
    #/
    (?<kind> layer | tests | \.target | \.executableTarget | \.testTarget | \.systemLibrary )
    \( \s* (?: name: \s* )? "(?<name>\w+)"
    /#
}
