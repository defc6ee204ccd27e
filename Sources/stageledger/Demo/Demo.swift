// Demo: the command that shows the whole story on this machine, with no configuration.
//
// Called by `Main`; calls `DemoWorld` and `DemoStory`. Invariant: the private server and a
// temporary folder are gone when the program ends, however the story went.

import Glibc

/// The command `demo`.
enum Demo {
  /// Tells the story, then serves until a signal unless told to end.
  static func run(_ context: CommandContext) async throws(CommandError) -> ExitCode {
    let console = context.console
    console.say("starting a private PostgreSQL server for the demo ...")
    let ground = try DemoGround(folder: context.option("data-dir"))
    defer { ground.close() }
    Signals.onFirst { number in
      ground.close()
      _exit(128 + number)
    }
    let (log, sink) = Log.standardError(from: .error, now: systemNow)
    defer { sink.flush() }
    let world = try await DemoWorld.open(on: ground, log: log)
    let story = DemoStory(
      world: world, console: console, calendar: DemoCalendar(before: systemNow()))
    let result: Result<Void, CommandError>
    do throws(CommandError) {
      result = .success(try await story.tell())
    } catch {
      result = .failure(error)
    }
    if case .success = result {
      if context.invocation.has("once") {
        console.print("\nEverything went as told.")
      } else {
        invite(to: world, console)
        _ = await Signals.first()
        console.say("stopping")
      }
    }
    await world.close()
    try result.get()
    return .fine
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
