// Alibaba Cloud KMS (2016-01-20), generic secrets: what its label operations allow and imply.
//
// Read by `decide`. Where the public documents are silent the choice is named in the comment:
// moving ACSCurrent by hand moves that one label only, putting a label where it already sits
// changes nothing, and the form of a label's name is the narrowest that holds all samples.

extension LabelRules {
  /// The rules of Alibaba Cloud KMS.
  ///
  /// - names of secrets: up to 192 letters, digits, `_ / + = . - @` and at most 64 Chinese
  ///   characters; not `acs/...`, which are managed secrets, whose labels nobody can move;
  /// - names of labels: `[A-Za-z0-9_.-]{1,64}` (our choice; the cloud publishes none);
  /// - version ids: whatever the caller names, up to 64 characters;
  /// - eight labels a secret, the built-in ones included;
  /// - `ACSCurrent` and `ACSPrevious` move freely but cannot be taken away;
  /// - where a label is moved from need not be said, but must be right when it is;
  /// - a scheduled deletion waits 7 to 30 days, 30 unless said.
  public static let alibaba = LabelRules(
    current: StageName(known: "ACSCurrent"),
    previous: StageName(known: "ACSPrevious"),
    pending: nil,
    previousFollows: .newVersionWithoutLabels,
    source: .optional,
    versionIDs: .named,
    permanent: [StageName(known: "ACSCurrent"), StageName(known: "ACSPrevious")],
    stagesMax: 8,
    recoveryDays: 7...30,
    recoveryDaysDefault: 30,
    acceptsSecret: { isAlibabaSecret($0.text) },
    acceptsStage: { stage in
      stage.text.utf8.count <= 64 && stage.text.utf8.allSatisfy { isWordByte($0) || $0 == 0x2E }
    },
    acceptsVersion: { _ in true })

  private static func isAlibabaSecret(_ text: String) -> Bool {
    guard !text.utf8.starts(with: "acs/".utf8), text.unicodeScalars.count <= 192 else {
      return false
    }
    var ideographs = 0
    for scalar in text.unicodeScalars {
      if (0x4E00...0x9FFF).contains(scalar.value) {
        ideographs += 1
      } else {
        guard let byte = UInt8(exactly: scalar.value), isCloudNameByte(byte) else { return false }
      }
    }
    return ideographs <= 64
  }

  /// Whether `byte` may stand in the name of a secret at Alibaba Cloud and AWS:
  /// `[A-Za-z0-9_/+=.@-]`.
  static func isCloudNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    // / + = . @
    case 0x2F, 0x2B, 0x3D, 0x2E, 0x40: true
    default: isWordByte(byte)
    }
  }
}
