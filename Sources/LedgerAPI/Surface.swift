// Surface: which API a request speaks.
//
// Asked by `API` for each request before anything else of it is read. The path decides, but for
// `/`, where two clouds have all their calls: there the header fields and the query decide.
// Invariant: every request has exactly one surface, and that alone decides the shape of its
// answers, also of refusals.

import HTTPWire
import Ledger

/// Which API a request speaks.
enum Surface: Hashable, CaseIterable, Sendable {
  /// Huawei Cloud CSMS, under `/v1`.
  case csms
  /// Alibaba Cloud KMS, at `/`.
  case kms
  /// AWS Secrets Manager, at `/`.
  case aws
  /// The ledger's own API, under `/ledger/v1`.
  case ledger
  /// The page, health and metrics, and whatever is not known.
  case operations

  /// The surface of a path that is not decoded and is not `/`.
  init(path: String) {
    if path == "/v1" || path.hasPrefix("/v1/") {
      self = .csms
    } else if path == "/ledger" || path.hasPrefix("/ledger/") {
      self = .ledger
    } else {
      self = .operations
    }
  }

  /// The surface of a request, of which only the head is looked at.
  init(of head: HTTPRequest) {
    guard head.path == "/" else {
      self.init(path: head.path)
      return
    }
    if AWSRequest.isMeant(by: head) {
      self = .aws
    } else if KMSRequest.isMeant(by: head) {
      self = .kms
    } else {
      self = .operations
    }
  }

  /// What the surface is called, for machines.
  var tag: String {
    switch self {
    case .csms: "csms"
    case .kms: "kms"
    case .aws: "secretsmanager"
    case .ledger: "ledger"
    case .operations: "operations"
    }
  }

  /// The cloud whose API it is, and through which door events come that are written by it; nil for
  /// our own.
  var cloud: (provider: Provider, source: EventSource)? {
    switch self {
    case .csms: (.huawei, .csmsAPI)
    case .kms: (.alibaba, .kmsAPI)
    case .aws: (.aws, .awsAPI)
    case .ledger, .operations: nil
    }
  }

  /// Whether a body is JSON whatever its type says, as the clouds take it.
  var isAnyTypeJSON: Bool { cloud != nil }
}
