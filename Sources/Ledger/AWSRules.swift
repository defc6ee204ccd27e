// AWS Secrets Manager: what its label operations allow and imply.
//
// Read by `decide`. Where the public documents are silent the choice is named in the comment:
// putting a label where it already sits changes nothing and AWSPREVIOUS stays, and labels named for
// a version stay on it even when AWSPREVIOUS is one of them.

extension LabelRules {
  /// The rules of AWS Secrets Manager.
  ///
  /// - names of secrets: `[A-Za-z0-9/_+=.@!-]{1,512}`; the `!` is in those other services manage;
  /// - names of labels: 1 to 256 characters (the cloud publishes no narrower form);
  /// - version ids: 32 to 64 characters, named by the caller;
  /// - twenty labels a secret, the built-in ones included;
  /// - `AWSCURRENT` moves but cannot be taken away; `AWSPREVIOUS` can;
  /// - a label that sits on a version moves only for who names that version;
  /// - whenever `AWSCURRENT` leaves a version, `AWSPREVIOUS` goes there;
  /// - a version that comes without labels of its own also takes `AWSPENDING` off the version that
  ///   stops being current;
  /// - a scheduled deletion waits 7 to 30 days, 30 unless said.
  public static let aws = LabelRules(
    current: StageName(known: "AWSCURRENT"),
    previous: StageName(known: "AWSPREVIOUS"),
    pending: StageName(known: "AWSPENDING"),
    previousFollows: .everyMoveOfCurrent,
    source: .required,
    versionIDs: .named,
    permanent: [StageName(known: "AWSCURRENT")],
    stagesMax: 20,
    recoveryDays: 7...30,
    recoveryDaysDefault: 30,
    acceptsSecret: { secret in
      secret.text.utf8.allSatisfy { isCloudNameByte($0) || $0 == 0x21 }
    },
    acceptsStage: { _ in true },
    acceptsVersion: { $0.text.unicodeScalars.count >= 32 })
}
