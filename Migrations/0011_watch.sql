-- The watch over a cloud: what it vouches for is read through four small indexes, which hold
-- nothing of a project nobody watches.

CREATE INDEX event_watch ON ledger.event (project, effective_at, position)
  WHERE type IN ('watch.started', 'watch.stopped');
CREATE INDEX event_look ON ledger.event (project, effective_at, position, effective_after)
  WHERE type = 'reconciliation.completed';
CREATE INDEX event_gap ON ledger.event (project, effective_at, effective_after, position)
  WHERE type = 'watch.gap';
CREATE INDEX event_unresolved ON ledger.event (project, secret, stage, effective_at)
  WHERE type = 'change.unresolved';

-- What only one instance may do at a time, and until when it is believed to be alive. The clock is
-- the database's.
CREATE TABLE ledger.lease (
  project text COLLATE "C" NOT NULL REFERENCES ledger.project (project),
  name text COLLATE "C" NOT NULL,
  holder text COLLATE "C" NOT NULL,
  taken_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (project, name)
) WITH (fillfactor = 50);

-- Where news of drift goes, and the position of the next event to tell.
CREATE TABLE ledger.webhook (
  project text COLLATE "C" NOT NULL REFERENCES ledger.project (project),
  url text NOT NULL,
  secret_file text NOT NULL,
  next_position bigint NOT NULL CHECK (next_position >= 0),
  PRIMARY KEY (project)
) WITH (fillfactor = 50);

ALTER TABLE ledger.lease OWNER TO stageledger_owner;
ALTER TABLE ledger.webhook OWNER TO stageledger_owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON ledger.lease, ledger.webhook TO stageledger_writer;
GRANT SELECT ON ledger.lease, ledger.webhook TO stageledger_auditor;
