// Migrate: brings the schema of the database up to this version.
//
// Called by `Main`; calls `Backend`.

/// The command `migrate`.
enum Migrate {
  /// Applies the missing steps, or only tells them.
  static func run(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let console = context.console
    let source = try DatabaseSource.open(
      context.configuration, say: { console.say($0) }, report: { _ in })
    defer { source.close() }
    let loops = try Backend.startLoops(1)
    defer { Backend.stop(loops) }
    if context.invocation.has("check") {
      let steps = try await Backend.schemaSteps(of: source, on: loops[0])
      for step in steps.applied { console.print("\(step) applied") }
      for step in steps.missing { console.print("\(step) missing") }
      return steps.missing.isEmpty ? .fine : .incomplete
    }
    let done = try await console.showingProgress("migrating") {
      () async throws(CommandError) -> [String] in
      try await Backend.migrate(source, on: loops[0])
    }
    for step in done { console.print("\(step) applied") }
    if done.isEmpty { console.say("the schema is up to date") }
    return .fine
  }
}
