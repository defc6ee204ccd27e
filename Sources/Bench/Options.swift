// Options: what the command line asks of the bench.
//
// Read by `Main`. Pure. Invariant: an argument that is not understood is an error.

/// What is asked of the bench.
struct Options: Equatable {
  /// How the report is written.
  enum Format: String {
    case table
    case json
  }
  /// How long it may take.
  enum Length {
    /// Three rounds of every scenario.
    case full
    /// One short round of those that need no large log.
    case quick
  }
  /// How the report is written.
  var format = Format.table
  /// How long it may take.
  var length = Length.full
  /// Whether thresholds are held.
  var isChecked = false
  /// The scenarios to run: those whose names begin so; empty: all.
  var only: [String] = []
  /// The size to which the log grows at most, in events.
  var eventsMax = 1_000_000
  /// Whether each flush of the server's log takes a millisecond more.
  var isDiskSlow = false
  /// Whether help was asked for.
  var isHelp = false

  static let help = """
    usage: stageledger-bench [--quick] [--only SCENARIO]... [--check] [--events N] [--slow-disk]
                             [-o table|json]

    Measures the built stageledger beside it against PostgreSQL on the same server, in turn.
      --quick          one short round, without the large logs; two minutes
      --only SCENARIO  those whose names begin so; may be given again
      --check          fails where a measurement misses its threshold
      --events N       lets the log grow to so many events; 1000000 by default
      --slow-disk      adds 1 ms to each flush of the server's log; needs a C compiler
      -o FORMAT        table or json; table by default
    Progress goes to standard error.
    """

  /// Reads the arguments.
  init(_ arguments: [String]) throws(BenchError) {
    var rest = arguments[...]
    func value(of name: String) throws(BenchError) -> String {
      guard let value = rest.popFirst() else { throw .usage("\(name) needs a value") }
      return value
    }
    while let argument = rest.popFirst() {
      switch argument {
      case "--quick": length = .quick
      case "--check": isChecked = true
      case "--slow-disk": isDiskSlow = true
      case "--help", "-h": isHelp = true
      case "--only": only.append(try value(of: argument))
      case "--events":
        let text = try value(of: argument)
        guard let number = Int(text), number > 0 else { throw .usage("not a number: \(text)") }
        eventsMax = number
      case "-o":
        let text = try value(of: argument)
        guard let format = Format(rawValue: text) else { throw .usage("not a format: \(text)") }
        self.format = format
      default: throw .usage("unknown argument \(argument)\n\n\(Self.help)")
      }
    }
  }
}
