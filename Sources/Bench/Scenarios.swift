// Scenarios: the table of what is measured, in the order in which it is.
//
// Read by `Main`; the long ones are in `LongScenarios`. Invariant: the names are those of the
// thresholds.

/// What is measured.
enum Scenarios {
  /// The scenarios of a run that may grow the log to so many events.
  static func all(eventsMax: Int) -> [Scenario] {
    [memoryIdle] + appends + reads + clouds + growth(eventsMax) + LongScenarios.all(eventsMax)
  }

  private static var appends: [Scenario] {
    [1, 16, 64, 256].map { clients in
      Scenario(
        name: "append-\(clients)", reference: .insert, clients: clients,
        length: clients == 16 || clients == 256 ? .full : .quick
      ) { bench, scenario throws(BenchError) in
        let filled = try bench.filled("huawei")
        return try bench.load(scenario) { filled.nextMove() }
      }
    } + [
      Scenario(name: "append-many-64", reference: .insert, clients: 64) {
        bench, scenario throws(BenchError) in
        let many = try bench.many()
        var turn = 0
        return try bench.load(scenario) {
          turn += 1
          return many[turn % many.count].nextMove()
        }
      },
      Scenario(name: "facts-16", reference: .insert, clients: 16) {
        bench, scenario throws(BenchError) in
        let filled = try bench.filled("huawei")
        var round = try bench.load(scenario) { filled.nextFacts(Filled.factsMax) }
        round.perSecond = round.perSecond.map { $0 * Double(Filled.factsMax) }
        round.processorSecondsEach = round.processorSecondsEach.map {
          $0 / Double(Filled.factsMax)
        }
        return round
      },
      Scenario(name: "append-open", reference: nil, clients: 256) {
        bench, scenario throws(BenchError) in
        let filled = try bench.filled("huawei")
        return try bench.load(scenario, bench.half(of: "append-64")) { filled.nextMove() }
      },
    ]
  }

  private static var reads: [Scenario] {
    [1, 64, 256].map { clients in
      read("label-\(clients)", .select, clients, clients == 256 ? .full : .quick) {
        $0.nextLabel()
      }
    } + [
      read("label-pipelined", .pipelinedSelect, 64, .full) { $0.nextLabel() },
      Scenario(name: "label-open", reference: nil, clients: 256) {
        bench, scenario throws(BenchError) in
        let filled = try bench.filled("huawei")
        return try bench.load(scenario, bench.half(of: "label-64")) { filled.nextLabel() }
      },
      read("question-64", .select, 64, .quick) { $0.nextQuestion() },
      read("travel-1", .select, 1, .full) { $0.nextTravel() },
      read("travel-64", .select, 64, .quick) { $0.nextTravel() },
      Scenario(name: "mixed-64", reference: .select, clients: 64) {
        bench, scenario throws(BenchError) in
        let filled = try bench.filled("huawei")
        var turn = 0
        return try bench.load(scenario) {
          turn += 1
          return turn % 10 == 0 ? filled.nextMove() : filled.nextLabel()
        }
      },
    ]
  }

  private static var clouds: [Scenario] {
    ["huawei", "alibaba", "aws"].map { provider in
      Scenario(name: "signed-\(provider)-64", reference: .select, clients: 64) {
        bench, scenario throws(BenchError) in
        let filled = try bench.filled(provider)
        return try bench.load(scenario) { () throws(BenchError) in
          try filled.nextSigned(provider)
        }
      }
    }
  }

  /// The same questions while the log grows.
  private static func growth(_ eventsMax: Int) -> [Scenario] {
    [10_000, 100_000, 1_000_000, 10_000_000].filter { $0 <= eventsMax }.flatMap { events in
      let asked: [(name: String, next: (Filled) -> [UInt8])] = [
        ("label", { $0.nextLabel() }), ("travel", { $0.nextTravel() }),
        ("append", { $0.nextMove() }),
      ]
      return asked.map { question in
        Scenario(
          name: "\(question.name)-at-\(events)",
          reference: question.name == "append" ? .insert : .select, clients: 64, length: .full,
          events: events
        ) { bench, scenario throws(BenchError) in
          let filled = try bench.grown()
          return try bench.load(scenario) { question.next(filled) }
        }
      }
    }
  }

  private static var memoryIdle: Scenario {
    Scenario(name: "memory-idle", reference: nil, clients: 0, repetition: .once) {
      bench, _ throws(BenchError) in
      let service = try bench.world.service()
      return Round(
        others: [
          "resident_mib": service.residentBytes / 1_048_576,
          "start_ms": service.startSeconds * 1_000,
        ])
    }
  }

  private static func read(
    _ name: String, _ reference: Reference, _ clients: Int, _ length: Options.Length,
    _ next: @escaping (Filled) -> [UInt8]
  ) -> Scenario {
    Scenario(name: name, reference: reference, clients: clients, length: length) {
      bench, scenario throws(BenchError) in
      let filled = try bench.filled("huawei")
      return try bench.load(scenario) { next(filled) }
    }
  }
}

extension Bench {
  /// Half of what a closed loop came to; a hundred a second where it has not run.
  fileprivate func half(of name: String) -> Pace {
    .open(perSecond: max(100, (rates[name] ?? 0) / 2))
  }
}
