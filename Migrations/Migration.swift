// Migrations: the schema as numbered SQL texts, embedded in the program.
//
// Read by `LedgerStore/Migrator`. Forward only: a text that has been released is never edited, and
// the migrator refuses a database whose recorded digests differ from these.

/// One step of the schema.
public struct Migration: Sendable {
  /// Its number; steps run in this order, without gaps.
  public let number: Int64
  /// What it is about, as in its file name.
  public let name: String
  /// The SQL, run in one transaction.
  public let sql: [UInt8]

  /// Every step, in order.
  public static let all: [Migration] = [
    Migration(number: 1, name: "role", sql: PackageResources._001_role_sql),
    Migration(number: 2, name: "project", sql: PackageResources._002_project_sql),
    Migration(number: 3, name: "event", sql: PackageResources._003_event_sql),
    Migration(number: 4, name: "projection", sql: PackageResources._004_projection_sql),
    Migration(number: 5, name: "secret_key", sql: PackageResources._005_secret_key_sql),
    Migration(number: 6, name: "access", sql: PackageResources._006_access_sql),
    Migration(number: 7, name: "refinement", sql: PackageResources._007_refinement_sql),
    Migration(number: 8, name: "late", sql: PackageResources._008_late_sql),
    Migration(number: 9, name: "life", sql: PackageResources._009_life_sql),
    Migration(number: 10, name: "drift", sql: PackageResources._010_drift_sql),
    Migration(number: 11, name: "watch", sql: PackageResources._011_watch_sql),
    Migration(
      number: 12, name: "change_request", sql: PackageResources._012_change_request_sql),
    Migration(number: 13, name: "upstream_key", sql: PackageResources._013_upstream_key_sql),
  ]
}
