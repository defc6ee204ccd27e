-- The record. `canonical` is what is hashed and never changes; the columns beside it are for
-- indexes and are held against the bytes by `stageledger verify`. A row is only ever written under
-- the lock of its project's head, which refers to the project: a foreign key of its own would cost
-- a look-up an event and prove nothing more.

CREATE TABLE ledger.head (
  project text COLLATE "C" NOT NULL REFERENCES ledger.project (project),
  next_position bigint NOT NULL CHECK (next_position >= 0),
  last_recorded_at timestamptz,
  -- The right edge of the Merkle tree: the roots of its perfect subtrees, largest first.
  tree_edge bytea NOT NULL,
  PRIMARY KEY (project)
) WITH (fillfactor = 50);

CREATE TABLE ledger.event (
  project text COLLATE "C" NOT NULL,
  position bigint NOT NULL CHECK (position >= 0),
  event_id text COLLATE "C" NOT NULL,
  type text COLLATE "C" NOT NULL,
  secret text COLLATE "C",
  stream_version bigint,
  stage text COLLATE "C",
  version_id text COLLATE "C",
  effective_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  canonical bytea NOT NULL,
  leaf_hash bytea NOT NULL CHECK (octet_length(leaf_hash) = 32),
  PRIMARY KEY (project, position)
);

-- One event, one id: also how a connection lost while committing is settled.
CREATE UNIQUE INDEX event_id ON ledger.event (project, event_id);
-- One secret's events in order: the rebuild folds along it.
CREATE UNIQUE INDEX event_stream ON ledger.event (project, secret, stream_version);
-- Which version at T as known at K: read backwards until a position that was known.
CREATE INDEX event_stage ON ledger.event (project, secret, stage, effective_at, position)
  WHERE type IN ('stage.assigned', 'stage.removed');
-- A moment on the axis of knowledge becomes a position; recorded times strictly rise.
CREATE UNIQUE INDEX event_recorded ON ledger.event (project, recorded_at);

CREATE FUNCTION ledger.refuse_change() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION '% of ledger.% is refused: the record is only ever appended to',
    TG_OP, TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER event_is_immutable BEFORE UPDATE OR DELETE ON ledger.event
  FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER event_is_kept BEFORE TRUNCATE ON ledger.event
  FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- What a key was answered with: the events it appended, or the change that already stood.
CREATE TABLE ledger.idempotency (
  project text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  request_sha256 bytea NOT NULL CHECK (octet_length(request_sha256) = 32),
  first_position bigint,
  event_count bigint NOT NULL CHECK (event_count >= 0),
  standing_position bigint,
  standing_effective_at timestamptz,
  recorded_at timestamptz NOT NULL,
  PRIMARY KEY (project, key)
);

ALTER FUNCTION ledger.refuse_change() OWNER TO stageledger_owner;
ALTER TABLE ledger.head OWNER TO stageledger_owner;
ALTER TABLE ledger.event OWNER TO stageledger_owner;
ALTER TABLE ledger.idempotency OWNER TO stageledger_owner;
GRANT SELECT, INSERT, UPDATE ON ledger.head TO stageledger_writer;
GRANT SELECT, INSERT ON ledger.event, ledger.idempotency TO stageledger_writer;
GRANT SELECT ON ledger.head, ledger.event, ledger.idempotency TO stageledger_auditor;
