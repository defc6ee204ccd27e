-- Tenants and those who may act in them. Every key begins with the project.

CREATE TABLE ledger.project (
  project text COLLATE "C" NOT NULL,
  provider text NOT NULL CHECK (provider IN ('huawei', 'alibaba', 'aws')),
  not_found_status text NOT NULL CHECK (not_found_status IN ('400', '404')),
  upstream_mode text NOT NULL CHECK (upstream_mode IN ('off', 'read', 'write')),
  upstream_url text,
  upstream_project text,
  upstream_region text,
  upstream_token_file text,
  -- Which rows of the projection tables are the live ones; a rebuild writes the next generation and
  -- then switches this number.
  generation bigint NOT NULL CHECK (generation >= 0),
  created_at timestamptz NOT NULL,
  PRIMARY KEY (project)
);

CREATE TABLE ledger.credential (
  project text COLLATE "C" NOT NULL REFERENCES ledger.project (project),
  name text COLLATE "C" NOT NULL,
  token_sha256 bytea NOT NULL CHECK (octet_length(token_sha256) = 32),
  policy text NOT NULL,
  created_at timestamptz NOT NULL,
  revoked_at timestamptz,
  PRIMARY KEY (project, name)
);

-- A request names no project until its token is known: this one look-up is across projects.
CREATE UNIQUE INDEX credential_token ON ledger.credential (token_sha256, project);

ALTER TABLE ledger.project OWNER TO stageledger_owner;
ALTER TABLE ledger.credential OWNER TO stageledger_owner;
GRANT SELECT, INSERT, UPDATE ON ledger.project, ledger.credential TO stageledger_writer;
GRANT SELECT ON ledger.project TO stageledger_auditor;
GRANT SELECT (project, name, policy, created_at, revoked_at) ON ledger.credential
  TO stageledger_auditor;
