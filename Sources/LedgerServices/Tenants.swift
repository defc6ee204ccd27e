// Tenants: projects and credentials, and the short-lived memory of them that requests are served
// from.
//
// Called by the API for every request and by the command line to manage them; calls `TenantStore`.
// Invariant: a token is never kept, only its SHA-256; what is remembered is at most `lifetime` old,
// so a revoked credential stops working within that time.

import Crypto
public import Ledger
import Synchronization

/// How a project's cloud is compared with its record.
public struct Upstream: Hashable, Sendable {
  /// What we do with the cloud.
  public enum Mode: String, CaseIterable, Sendable {
    /// Nothing.
    case off
    /// Read and compare.
    case read
    /// Read, compare, and pass changes on.
    case write
  }
  /// What shows the cloud who asks; files are on the service's machine, read at each use and never
  /// stored.
  public enum Credential: Hashable, Sendable {
    /// A file that holds a token.
    case token(file: String)
    /// An access key, and a file that holds its secret key.
    case accessKey(String, secretKeyFile: String)
  }
  /// What we do with it.
  public var mode: Mode
  /// Where its API is: `https://host[:port]`.
  public var url: String
  /// The project's name there; nil when the cloud has no projects.
  public var project: String?
  /// The region; nil when the cloud needs none.
  public var region: String?
  /// What shows the cloud who asks; nil while nothing is named.
  public var credential: Credential?
  /// A cloud to compare with.
  public init(
    mode: Mode, url: String, project: String?, region: String?, credential: Credential?
  ) {
    self.mode = mode
    self.url = url
    self.project = project
    self.region = region
    self.credential = credential
  }
}

/// The status a surface answers with for what does not exist.
public enum NotFoundStatus: String, CaseIterable, Sendable {
  /// 400, as the cloud's table of error codes has it.
  case badRequest = "400"
  /// 404, as some of its clients expect.
  case notFound = "404"
}

/// One tenant, with its own log.
public struct Project: Hashable, Sendable {
  /// Its name in every path.
  public var id: ProjectID
  /// The cloud whose rules its log keeps.
  public var provider: Provider
  /// The status for what does not exist, on the cloud's surface.
  public var notFoundStatus: NotFoundStatus
  /// The cloud its record is compared with; nil when there is none.
  public var upstream: Upstream?
  /// When it was made.
  public var createdAt: Instant
  /// A tenant.
  public init(
    id: ProjectID, provider: Provider, notFoundStatus: NotFoundStatus, upstream: Upstream?,
    createdAt: Instant
  ) {
    self.id = id
    self.provider = provider
    self.notFoundStatus = notFoundStatus
    self.upstream = upstream
    self.createdAt = createdAt
  }
}

/// Who may do what in one project.
public struct Credential: Hashable, Sendable {
  /// The project it belongs to.
  public var project: ProjectID
  /// Its name, unique in the project.
  public var name: String
  /// What it may do.
  public var policy: Policy
  /// When it was made.
  public var createdAt: Instant
  /// When it was ended; nil while it is in use.
  public var revokedAt: Instant?
  /// A credential.
  public init(
    project: ProjectID, name: String, policy: Policy, createdAt: Instant, revokedAt: Instant?
  ) {
    self.project = project
    self.name = name
    self.policy = policy
    self.createdAt = createdAt
    self.revokedAt = revokedAt
  }
}

/// A bearer token: `slt_`, 160 random bits and a checksum in base 32.
///
/// The prefix lets scanners find a leaked one; the checksum lets us refuse a mistyped one unasked.
public struct Token: Sendable {
  /// The text to hand to its owner, once.
  public let text: String
  private static let prefix = "slt_"
  private static let alphabet: [UInt8] = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

  /// A new token from 20 random bytes.
  public init(randomBytes: [UInt8]) {
    precondition(randomBytes.count == 20, "\(randomBytes.count) random bytes")
    let bytes = Self.base32(randomBytes) + Self.checksum(randomBytes)
    text = Self.prefix + String(decoding: bytes, as: UTF8.self)
  }

  /// SHA-256 of a token's text: all that is ever stored; nil when the text cannot be a token.
  public static func digest(of text: String) -> [UInt8]? {
    isWellFormed(text) ? SHA256.hash(Array(text.utf8)).bytes : nil
  }

  /// Whether a text can be a token: nobody mistyped it.
  public static func isWellFormed(_ text: String) -> Bool {
    let bytes = Array(text.utf8)
    guard bytes.count == 4 + 32 + 7, text.hasPrefix(prefix), let random = decode(bytes[4..<36])
    else { return false }
    return constantTimeEquals(checksum(random), Array(bytes[36...]))
  }

