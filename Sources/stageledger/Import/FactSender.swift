// FactSender: batches of facts on their way to the service.
//
// Called by `Import`; calls `LedgerClient`. A batch is recorded as a whole or not at all, and each
// fact has an id made from the trail's own: whatever became of a request that got no answer, it can
// be sent again. Invariant: a record the service refuses is said and left out, and stops no other.

import CanonicalJSON
import Foundation

/// Sends batches in order, one at a time.
struct FactSender: Sendable {
  private static let attemptsMax = 7

  let client: LedgerClient
  let project: String
  let tally: ImportTally
  let console: Console

  /// Sends the batches.
  func send(_ batches: [[ImportEntry]]) async -> Result<Void, CommandError> {
    for batch in batches {
      do throws(CommandError) {
        try await send(batch)
      } catch {
        return .failure(error)
      }
    }
    return .success(())
  }

  private func send(_ batch: [ImportEntry]) async throws(CommandError) {
    var rest = batch
    while !rest.isEmpty {
      let reply = try await answer(to: rest.flatMap(\.lines))
      if (200...299).contains(reply.status) {
        count(reply.json)
        return
      }
      // What a credential may not do it may not do for the next record either.
      guard ![401, 403].contains(reply.status), let index = reply.json["index"]?.integerValue,
        let refused = Self.entry(holding: index, in: rest)
      else {
        throw .client(.refused(status: reply.status, text: reply.refusal))
      }
      tally.count { $0.refused += 1 }
      console.say("\(rest[refused].locator): refused: \(visible(reply.refusal))")
      rest.remove(at: refused)
    }
  }

  /// The record whose lines hold the fact of that index.
  static func entry(holding index: Int64, in batch: [ImportEntry]) -> Int? {
    var end: Int64 = 0
    return batch.firstIndex { entry in
      end += Int64(entry.count)
      return index >= 0 && index < end
    }
  }

  private func count(_ json: JSONValue) {
    tally.count { counts in
      counts.appended += Int(clamping: json["appended"]?.integerValue ?? 0)
      for result in json["results"]?.arrayValue ?? [] {
        switch result["outcome"]?.stringValue {
        case "recorded": counts.recorded += 1
        case "refined": counts.refined += 1
        case "duplicate": counts.duplicate += 1
        default: counts.unchanged += 1
        }
      }
    }
  }

  /// The answer, asked for again while the service is away or overloaded: about a minute in all.
  private func answer(to lines: [UInt8]) async throws(CommandError) -> Reply {
    var attempt = 1
    while true {
      let reply: Result<Reply, ClientError>
      do throws(ClientError) {
        reply = .success(try await client.record(lines, in: project))
      } catch {
        reply = .failure(error)
      }
      guard attempt < Self.attemptsMax, Self.isWorthRepeating(reply) else {
        do throws(ClientError) { return try reply.get() } catch { throw .client(error) }
      }
      do { try await Task.sleep(for: .seconds(1 << (attempt - 1))) } catch {
        throw .client(.unreachable(client.address, reason: "called off"))
      }
      attempt += 1
    }
  }

  private static func isWorthRepeating(_ reply: Result<Reply, ClientError>) -> Bool {
    switch reply {
    case .success(let reply): [429, 502, 503, 504].contains(reply.status)
    case .failure(.unreachable): true
    case .failure(.badAddress), .failure(.unintelligible), .failure(.refused): false
    }
  }
}
