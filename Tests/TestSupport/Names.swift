// Names: identifiers and moments that are known to be well formed when a test is written.
//
// Called by tests and by the other files here. An ill-formed text stops the test run.

import Ledger

/// The identifier the text spells.
public func named<T: Identifier>(_ text: String) -> T {
  do { return try T(text) } catch { preconditionFailure("no identifier: \(text)") }
}

/// The moment the text names.
public func instant(_ text: String) -> Instant {
  guard let instant = Instant(rfc3339: text) else { preconditionFailure("no instant: \(text)") }
  return instant
}

/// The moment `seconds` after 2026-01-01T00:00:00Z.
public func second(_ seconds: Int64) -> Instant {
  instant("2026-01-01T00:00:00Z").advanced(byMicroseconds: seconds &* 1_000_000)
}
