// Demo: the command that shows the whole story on this machine, with no configuration.
//
// Called by `Main`; calls `DemoWorld` and `DemoStory`. Invariant: the private server and a
// temporary folder are gone when the program ends, however the story went.

import Glibc
import Synchronization

/// The command `demo`.
enum Demo {
  /// Whether a signal came and its handler is about to end the program.
  private static let isInterrupted = Atomic<Bool>(false)

  /// Tells the story, then serves until a signal unless told to end.
  static func run(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    context.console.say("starting a private PostgreSQL server for the demo ...")
    let ground = DemoGround(folder: context.option("data-dir"))
    Signals.onFirst { number in
      isInterrupted.store(true, ordering: .relaxed)
      ground.close()
      _exit(128 + number)
    }
    do throws(CommandError) {
      try await play(on: ground, context)
    } catch {
      // What fails because the ground is being taken away is no failure to tell of.
      while isInterrupted.load(ordering: .relaxed) {
        try? await Task.sleep(for: .seconds(1))
      }
      ground.close()
      throw error
    }
    ground.close()
    return .fine
  }

  private static func play(
    on ground: DemoGround, _ context: CommandContext
  ) async throws(CommandError) {
    let console = context.console
    let (log, sink) = Log.standardError(from: .error, now: systemNow)
    defer { sink.flush() }
    let world = try await DemoWorld.open(on: ground, log: log)
    let story = DemoStory(
      world: world, console: console, calendar: DemoCalendar(before: systemNow()))
    try await story.tell()
    if context.invocation.has("once") {
      console.print("\nEverything went as told.")
    } else {
      invite(to: world, console)
      _ = await Signals.first()
      console.say("stopping")
    }
    await world.close()
  }

  private static func invite(to world: DemoWorld, _ console: Console) {
    let ledger = world.ledger
    let path = "\(ledger.service.url)/ledger/v1/\(DemoWorld.projectName)"
    let cloudPath = "\(ledger.service.url)/v1/\(DemoWorld.projectName)"
    console.print(
      """

      Everything went as told. Try it yourself; Ctrl-C ends it.

        ledger   \(ledger.service.url)
        token    \(ledger.token)

        T=\(ledger.token)
        curl -s -H "X-Auth-Token: $T" "\(path)/secrets/\(DemoStory.secret)/stages/SYSCURRENT"
        curl -s -H "X-Auth-Token: $T" "\(path)/secrets/\(DemoStory.secret)/history?limit=5"
        curl -s -H "X-Auth-Token: $T" "\(path)/events?limit=2"
        curl -s -H "X-Auth-Token: $T" "\(cloudPath)/secrets/\(DemoStory.secret)/versions?limit=3"
        curl -s "\(ledger.service.url)/metrics"
      """)
  }
}
