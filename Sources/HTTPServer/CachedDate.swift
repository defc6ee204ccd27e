// The Date field, formatted once a second.
//
// Called by: connections, for each answer. Calls: the system's wall clock.
// Invariant: the text is that of the second in which it is asked for.

import Glibc
import HTTPWire

/// The date of the current second as HTTP writes it.
struct CachedDate {
  private var second: time_t = .min
  private var text: [UInt8] = []

  /// The bytes of the date.
  mutating func bytes() -> [UInt8] {
    let current = time(nil)
    if current != second {
      second = current
      text = HTTPDate.bytes(secondsSince1970: Int64(current))
    }
    return text
  }
}
