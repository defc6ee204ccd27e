// SystemTime: the machine's clock as the ledger counts time.
//
// Called by the wiring and the commands.

import Glibc
import Ledger

/// The time of the machine's clock, UTC.
func systemNow() -> Instant {
  var time = timespec()
  unsafe clock_gettime(CLOCK_REALTIME, &time)
  let microseconds = Int64(time.tv_sec) &* 1_000_000 &+ Int64(time.tv_nsec / 1_000)
  return Instant(microseconds: microseconds) ?? .earliest
}
