-- What the events add up to. Every row can be thrown away and rebuilt; `generation` keeps the rows
-- a rebuild writes beside the live ones until it switches `ledger.project.generation`.

CREATE TABLE ledger.secret (
  project text COLLATE "C" NOT NULL,
  generation bigint NOT NULL,
  secret text COLLATE "C" NOT NULL,
  stream_version bigint NOT NULL,
  life text NOT NULL CHECK (life IN ('unregistered', 'enabled', 'pending_deletion', 'deleted')),
  delete_at timestamptz,
  registered_position bigint,
  registered_at timestamptz,
  changed_at timestamptz,
  version_number_max bigint NOT NULL,
  data text NOT NULL,
  PRIMARY KEY (project, generation, secret)
);

CREATE TABLE ledger.version (
  project text COLLATE "C" NOT NULL,
  generation bigint NOT NULL,
  secret text COLLATE "C" NOT NULL,
  version_id text COLLATE "C" NOT NULL,
  registered_position bigint NOT NULL,
  registered_at timestamptz NOT NULL,
  is_removed boolean NOT NULL,
  data text NOT NULL,
  PRIMARY KEY (project, generation, secret, version_id)
);

CREATE INDEX version_order
  ON ledger.version (project, generation, secret, registered_position);

CREATE TABLE ledger.stage (
  project text COLLATE "C" NOT NULL,
  generation bigint NOT NULL,
  secret text COLLATE "C" NOT NULL,
  stage text COLLATE "C" NOT NULL,
  version_id text COLLATE "C",
  effective_at timestamptz NOT NULL,
  position bigint NOT NULL,
  PRIMARY KEY (project, generation, secret, stage)
) WITH (fillfactor = 80);

CREATE TABLE ledger.finding (
  project text COLLATE "C" NOT NULL,
  generation bigint NOT NULL,
  finding text COLLATE "C" NOT NULL,
  opened_position bigint NOT NULL,
  resolved_position bigint,
  data text NOT NULL,
  PRIMARY KEY (project, generation, finding)
);

ALTER TABLE ledger.secret OWNER TO stageledger_owner;
ALTER TABLE ledger.version OWNER TO stageledger_owner;
ALTER TABLE ledger.stage OWNER TO stageledger_owner;
ALTER TABLE ledger.finding OWNER TO stageledger_owner;
GRANT SELECT, INSERT, UPDATE, DELETE
  ON ledger.secret, ledger.version, ledger.stage, ledger.finding TO stageledger_writer;
GRANT SELECT ON ledger.secret, ledger.version, ledger.stage, ledger.finding
  TO stageledger_auditor;
