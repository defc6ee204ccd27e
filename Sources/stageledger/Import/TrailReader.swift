// TrailReader: the files of a trail, read piece by piece and turned into facts.
//
// Called by `Import`; calls `RecordSplitter` and `TrailFormat`. Invariant: whatever is not kept is
// counted and, unless it is about something else, said with file and line and why.

import Foundation
import Glibc
import Ledger
import Trails

/// Reads files one after the other.
struct TrailReader {
  private static let chunkBytes = 1 << 18

  private let format: TrailFormat
  private let tally: ImportTally
  private let console: Console
  private var paths: ArraySlice<String>
  private var open: OpenTrail?
  /// Of what the records must be: as asked for, or as the first one was.
  private var scope: Scope

  private enum Scope {
    case any
    case wanted(String)
    case first(String)
  }

  /// Reads the files at the paths; `-` is standard input.
  init(
    _ paths: [String], format: TrailFormat, scope: String?, tally: ImportTally, console: Console
  ) {
    self.paths = paths[...]
    self.format = format
    self.tally = tally
    self.console = console
    self.scope = scope.map { .wanted($0) } ?? .any
  }

  /// How many bytes the files have; nil when one is not a regular file.
  static func size(of paths: [String]) throws(CommandError) -> Int64? {
    var sum: Int64 = 0
    var isKnown = true
    for path in paths where path != "-" {
      var status = stat()
      guard unsafe stat(path, &status) == 0 else { throw .file(path, reason: reason(errno)) }
      guard status.st_mode & S_IFMT != S_IFDIR else { throw .file(path, reason: reason(EISDIR)) }
      if status.st_mode & S_IFMT != S_IFREG { isKnown = false }
      sum += Int64(status.st_size)
    }
    return isKnown && !paths.contains("-") ? sum : nil
  }

  /// Reads until the window is full; false at the end of the last file.
  mutating func fill(_ window: inout ImportWindow) throws(CommandError) -> Bool {
    while !window.isFull {
      if open == nil { open = try next() }
      guard var trail = open.take() else { return false }
      var pieces: [TrailPiece] = []
      if let chunk = try trail.file.read(Self.chunkBytes) {
        tally.count { $0.bytes += Int64(chunk.count) }
        trail.splitter.feed(chunk) { pieces.append($0) }
        open = trail
      } else {
        trail.splitter.finish { pieces.append($0) }
      }
      for piece in pieces { try take(piece, of: trail, &window) }
    }
    return true
  }

  private mutating func next() throws(CommandError) -> OpenTrail? {
    guard let path = paths.popFirst() else { return nil }
    return OpenTrail(
      file: try InputFile(path), splitter: RecordSplitter(containers: format.containers))
  }

  private mutating func take(
    _ piece: TrailPiece, of trail: OpenTrail, _ window: inout ImportWindow
  ) throws(CommandError) {
    switch piece {
    case .fault(let fault, let place):
      tally.count { $0.malformed += 1 }
      console.say("\(locator(trail, place)): \(fault.text)")
      if fault == .compressed { open = nil }
    case .record(let bytes, let place):
      tally.count { $0.read += 1 }
      switch format.read(bytes) {
      case .passedOver:
        tally.count { $0.passedOver += 1 }
      case .skipped(let why):
        skip(trail, place, why)
      case .malformed(let why):
        tally.count { $0.malformed += 1 }
        console.say("\(locator(trail, place)): \(visible(why))")
      case .record(let record):
        let locator = locator(trail, place)
        guard try isInScope(record, trail, place) else { return }
        if record.isFailure { tally.count { $0.failedCalls += 1 } }
        if record.isIncomplete {
          tally.count { $0.incomplete += 1 }
          let why = record.facts.compactMap(\.reason).joined(separator: "; ")
          console.say("\(locator): kept, but \(visible(why))")
        }
        window.add(
          ImportEntry(
            time: record.time.microseconds,
            lines: record.lines(of: bytes, format: format, locator: locator),
            count: record.facts.count, locator: locator))
      }
    }
  }

  private func skip(_ trail: OpenTrail, _ place: TrailPlace, _ why: String) {
    tally.count { $0.skipped += 1 }
    console.say("\(locator(trail, place)): left out: \(visible(why))")
  }

  /// Whether a record is of the account and region wanted; one name can be a secret in each.
  private mutating func isInScope(
    _ record: TrailRecord, _ trail: OpenTrail, _ place: TrailPlace
  ) throws(CommandError) -> Bool {
    switch scope {
    case .wanted(let wanted):
      guard let told = record.scope else {
        skip(trail, place, "it does not say of which account and region it is")
        return false
      }
      guard told != wanted else { return true }
      tally.count { $0.passedOver += 1 }
      return false
    case .first(let first):
      guard let told = record.scope, told != first else { return true }
      throw .mixedScopes(first, told)
    case .any:
      if let told = record.scope { scope = .first(told) }
      return true
    }
  }

  /// `FILE:LINE#RECORD`, the record counted from 1, since a whole file may be one line; of a very
  /// long path the end.
  private func locator(_ trail: OpenTrail, _ place: TrailPlace) -> String {
    "\(visible(trail.file.name).suffix(900)):\(place.line)#\(place.number)"
  }
}

/// A file that is being read, and what of it is not yet a record.
private struct OpenTrail {
  let file: InputFile
  var splitter: RecordSplitter
}

/// A file opened for reading, or standard input.
private final class InputFile: Sendable {
  /// What people call it.
  let name: String
  private let path: String
  private let descriptor: Int32

  init(_ path: String) throws(CommandError) {
    self.path = path
    guard path != "-" else {
      name = "stdin"
      descriptor = STDIN_FILENO
      return
    }
    name = path
    descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .file(path, reason: reason(errno)) }
  }

  deinit { if descriptor > STDERR_FILENO { close(descriptor) } }

  /// At most so many bytes; nil at the end.
  func read(_ bytesMax: Int) throws(CommandError) -> [UInt8]? {
    var failure: Int32 = 0
    // The system writes no more than the buffer holds.
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: bytesMax) { buffer, count in
      var read = -1
      repeat {
        read = unsafe Glibc.read(descriptor, buffer.baseAddress, bytesMax)
      } while read < 0
        && errno == EINTR
      if read < 0 { failure = errno }
      count = max(0, read)
    }
    guard failure == 0 else { throw .file(path, reason: reason(failure)) }
    return bytes.isEmpty ? nil : bytes
  }
}

private func reason(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }

extension SplitFault {
  /// What to tell.
  fileprivate var text: String {
    switch self {
    case .compressed: "compressed; unpack it, as with: gunzip -c FILE | stageledger import ... -"
    case .notAnObject: "no JSON object; passed over to the next line that begins with one"
    case .brokenOff: "the record is broken off"
    case .endsEarly: "the file ends early"
    case .tooLong(let bytesMax): "the record has more than \(bytesMax) bytes"
    }
  }
}
