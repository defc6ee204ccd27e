// ProgressBar: how far a long piece of work is, as text.
//
// Called by commands that know how much there is to do; pure. Printed by `Console`, on one line of
// a terminal or on lines of their own.

/// A bar and the numbers it stands for.
enum ProgressBar {
  private static let cells = 20

  /// `what`, and how far it is once it is known how much there is.
  static func text(_ what: String, done: Int, of total: Int) -> String {
    guard total > 0 else { return what }
    let done = min(max(done, 0), total)
    // In doubles, which no count overflows.
    let full = Int(Double(cells) * Double(done) / Double(total))
    let bar = String(repeating: "#", count: full) + String(repeating: "-", count: cells - full)
    return "\(what) [\(bar)] \(done) of \(total)"
  }
}
