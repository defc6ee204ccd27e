// Which failures may be tried again, and which leave the outcome open: never both.

import PostgresClient
import Testing

@Suite struct PostgresErrorTests {
  private static func server(_ sqlState: String) -> PostgresError {
    .server(.init(sqlState: sqlState, severity: "ERROR", message: "m"))
  }

  @Test(
    arguments: [
      .unavailable(reason: "r"), .deadlineExceeded(sent: false),
      .connectionLost(sent: false, reason: "r"), server("40001"), server("40P01"), server("55P03"),
      server("53300"), server("57P03"),
    ] as [PostgresError])
  func `what certainly did not happen and may pass is safe to retry`(_ error: PostgresError) {
    #expect(error.isSafeToRetry)
    #expect(!error.isOutcomeUnknown)
  }

  @Test(
    arguments: [
      .deadlineExceeded(sent: true), .connectionLost(sent: true, reason: "r"), server("40003"),
      server("08006"), .protocolViolation("p"),
    ] as [PostgresError])
  func `what may have happened is unknown and not retried`(_ error: PostgresError) {
    #expect(!error.isSafeToRetry)
    #expect(error.isOutcomeUnknown)
  }

  @Test(
    arguments: [
      server("23505"), server("42601"), server("57014"),
      .decoding(statement: "s", column: 0, problem: .null),
    ] as [PostgresError])
  func `what would fail again is neither`(_ error: PostgresError) {
    #expect(!error.isSafeToRetry)
    #expect(!error.isOutcomeUnknown)
  }
}
