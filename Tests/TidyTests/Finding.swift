// A place in the project that breaks a rule of layout.
//
// Made by the rules of this folder, shown by their suites. Invariant: the path is relative to the
// project, so that a message reads the same on every machine.

import Testing

/// A broken rule and where.
struct Finding: Equatable, CustomStringConvertible {
  let path: String
  let line: Int
  let message: String

  var description: String {
    "\(path):\(line): \(message)"
  }
}

/// Records each finding as a failure at its own file and line.
func report(_ findings: [Finding]) {
  for finding in findings {
    Issue.record(
      Comment(rawValue: finding.description),
      sourceLocation: SourceLocation(
        fileID: "stageledger/\(finding.path)", filePath: finding.path, line: finding.line, column: 1
      ))
  }
}