  private static func checksum(_ random: [UInt8]) -> [UInt8] {
    let sum = CRC32.checksum(random)
    return base32((0..<4).map { UInt8(truncatingIfNeeded: sum >> (24 - 8 * $0)) })
  }

  private static func base32(_ bytes: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    var buffer: UInt32 = 0
    var bits = 0
    for byte in bytes {
      buffer = (buffer << 8 | UInt32(byte)) & 0xFFFF
      bits += 8
      while bits >= 5 {
        bits -= 5
        text.append(alphabet[Int(buffer >> UInt32(bits) & 31)])
      }
    }
    if bits > 0 { text.append(alphabet[Int(buffer << UInt32(5 - bits) & 31)]) }
    return text
  }

  private static func decode(_ text: ArraySlice<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(20)
    var buffer: UInt32 = 0
    var bits = 0
    for character in text {
      let digit: UInt8
      switch character {
      case 0x61...0x7A: digit = character - 0x61
      case 0x32...0x37: digit = character - 0x32 + 26
      default: return nil
      }
      buffer = (buffer << 5 | UInt32(digit)) & 0xFFFF
      bits += 5
      if bits >= 8 {
        bits -= 8
        bytes.append(UInt8(truncatingIfNeeded: buffer >> UInt32(bits)))
      }
    }
    return bytes
  }
}

/// A credential and what it signs with.
public struct KeyedCredential: Sendable {
  /// Who it is.
  public let credential: Credential
  /// The secret key in the clear, for the time of one check.
  public let secretKey: String
}

/// Projects and credentials, remembered for a short while.
public final class Tenants: Sendable {
  /// How old what is remembered may be, in microseconds.
  public static let lifetimeMicroseconds: Int64 = 2_000_000
  private static let entriesMax = 10_000

  private struct Memory: Sendable {
    var projects: [ProjectID: (value: Project, until: Instant)] = [:]
    var credentials: [[UInt8]: (value: Credential, until: Instant)] = [:]
    var signers: [String: (value: KeyedCredential, until: Instant)] = [:]
  }

  private let store: any TenantStore
  private let clock: Clock
  private let keyring: SecretKeyring?
  private let memory = Mutex(Memory())

  /// Tenants kept in `store`; without a key ring no credential can sign.
  public init(store: any TenantStore, clock: Clock, keyring: SecretKeyring?) {
    self.store = store
    self.clock = clock
    self.keyring = keyring
  }

  /// The project; nil when there is none.
  public func project(_ id: ProjectID) async throws(StoreError) -> Project? {
    let now = clock.now
    if let known = memory.withLock({ $0.projects[id] }), known.until > now { return known.value }
    guard let project = try await store.project(id) else { return nil }
    let until = now.advanced(byMicroseconds: Self.lifetimeMicroseconds)
    memory.withLock {
      if $0.projects.count >= Self.entriesMax { $0.projects.removeAll() }
      $0.projects[id] = (project, until)
    }
    return project
  }

  /// The credential the token belongs to; nil when it belongs to none in use.
  public func credential(token: String) async throws(StoreError) -> Credential? {
    guard let digest = Token.digest(of: token) else { return nil }
    let now = clock.now
    if let known = memory.withLock({ $0.credentials[digest] }), known.until > now {
      return known.value
    }
    guard let credential = try await store.credential(tokenDigest: digest) else { return nil }
    let until = now.advanced(byMicroseconds: Self.lifetimeMicroseconds)
    memory.withLock {
      if $0.credentials.count >= Self.entriesMax { $0.credentials.removeAll() }
      $0.credentials[digest] = (credential, until)
    }
    return credential
  }

  /// The credential that signs with the access key; nil when none in use does, or its secret key
  /// cannot be opened here.
  public func signer(accessKey: String) async throws(StoreError) -> KeyedCredential? {
    guard let keyring, AccessKey.isPlausible(accessKey) else { return nil }
    let now = clock.now
    if let known = memory.withLock({ $0.signers[accessKey] }), known.until > now {
      return known.value
    }
    guard let signer = try await store.signer(accessKey: accessKey),
      let secretKey = keyring.open(signer.secretKey, of: signer.credential)
    else { return nil }
    let keyed = KeyedCredential(credential: signer.credential, secretKey: secretKey)
    let until = now.advanced(byMicroseconds: Self.lifetimeMicroseconds)
    memory.withLock {
      if $0.signers.count >= Self.entriesMax { $0.signers.removeAll() }
      $0.signers[accessKey] = (keyed, until)
    }
    return keyed
  }
}
