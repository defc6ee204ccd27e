// UpstreamOptions: the cloud of a project, as the options of `project create` and `set` name it.
//
// Called by `ProjectCommand`. Invariant: a cloud that is to be asked comes out with everything its
// provider needs, or not at all.

import Foundation
import Ledger
import LedgerServices

/// The options whose names begin with `upstream-`.
enum UpstreamOptions {
  /// Their names.
  static let names = [
    "mode", "url", "project", "region", "token-file", "access-key", "secret-key-file",
  ].map { "upstream-\($0)" }

  /// The cloud the options name, with what they leave out taken from `known`; nil when there is
  /// none.
  static func read(
    _ context: CommandContext, of provider: Provider, over known: Upstream?
  ) throws(CommandError) -> Upstream? {
    let credential = try credential(context, of: provider, over: known?.credential)
    let url = context.option("upstream-url") ?? known?.url
    let project = context.option("upstream-project") ?? known?.project
    let region = context.option("upstream-region") ?? known?.region
    guard let mode = try mode(context) ?? known?.mode else {
      guard names.allSatisfy({ context.option($0) == nil }) else {
        throw .usage(.missingOption("--upstream-mode", command: "an upstream"))
      }
      return nil
    }
    guard mode != .off || url != nil else { return nil }
    guard let url else { throw .usage(.missingOption("--upstream-url", command: "an upstream")) }
    guard let parsed = URL(string: url, encodingInvalidCharacters: false),
      parsed.scheme == "https" || parsed.scheme == "http", parsed.host?.isEmpty == false,
      parsed.user == nil, parsed.query == nil, parsed.fragment == nil,
      parsed.path.isEmpty || parsed.path == "/"
    else {
      throw .usage(.badValue(of: "--upstream-url", given: url, expected: "https://host"))
    }
    let upstream = Upstream(
      mode: mode, url: url, project: project, region: region, credential: credential)
    if mode != .off { try requireEverything(of: upstream, for: provider) }
    return upstream
  }

  private static func mode(_ context: CommandContext) throws(CommandError) -> Upstream.Mode? {
    guard let text = context.option("upstream-mode") else { return nil }
    guard let mode = Upstream.Mode(rawValue: text) else {
      throw .usage(.badValue(of: "--upstream-mode", given: text, expected: "off, read or write"))
    }
    return mode
  }

  /// A token or a key that is named takes the place of whatever was known.
  private static func credential(
    _ context: CommandContext, of provider: Provider, over known: Upstream.Credential?
  ) throws(CommandError) -> Upstream.Credential? {
    let token = context.option("upstream-token-file")
    var accessKey = context.option("upstream-access-key")
    var file = context.option("upstream-secret-key-file")
    if let token {
      guard provider == .huawei else {
        throw .usage(
          .badValue(
            of: "--upstream-token-file", given: token,
            expected: "a token of huawei; \(provider.rawValue) is asked with an access key"))
      }
      guard accessKey == nil, file == nil else {
        throw .usage(.conflicting("--upstream-token-file", "an access key"))
      }
      return .token(file: token)
    }
    guard accessKey != nil || file != nil else { return known }
    if case .accessKey(let knownKey, let knownFile)? = known {
      accessKey = accessKey ?? knownKey
      file = file ?? knownFile
    }
    guard let accessKey else {
      throw .usage(.missingOption("--upstream-access-key", command: "an access key"))
    }
    guard let file else {
      throw .usage(.missingOption("--upstream-secret-key-file", command: "an access key"))
    }
    guard 1...128 ~= accessKey.utf8.count, accessKey.utf8.allSatisfy(isKeyByte) else {
      // It may be the secret key by mistake: not repeated.
      throw .usage(
        .badValue(
          of: "--upstream-access-key", given: "what was given",
          expected: "up to 128 letters, digits, - and _; the secret key stays in its file"))
    }
    return .accessKey(accessKey, secretKeyFile: file)
  }

  private static func requireEverything(
    of upstream: Upstream, for provider: Provider
  ) throws(CommandError) {
    let command = "the upstream of a project of \(provider.rawValue)"
    switch provider {
    case .huawei:
      guard upstream.project != nil else {
        throw .usage(.missingOption("--upstream-project", command: command))
      }
      guard upstream.credential != nil else {
        throw .usage(
          .missingOption(
            "--upstream-token-file, or --upstream-access-key and --upstream-secret-key-file",
            command: command))
      }
    case .alibaba:
      try requireKey(of: upstream, command)
    case .aws:
      guard let region = upstream.region else {
        throw .usage(.missingOption("--upstream-region", command: command))
      }
      guard 1...64 ~= region.utf8.count, region.utf8.allSatisfy(isRegionByte) else {
        throw .usage(
          .badValue(of: "--upstream-region", given: region, expected: "a region like eu-west-1"))
      }
      try requireKey(of: upstream, command)
    }
  }

  private static func requireKey(
    of upstream: Upstream, _ command: String
  ) throws(CommandError) {
    guard case .accessKey? = upstream.credential else {
      throw .usage(
        .missingOption(
          "--upstream-access-key and --upstream-secret-key-file", command: command))
    }
  }

  private static func isKeyByte(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
    default: false
    }
  }

  private static func isRegionByte(_ byte: UInt8) -> Bool {
    0x61...0x7A ~= byte || 0x30...0x39 ~= byte || byte == 0x2D
  }
}
