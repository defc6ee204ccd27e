// TrailFixture: the three trails that the suites read, each the same half year of one secret.
//
// Made by hand from the field lists of the clouds; nothing in them is anybody's. The lines of what
// each says are written in `TrailStoryTests`.

import CanonicalJSON
import Foundation
import Testing
import Trails

/// A trail, as a cloud delivers it.
enum TrailFixture {
  /// The bytes of the fixture of a format.
  static func bytes(_ format: TrailFormat) throws -> [UInt8] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    return [UInt8](try Data(contentsOf: folder.appending(path: "Fixtures/\(format).json")))
  }

  /// The records of the fixture, as texts.
  static func records(_ format: TrailFormat) throws -> [String] {
    try bytes(format).pieces(format).map { piece in
      guard case .record(let bytes, _) = piece else { throw TrailFixtureError.noRecord }
      return String(decoding: bytes, as: UTF8.self)
    }
  }

  /// Changes the members of a record.
  static func changed(_ record: String, _ members: [String: JSONValue]) throws -> [UInt8] {
    let value = try JSONValue(parsing: Array(record.utf8))
    let own = try #require(value.objectValue)
    return JSONValue.object(own.merging(members) { _, ours in ours }).canonicalBytes()
  }
}

enum TrailFixtureError: Error {
  case noRecord
}

extension [UInt8] {
  /// The pieces of a file, read in chunks of a size.
  func pieces(
    _ format: TrailFormat, chunk: Int = .max, bytesMax: Int = RecordSplitter.recordBytesMax
  ) -> [TrailPiece] {
    var splitter = RecordSplitter(containers: format.containers, bytesMax: bytesMax)
    var pieces: [TrailPiece] = []
    var rest = self[...]
    while !rest.isEmpty {
      splitter.feed(Array(rest.prefix(chunk))) { pieces.append($0) }
      rest = rest.dropFirst(chunk)
    }
    splitter.finish { pieces.append($0) }
    return pieces
  }
}
