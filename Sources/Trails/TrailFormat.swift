// TrailFormat: the three audit trails, what each is wrapped in, and how a record of it is read.
//
// Called by `import`; calls the table of the format (`CTSTrace`, `ActionTrailEvent`,
// `CloudTrailEvent`). Invariant: text from outside becomes a reading, never a trap.

import CanonicalJSON
public import Ledger

/// An audit trail of one of the clouds.
public enum TrailFormat: String, CaseIterable, Sendable {
  /// Huawei Cloud Trace Service.
  case cts
  /// Alibaba Cloud ActionTrail.
  case actiontrail
  /// AWS CloudTrail.
  case cloudtrail

  /// The door its facts come in by.
  public var source: EventSource {
    switch self {
    case .cts: .importCTS
    case .actiontrail: .importActionTrail
    case .cloudtrail: .importCloudTrail
    }
  }

  /// The cloud it is of.
  public var provider: Provider {
    switch self {
    case .cts: .huawei
    case .actiontrail: .alibaba
    case .cloudtrail: .aws
    }
  }

  /// The members that hold the records in what the cloud delivers.
  public var containers: [String] {
    switch self {
    // The answer of ListTraces.
    case .cts: ["traces"]
    // The answer of LookupEvents.
    case .actiontrail: ["Events"]
    // A delivered file; the answer of LookupEvents.
    case .cloudtrail: ["Records", "Events"]
    }
  }

  /// Reads one record: JSON at most 32 deep, no name twice in one object.
  public func read(_ bytes: [UInt8]) -> TrailReading {
    let value: JSONValue
    do {
      value = try JSONValue(
        parsing: bytes, limits: JSONLimits(depthMax: 32, bytesMax: RecordSplitter.recordBytesMax))
    } catch {
      return .malformed(error.told)
    }
    do throws(TrailGap) {
      switch self {
      case .cts: return try CTSTrace(value).reading
      case .actiontrail: return try ActionTrailEvent(value).reading
      case .cloudtrail: return try CloudTrailEvent(value).reading
      }
    } catch {
      switch error {
      case .missing(let what): return .skipped(what)
      case .malformed(let why): return .malformed(why)
      }
    }
  }
}

/// Why no record could be made.
enum TrailGap: Error, Hashable, Sendable {
  /// Something that is needed is not told.
  case missing(String)
  /// Something is not what it must be.
  case malformed(String)
}

extension JSONError {
  /// What to tell of it.
  var told: String {
    let what =
      switch kind {
      case .unexpectedEnd: "it ends too early"
      case .unexpectedByte, .trailingBytes, .byteOrderMark: "it is no JSON"
      case .duplicateKey(let name): "the name \(name.debugDescription) stands twice in one object"
      case .invalidEscape, .loneSurrogate, .controlCharacter, .invalidUTF8: "a text is ill formed"
      case .invalidNumber, .numberOutOfRange: "a number is ill formed"
      case .tooDeep(let depthMax): "it is nested more than \(depthMax) deep"
      case .tooLong(let bytesMax): "it has more than \(bytesMax) bytes"
      }
    return "\(what) (byte \(offset))"
  }
}
