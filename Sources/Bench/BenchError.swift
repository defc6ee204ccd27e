// BenchError: why a measurement could not be made.
//
// Thrown by every part of the bench, told by `Main`. Invariant: a number is printed only for work
// that was answered as asked.

/// Why a measurement could not be made.
enum BenchError: Error, Equatable {
  /// The command line is not understood.
  case usage(String)
  /// A program is missing or ended with a failure; what it said is given.
  case program(String, said: String)
  /// A system call failed with this `errno`.
  case system(String, code: Int32)
  /// The service answered something else than it was asked for.
  case answer(String)

  /// What to tell.
  var text: String {
    switch self {
    case .usage(let text): text
    case .program(let name, let said): "\(name): \(said)"
    case .system(let call, let code): "\(call): error \(code)"
    case .answer(let text): "unexpected answer: \(text)"
    }
  }
}
