-- What requests leave behind: the nonces of signed ones, and who read what and who was refused.

-- A signed request is good for one use: its nonce stands here until the request is too old to be
-- taken anyway. A row is only made for an access key of the project that has just proved itself.
CREATE TABLE ledger.nonce (
  project text COLLATE "C" NOT NULL,
  access_key text COLLATE "C" NOT NULL,
  nonce_sha256 bytea NOT NULL CHECK (octet_length(nonce_sha256) = 32),
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (project, access_key, nonce_sha256)
);

-- Rows whose time is over are taken away in small pieces, oldest first.
CREATE INDEX nonce_expiry ON ledger.nonce (project, expires_at);

-- One row stands for all requests of one second or so that differ in nothing but their time: hot
-- reads come a hundred thousand a second. It is written once, under the id of the last of them, so
-- that a repeated write changes nothing. Project '' is for requests refused before it was known
-- whose they are; nothing such a request claims of itself is kept.
CREATE TABLE ledger.access (
  project text COLLATE "C" NOT NULL,
  last_at timestamptz NOT NULL,
  request_id text COLLATE "C" NOT NULL,
  first_at timestamptz NOT NULL CHECK (first_at <= last_at),
  request_count bigint NOT NULL CHECK (request_count > 0),
  credential text COLLATE "C",
  source_ip text COLLATE "C",
  surface text COLLATE "C" NOT NULL,
  action text COLLATE "C",
  secret text COLLATE "C",
  stage text COLLATE "C",
  status bigint NOT NULL,
  reason text COLLATE "C",
  is_refused boolean NOT NULL,
  PRIMARY KEY (project, last_at, request_id)
);

ALTER TABLE ledger.nonce OWNER TO stageledger_owner;
ALTER TABLE ledger.access OWNER TO stageledger_owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON ledger.nonce TO stageledger_writer;
GRANT SELECT, INSERT ON ledger.access TO stageledger_writer;
GRANT SELECT ON ledger.access TO stageledger_auditor;
