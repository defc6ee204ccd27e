// Huawei Cloud CSMS: what its label operations allow and imply.
//
// Where the public documents are silent the choice is named in the comment: moving SYSCURRENT by
// hand moves that one label only, and putting a label where it already sits changes nothing.

extension LabelRules {
  /// The rules of Huawei Cloud CSMS.
  ///
  /// - names of secrets and labels: `[a-zA-Z0-9_-]{1,64}`, case-sensitive;
  /// - version ids: `v` and up to 63 digits, numbered by the service from `v1`;
  /// - twelve labels a secret, the built-in ones included;
  /// - `SYSCURRENT` and `SYSPREVIOUS` move freely but cannot be deleted;
  /// - a scheduled deletion waits 7 to 30 days, 30 unless said.
  public static let huawei = LabelRules(
    current: StageName(known: "SYSCURRENT"),
    previous: StageName(known: "SYSPREVIOUS"),
    pending: nil,
    previousFollows: .newVersionWithoutLabels,
    source: .optional,
    versionIDs: .counted,
    permanent: [StageName(known: "SYSCURRENT"), StageName(known: "SYSPREVIOUS")],
    stagesMax: 12,
    recoveryDays: 7...30,
    recoveryDaysDefault: 30,
    acceptsSecret: { isWord($0.text, bytesMax: 64) },
    acceptsStage: { isWord($0.text, bytesMax: 64) },
    acceptsVersion: { version in
      version.text.utf8.first == 0x76
        && version.text.utf8.dropFirst().allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
    })

  private static func isWord(_ text: String, bytesMax: Int) -> Bool {
    text.utf8.count <= bytesMax && text.utf8.allSatisfy(isWordByte)
  }
}
