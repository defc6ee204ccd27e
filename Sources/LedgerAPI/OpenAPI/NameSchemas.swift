// NameSchemas: the forms of names, moments and numbers, as the identifiers' own parsers have them.
//
// Called by the schemas of every surface. Lengths are in characters; where a parser counts bytes
// too, the sentence says so. Invariant: what a parser of `Ledger` gives out fits its schema here.

import CanonicalJSON
import Ledger

/// The schemas of what every surface speaks of.
enum NameSchemas {
  /// No control characters.
  private static let printable = #"^[^\x00-\x1F\x7F]*$"#

  static let project = Schema.text(1...64, pattern: "^[A-Za-z0-9_.-]+$")
    .example("0123456789abcdef0123456789abcdef").named("ProjectID")
  static let secret = Schema.text(1...512, pattern: printable)
    .described("The name of a secret: at most 512 bytes of UTF-8, no control characters.")
    .example("db-password").named("SecretName")
  static let stage = Schema.text(1...256, pattern: printable)
    .described("A label.").example("SYSCURRENT").named("StageName")
  /// A name in a path, where a segment has at most 256 bytes.
  static let secretInPath = Schema.text(1...256, pattern: printable)
    .described("The name of a secret: at most 256 bytes of UTF-8 in a path.")
    .example("db-password").named("SecretInPath")
  static let version = Schema.text(1...64, pattern: printable)
    .described("The id of a version.").example("v2").named("VersionID")

  /// Words of people: tabs and line ends are allowed.
  static func words(_ charactersMax: Int64) -> Schema { words(0...charactersMax) }

  /// Words of people, of so many characters.
  static func words(_ characters: ClosedRange<Int64>) -> Schema {
    .text(characters, pattern: #"^[^\x00-\x08\x0B\x0C\x0E-\x1F\x7F]*$"#)
  }

  /// A moment as it is taken: RFC 3339 with an offset.
  static let momentTaken = Schema.text(
    20...35,
    pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{1,9})?"
      + "([Zz]|[+-][0-9]{2}:[0-9]{2})$",
    format: "date-time"
  )
  .described("An RFC 3339 date-time with an offset; finer than a microsecond is cut off.")
  .example("2026-03-04T05:06:07Z").named("MomentTaken")

  /// A moment as it is given: in UTC with six digits.
  static let moment = Schema.text(
    27...27,
    pattern: #"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$"#,
    format: "date-time"
  )
  .described("An RFC 3339 date-time in UTC with microseconds.")
  .example("2026-03-04T05:06:07.000000Z").named("Moment")

  static let whole = Schema.integer(0...wholeNumberMax)
  static let position = Schema.integer(0...wholeNumberMax)
    .described("The place of an event in the log of its project, from 0.").named("Position")
  static let uuid = Schema.text(36...36, format: "uuid")
}

extension Parameter {
  static let effectiveAt = Parameter(
    "effective_at", "When it was true in the cloud; the present unless said.",
    NameSchemas.momentTaken)
  static let knownAt = Parameter(
    "known_at",
    "As known to the ledger at this moment, or with the events through this position; all that is "
      + "known unless said.",
    .either(NameSchemas.momentTaken, .text(5...20, pattern: "^pos:[0-9]{1,16}$")))

  private static let span = Schema.text(2...11, pattern: "^[0-9]{1,10}[smhdw]$")
    .example("24h")
  private static let point = Schema.either(
    NameSchemas.momentTaken, .text(5...20, pattern: "^pos:[0-9]{1,16}$"))

  static let from = Parameter("from", "The first of two points on the axis; must be there.", point)
  static let to = Parameter("to", "The second; the present unless said.", point)
  static let axis = Parameter(
    "axis",
    "`effective`, unless said: both points are times when it was true, and `effective_at` says "
      + "nothing. `known`: both are points of knowledge, times or positions, and `known_at` says "
      + "nothing.", .choice(["effective", "known"]))
  static let stage = Parameter("stage", "This label alone.", NameSchemas.stage)
  static let olderThan = Parameter("older_than", "For at least this long.", span)
  static let minDelay = Parameter(
    "min_delay", "At least this long after it was true: `24h` unless said, and at least a second.",
    span)

  static let idempotencyKey = Parameter(
    "Idempotency-Key", in: .header,
    "The caller's own name for the request, bare or in quotes: the same key and request get the "
      + "original answer, another request 409.",
    .text(1...257, pattern: #"^("[\x20-\x7E]{1,255}"|[\x20-\x7E]{1,255})$"#))
  static let ifMatch = Parameter(
    "If-Match", in: .header,
    "The stream version the secret must be at, bare or in quotes, else 412; `*` is any.",
    .text(1...18, pattern: #"^(\*|"[0-9]{1,16}"|[0-9]{1,16})$"#))
  static let ifNoneMatch = Parameter(
    "If-None-Match", in: .header, "Tags of answers that are known: 304 if it is one of them.",
    .text())
}
