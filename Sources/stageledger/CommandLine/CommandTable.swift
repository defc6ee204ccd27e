// CommandTable: what each command takes and says of itself in its help.
//
// Read by the parser and by `Help`. Invariant: every case of `Command` has its entry, since the
// switch has no default.

extension Command {
  /// Every command's description, in the order of the help.
  static let specs: [CommandSpec] = allCases.map(\.spec)

  private static let settings: [OptionSpec] = [
    OptionSpec(name: "config", value: "FILE", help: "take settings from KEY=VALUE lines")
  ]

  private static let database: [OptionSpec] =
    settings + [
      OptionSpec(name: "database-url", value: "URL", help: "the PostgreSQL database to use"),
      OptionSpec(
        name: "database-url-file", value: "FILE", help: "the same, read from a file"),
      OptionSpec(
        name: "data-dir", value: "DIR", help: "folder of the private database, without a URL"),
    ]

  private static let service: [OptionSpec] =
    settings + [
      OptionSpec(name: "url", value: "URL", help: "the service, http://127.0.0.1:8087 by default"),
      OptionSpec(
        name: "token-file", value: "FILE", help: "file with the token (or STAGELEDGER_TOKEN)"),
      OptionSpec(name: "project", value: "ID", help: "the project (or STAGELEDGER_PROJECT)"),
    ]

  private static let client: [OptionSpec] =
    service + [
      OptionSpec(name: "known-at", value: "TIME", help: "as it was known then; now by default")
    ]

  private static let format = OptionSpec(
    name: "o", value: "FORMAT", help: "table, json or csv; table by default")

  private static let upstream: [OptionSpec] = [
    OptionSpec(name: "not-found-status", value: "400|404", help: "status for what does not exist"),
    OptionSpec(name: "upstream-mode", value: "off|read|write", help: "what to do with the cloud"),
    OptionSpec(name: "upstream-url", value: "URL", help: "the address of the cloud's API"),
    OptionSpec(name: "upstream-project", value: "ID", help: "the project's name there"),
    OptionSpec(name: "upstream-region", value: "REGION", help: "the region, where it has one"),
    OptionSpec(
      name: "upstream-token-file", value: "FILE", help: "file with the cloud's token, read at use"),
    OptionSpec(
      name: "upstream-access-key", value: "KEY", help: "the access key that signs, not its secret"),
    OptionSpec(
      name: "upstream-secret-key-file", value: "FILE",
      help: "file with its secret key, mode 0600, read at use"),
  ]

  private static let webhook: [OptionSpec] = [
    OptionSpec(
      name: "webhook-url", value: "URL|off", help: "who is told of drift: https, or this machine"),
    OptionSpec(
      name: "webhook-secret-file", value: "FILE",
      help: "file with the secret the news are signed with, mode 0600, read at use"),
    OptionSpec(
      name: "webhook-from", value: "POSITION", help: "tell again from that position of the log"),
  ]

  private static let ownProject = OptionSpec(
    name: "project", value: "ID", help: "this project alone")

