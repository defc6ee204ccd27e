// swift-tools-version: 6.2
//
// stageledger: which version of a secret held which stage label, at any moment, with proof.
//
// The layers, lowest first; `Tests/TidyTests` holds every `import` line against this table.

import PackageDescription

/// The settings of every target: Swift 6, strict memory safety, each warning an error.
let settings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

/// Tests keep the warnings but may call C without spelling each `unsafe`.
let testSettings: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .treatAllWarnings(as: .error),
]

/// A layer of the product, in `Sources/<name>`.
func layer(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: settings)
}

/// The tests of the layer `name`, in `Tests/<name>Tests`, which read the folders in `fixtures`.
func tests(
  _ name: String, _ dependencies: [Target.Dependency] = [], fixtures: [String] = []
) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.target(name: name)] + dependencies, exclude: fixtures,
    swiftSettings: testSettings)
}

let package = Package(
  name: "stageledger",
  products: [
    .executable(name: "stageledger", targets: ["stageledger"]),
    .executable(name: "stageledger-bench", targets: ["Bench"]),
  ],
  targets: [
    // C libraries.
    .systemLibrary(name: "CLinux", path: "Sources/CLinux"),
    .systemLibrary(
      name: "COpenSSL", path: "Sources/COpenSSL", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(
      name: "CPostgres", path: "Sources/CPostgres", providers: [.apt(["libpq-dev"])]),

    // 0: pure.
    layer("CanonicalJSON"),
    layer("Crypto", ["COpenSSL"]),
    layer("HTTPWire"),
    layer("RequestSigning", ["Crypto"]),
    layer("TransparencyLog", ["Crypto"]),
    layer("Ledger", ["CanonicalJSON"]),
    layer("Trails", ["Ledger", "CanonicalJSON", "Crypto"]),
    .target(
      name: "Migrations", path: "Migrations",
      resources: [
        .embedInCode("0001_role.sql"), .embedInCode("0002_project.sql"),
        .embedInCode("0003_event.sql"), .embedInCode("0004_projection.sql"),
        .embedInCode("0005_secret_key.sql"), .embedInCode("0006_access.sql"),
        .embedInCode("0007_refinement.sql"), .embedInCode("0008_late.sql"),
        .embedInCode("0009_life.sql"), .embedInCode("0010_drift.sql"),
        .embedInCode("0011_watch.sql"), .embedInCode("0012_change_request.sql"),
        .embedInCode("0013_upstream_key.sql"),
      ],
      swiftSettings: settings),

    // 1: mechanisms, which know nothing of the ledger, and the use cases.
    layer("EventLoop", ["CLinux"]),
    layer("HTTPServer", ["HTTPWire", "EventLoop"]),
    layer("PostgresClient", ["EventLoop", "CPostgres"]),
    layer("PostgresCluster", ["CLinux"]),
    layer("LedgerServices", ["Ledger", "TransparencyLog", "CanonicalJSON", "Crypto"]),

    // 2: adapters, which do not know each other.
    layer(
      "LedgerAPI",
      [
        "LedgerServices", "Ledger", "TransparencyLog", "CanonicalJSON", "Crypto", "HTTPWire",
        "RequestSigning",
      ]),
    layer(
      "LedgerStore",
      [
        "LedgerServices", "Ledger", "TransparencyLog", "CanonicalJSON", "Crypto",
        "PostgresClient", "EventLoop", "Migrations",
      ]),
    layer(
      "Clouds", ["LedgerServices", "Ledger", "CanonicalJSON", "Crypto", "RequestSigning"]),

    // 3: the edge.
    .executableTarget(
      name: "stageledger",
      dependencies: [
        "CanonicalJSON", "Crypto", "HTTPWire", "TransparencyLog", "Ledger", "Migrations",
        "EventLoop", "HTTPServer", "PostgresClient", "PostgresCluster", "LedgerServices",
        "LedgerAPI", "LedgerStore", "Clouds", "Trails",
      ],
      swiftSettings: settings),
    // It measures, and calls C for it as the tests do.
    .executableTarget(
      name: "Bench",
      dependencies: [
        "CLinux", "CanonicalJSON", "Crypto", "RequestSigning", "Ledger", "PostgresCluster",
      ],
      resources: [.embedInCode("thresholds.txt")], swiftSettings: testSettings),

    // Tests.
    .target(
      name: "TestSupport",
      dependencies: [
        "PostgresCluster", "Ledger", "LedgerServices", "TransparencyLog", "CanonicalJSON", "Crypto",
      ],
      path: "Tests/TestSupport", swiftSettings: testSettings),
    .target(
      name: "TestLiterals", dependencies: ["Ledger"], path: "Tests/TestLiterals",
      swiftSettings: testSettings),
    tests("CanonicalJSON", ["Crypto"]),
    tests("Crypto"),
    tests("HTTPWire"),
    tests("RequestSigning", ["Crypto", "CanonicalJSON"], fixtures: ["Fixtures"]),
    tests("TransparencyLog", ["Crypto"]),
    tests("Ledger", ["CanonicalJSON", "TestLiterals", "TestSupport"]),
    tests("Trails", ["Ledger", "CanonicalJSON", "Crypto"], fixtures: ["Fixtures"]),
    tests("EventLoop"),
    tests("HTTPServer", ["HTTPWire", "EventLoop", "TestSupport"]),
    tests("PostgresClient", ["EventLoop", "PostgresCluster", "TestSupport"]),
    tests("PostgresCluster", ["TestSupport"]),
    tests(
      "LedgerServices",
      ["Ledger", "TransparencyLog", "CanonicalJSON", "Crypto", "TestLiterals", "TestSupport"]),
    tests(
      "LedgerAPI",
      [
        "LedgerServices", "Ledger", "TransparencyLog", "HTTPWire", "CanonicalJSON", "Crypto",
        "RequestSigning", "TestSupport",
      ], fixtures: ["Fixtures"]),
    tests(
      "LedgerStore",
      [
        "LedgerServices", "Ledger", "TransparencyLog", "CanonicalJSON", "PostgresClient",
        "EventLoop", "Crypto", "PostgresCluster", "TestSupport", "LedgerAPI", "HTTPWire",
      ]),
    tests(
      "Clouds",
      [
        "LedgerServices", "Ledger", "CanonicalJSON", "RequestSigning", "TestLiterals",
        "TestSupport",
      ]),
    .testTarget(
      name: "EndToEndTests",
      dependencies: [
        "stageledger", "Ledger", "LedgerServices", "CanonicalJSON", "PostgresCluster",
        "TestSupport",
      ],
      swiftSettings: testSettings),
    tests("Bench", ["CanonicalJSON"]),
    .testTarget(name: "TidyTests", swiftSettings: testSettings),
  ],
  swiftLanguageModes: [.v6]
)