  /// What the command takes and says.
  var spec: CommandSpec {
    let words = rawValue.split(separator: " ").map(String.init)
    func make(
      _ summary: String, operands: [OperandSpec] = [], options: [OptionSpec], details: String,
      examples: [String]
    ) -> CommandSpec {
      CommandSpec(
        words: words, summary: summary, operands: operands, options: options, details: details,
        examples: examples)
    }
    switch self {
    case .serve:
      return make(
        "Run the service.",
        options: Self.database + [
          OptionSpec(
            name: "listen", value: "ADDRESS", help: "where to listen; 127.0.0.1:8087 by default"),
          OptionSpec(
            name: "reconcile-every", value: "TIME",
            help: "compare with the clouds this often, or off; 15m by default"),
          OptionSpec(
            name: "log-level", value: "LEVEL", help: "info, warning or error; info by default"),
          OptionSpec(
            name: "allow-unsafe-durability", value: nil,
            help: "serve a database that can lose commits"),
        ],
        details: """
          Prints one line with its address when it takes requests; logs on standard error. SIGTERM
          or Ctrl-C lets running requests end; a second one ends at once. Port 0 takes a free port.
          Without a database URL a private PostgreSQL server is started in the data folder.
          """,
        examples: ["serve", "serve --listen 127.0.0.1:0 --data-dir /tmp/ledger"])
    case .demo:
      return make(
        "Show the whole story on this machine, with no configuration.",
        options: [
          OptionSpec(name: "once", value: nil, help: "end after the story; 0 if it went as told"),
          OptionSpec(name: "data-dir", value: "DIR", help: "keep the database in this folder"),
        ],
        details: """
          Starts a private database, a ledger and a second instance that plays the live cloud;
          records a year of rotations, asks who held a label when, plants drift and finds it. Then
          serves until interrupted, so that you can try it yourself.
          """,
        examples: ["demo", "demo --once"])
    case .migrate:
      return make(
        "Bring the schema of the database up to this version.",
        options: Self.database + [
          OptionSpec(name: "check", value: nil, help: "change nothing; 0 if up to date, else 3")
        ],
        details: """
          Runs the steps the database does not have yet, each in its own transaction. Needs a role
          that may make schemas and roles; the service itself needs far less.
          """,
        examples: ["migrate", "migrate --check"])
    case .rebuild:
      return make(
        "Fold all events into new projections and switch to them.",
        options: Self.database + [Self.ownProject, Self.format],
        details: """
          Writes the new projections beside the live ones, compares both, and switches in one
          transaction while the service runs. Differences are listed and the exit status is 2.
          """,
        examples: ["rebuild", "rebuild --project 0123456789abcdef0123456789abcdef"])
    case .verify:
      return make(
        "Read everything again and check it against its hashes.",
        options: Self.database + [Self.ownProject, Self.format],
        details: """
          Hashes every stored event, recomputes the tree, and holds columns and projections against
          the events. Exit status 2 and the first wrong position when something does not fit.
          """,
        examples: ["verify", "verify -o json"])
    case .access:
      return make(
        "List who read what and who was refused.",
        options: Self.database + [
          Self.ownProject,
          OptionSpec(name: "since", value: "TIME", help: "from then on; all by default"),
          OptionSpec(name: "credential", value: "NAME", help: "of this credential alone"),
          OptionSpec(name: "refused", value: nil, help: "what was refused alone"),
          Self.format,
        ],
        details: """
          Reads the access log in the database, project by project and oldest first. A row stands
          for all requests of about a second that differ in nothing but their time. What was refused
          before it was known whose it is comes first, without a project; --project leaves it out.
          """,
        examples: [
          "access --since \"2h ago\" --refused",
          "access --project 0123456789abcdef0123456789abcdef --credential pipeline -o csv",
        ])
    case .reconcile:
      return make(
        "Compare the record with the live cloud once.",
        options: Self.database + [
          Self.ownProject,
          OptionSpec(
            name: "o", value: "FORMAT",
            help: "table, json, junit, sarif, markdown or html; table by default"),
          OptionSpec(
            name: "adopt", value: nil, help: "record what differs as it is in the cloud, as facts"),
          OptionSpec(name: "reason", value: "TEXT", help: "why, in the facts that are adopted"),
          OptionSpec(
            name: "ticket", value: "ID", help: "the ticket, in the facts that are adopted"),
        ],
        details: """
          Reads the cloud of every project whose upstream mode is read, and records drift that
          appeared or went away; goes on after a project that cannot be compared, and says so. Exit
          status 2 when there is drift that nobody acknowledged, 3 when something could not be
          looked at or nothing was in scope, 1 when no project could be compared.
          With --adopt what both looks saw alike is recorded: at the cloud's own time where it tells
          one, else between the last look that agreed and this one. The findings are resolved by the
          same run. One run of a project is made at a time, wherever it was started.
          """,
        examples: ["reconcile", "reconcile -o html > drift.html", "reconcile -o junit"])
    case .drift:
      return make(
        "List what differs between the record and the cloud.",
        options: Self.client + [
          OptionSpec(
            name: "state", value: "STATE",
            help: "open, acknowledged, resolved or all; open by default"),
          Self.format,
        ],
        details: """
          Asks the service over HTTP, page by page, what the drift runs found. With --known-at, what
          was drift at that moment. `drift acknowledge` says that a finding is known.
          """,
        examples: ["drift", "drift --known-at 2026-03-04 -o csv", "drift --state all"])
    case .driftAcknowledge:
      return make(
        "Say that a finding is known and may stand.",
        operands: [OperandSpec(name: "ID", need: .required)],
        options: Self.service + [
          OptionSpec(name: "reason", value: "TEXT", help: "why; must be given"),
          OptionSpec(
            name: "until", value: "TIME",
            help: "when that is over; without it, once the finding changes or is gone"),
          OptionSpec(name: "ticket", value: "TEXT", help: "the change ticket"),
        ],
        details: """
          Records it over HTTP, in your credential's name. Until then the finding is shown as
          acknowledged and `reconcile` does not end with 2 for it. Saying it again replaces it.
          """,
        examples: [
          """
          drift acknowledge 0123456789abcdef0123456789abcdef --reason "moves on Friday" \
          --until 2026-03-07
          """
        ])
    case .at:
      return make(
        "Say which version held a label at a moment.",
        operands: [
          OperandSpec(name: "SECRET", need: .required), OperandSpec(name: "STAGE", need: .required),
        ],
        options: Self.client + [
          OptionSpec(name: "effective-at", value: "TIME", help: "at that moment; now by default"),
          Self.format,
        ],
        details: """
          Asks the service over HTTP. A time is 2026-03-04T05:06:07Z, a date (midnight UTC) or
          "2h ago"; what was understood is said on standard error.
          """,
        examples: [
          "at db-password SYSCURRENT --effective-at 2026-03-04",
          "at db-password SYSCURRENT --effective-at 2026-03-04 --known-at 2026-03-05T12:00:00Z",
        ])
    case .history:
      return make(
        "List every change of a secret's labels, or of one of them.",
        operands: [
          OperandSpec(name: "SECRET", need: .required), OperandSpec(name: "STAGE", need: .optional),
        ],
        options: Self.client + [
          OptionSpec(
            name: "both", value: nil, help: "also what was told before, and until when"),
          Self.format,
        ],
        details: """
          Asks the service over HTTP, page by page. With --both there is a row for every stretch
          that was ever told: it was so from SINCE to UNTIL, as was told from KNOWN SINCE to KNOWN
          UNTIL. What is told no more comes first.
          """,
        examples: [
          "history db-password", "history db-password SYSCURRENT -o csv",
          "history db-password --both",
        ])
    case .snapshot:
      return make(
        "List every label at a moment.",
        options: Self.client + [
          OptionSpec(name: "effective-at", value: "TIME", help: "at that moment; now by default"),
          Self.format,
        ],
        details: "Asks the service over HTTP and prints the lines as they come.",
        examples: ["snapshot --effective-at 2026-03-04", "snapshot --known-at pos:41 -o csv"])
    case .diff:
      return make(
        "List the labels told of differently at two moments.",
        options: Self.client + [
          OptionSpec(name: "from", value: "TIME", help: "the first; must be given"),
          OptionSpec(name: "to", value: "TIME", help: "the second; now by default"),
          OptionSpec(
            name: "axis", value: "AXIS",
            help: "effective: what changed between; known: what was learned between"),
          OptionSpec(
            name: "effective-at", value: "TIME", help: "with --axis known: about that moment"),
          Self.format,
        ],
        details: """
          Asks the service over HTTP. With --axis known, --from and --to may be positions, such as
          pos:41.
          """,
        examples: [
          "diff --from \"7d ago\"", "diff --axis known --from pos:41 --effective-at 2026-03-04",
        ])
    case .age:
      return make(
        "List the versions that hold a label for long.",
        options: Self.client + [
          OptionSpec(name: "stage", value: "STAGE", help: "of this label alone"),
          OptionSpec(
            name: "older-than", value: "SPAN", help: "for at least 90d, 2w, 24h, 15m, 30s"),
          OptionSpec(name: "effective-at", value: "TIME", help: "at that moment; now by default"),
          Self.format,
        ],
        details: "Asks the service over HTTP and prints the lines as they come.",
        examples: ["age --stage SYSCURRENT --older-than 90d"])
    case .late:
      return make(
        "List what was recorded long after it was true.",
        options: Self.service + [
          OptionSpec(
            name: "min-delay", value: "SPAN", help: "at least that long; 24h by default"),
          Self.format,
        ],
        details: "Asks the service over HTTP, page by page.",
        examples: ["late --min-delay 1h -o csv"])
    case .export:
      return make(
        "Write the log, or a part of it, for other tools.",
        operands: [OperandSpec(name: "FILE", need: .optional)],
        options: Self.service + [
          OptionSpec(
            name: "format", value: "FORMAT",
            help: "jsonl, csv, cloudevents or ocsf; jsonl by default"),
          OptionSpec(
            name: "after", value: "POSITION", help: "begin after this event; else at the start"),
          OptionSpec(
            name: "until", value: "TIME", help: "end with what was recorded by then, or pos:41"),
        ],
        details: """
          Asks the service over HTTP, page by page, up to the newest event there is at the start.
          jsonl is the stored bytes of each event, the ones that were hashed, on a line of its own;
          csv has a column for each member; cloudevents is a CloudEvent 1.0 a line; ocsf an Entity
          Management event (class 3004) of OCSF 1.4.0 a line. FILE appears whole or not at all;
          without it, or with -, standard output is used. Status 0 means that nothing is missing.
          """,
        examples: [
          "export log.jsonl", "export --after 41 --format cloudevents",
          "export --until 2026-03-04 --format csv march.csv",
        ])
    case .importTrail:
      return make(
        "Record what a cloud's audit trail tells of labels.",
        operands: [OperandSpec(name: "FILE", need: .repeated)],
        options: Self.service + [
          OptionSpec(
            name: "format", value: "TRAIL", help: "cts, actiontrail or cloudtrail; must be given"),
          OptionSpec(
            name: "scope", value: "SCOPE",
            help: "only of this ACCOUNT/REGION, or Huawei Cloud project"),
          OptionSpec(name: "dry-run", value: nil, help: "read and count; send nothing"),
          OptionSpec(name: "o", value: "FORMAT", help: "table or json; table by default"),
        ],
        details: """
          Reads files as the clouds deliver them, unpacked: an object a line, an array, or an object
          with the array in it (Records, Events, traces); - or no FILE is standard input. Sends what
          is about labels to the service, in order of time within some thousands of records. What
          is known already is not recorded twice: after an interruption, run it again.
          Records that cannot be kept, or not fully, are named on standard error with file and
          line; the status is 3 then, and also when there was no record at all.
          """,
        examples: [
          "import --format cloudtrail trail-2026-03-*.json",
          "import --format cts --dry-run traces.json",
        ])
    case .projectCreate:
      return make(
        "Make a project.",
        operands: [OperandSpec(name: "ID", need: .required)],
        options: Self.database + [
          OptionSpec(
            name: "provider", value: "CLOUD", help: "whose rules it keeps: huawei, alibaba or aws")
        ] + Self.upstream,
        details: """
          A project is a tenant with its own log. The upstream options name the live cloud it is
          compared with: huawei needs the URL, the project, and a token or an access key; alibaba
          the URL and an access key; aws the URL, the region and an access key. The files of token
          and secret key are read on the machine of the service, at each use, and never stored.
          """,
        examples: [
          "project create 0123456789abcdef0123456789abcdef --provider huawei",
          """
          project create p1 --provider huawei --upstream-mode read \
          --upstream-url https://kms.eu-west-101.myhuaweicloud.eu \
          --upstream-project 0123456789abcdef0123456789abcdef --upstream-token-file /run/token
          """,
          """
          project create p2 --provider aws --upstream-mode read --upstream-region eu-west-1 \
          --upstream-url https://secretsmanager.eu-west-1.amazonaws.com \
          --upstream-access-key AKIAIOSFODNN7EXAMPLE --upstream-secret-key-file /run/secret-key
          """,
        ])
    case .projectSet:
      return make(
        "Change the settings of a project.",
        operands: [OperandSpec(name: "ID", need: .required)],
        options: Self.database + Self.upstream + Self.webhook,
        details: """
          Changes what is named and leaves the rest. Takes effect within two seconds. News of drift
          are sent to the webhook signed, in order, each until it is taken; a webhook that is first
          set begins with what comes, --webhook-from says otherwise.
          """,
        examples: ["project set p1 --upstream-mode off", "project set p1 --not-found-status 404"])
    case .projectList:
      return make(
        "List the projects.", options: Self.database + [Self.format],
        details: "Lists every project with its settings.", examples: ["project list -o json"])
    case .projectShow:
      return make(
        "Show one project.", operands: [OperandSpec(name: "ID", need: .required)],
        options: Self.database + [Self.format], details: "Shows the settings of one project.",
        examples: ["project show p1"])
    case .credentialCreate:
      return make(
        "Make a credential and print its token and keys, once.",
        operands: [OperandSpec(name: "NAME", need: .required)],
        options: Self.database + [
          OptionSpec(name: "project", value: "ID", help: "the project it belongs to"),
          OptionSpec(
            name: "policy", value: "POLICY",
            help: "admin, writer, reader, auditor or a JSON file; reader by default"),
        ],
        details: """
          Prints {"name", "token", "access_key", "secret_key"} on standard output. A hash of the
          token is stored and the secret key only sealed, so neither can be shown again. The sealing
          key is STAGELEDGER_SECRET_KEY_FILE (32 bytes in base 64, mode 0600) or
          STAGELEDGER_SECRET_KEY; a private database makes its own. Without one, both keys are null.
          A policy file holds statements of Effect, Action, Resource and Condition.
          """,
        examples: [
          "credential create pipeline --project p1 --policy writer",
          "credential create audit --project p1 --policy ./policy.json",
        ])
    case .credentialList:
      return make(
        "List the credentials of a project.",
        options: Self.database + [
          OptionSpec(name: "project", value: "ID", help: "the project"), Self.format,
        ],
        details: "Revoked ones are listed too.", examples: ["credential list --project p1"])
    case .credentialRevoke:
      return make(
        "End a credential.", operands: [OperandSpec(name: "NAME", need: .required)],
        options: Self.database + [
          OptionSpec(name: "project", value: "ID", help: "the project it belongs to")
        ],
        details: "Running services refuse its token and its access key within two seconds.",
        examples: ["credential revoke pipeline --project p1"])
    case .credentialRekey:
      return make(
        "Seal all secret keys with another key.", options: Self.database,
        details: """
          Takes the key of before from STAGELEDGER_PREVIOUS_SECRET_KEY_FILE and the other one from
          STAGELEDGER_SECRET_KEY_FILE. First give both to the running services, then run this; when
          it has ended with 0 the key of before is not needed any more. It can be run again.
          """,
        examples: ["credential rekey"])
    }
  }
}
