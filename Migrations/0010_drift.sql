-- Drift that people answer for: acknowledgements of findings, and the runs that look for drift.

-- The newest acknowledgement of a finding as it stands, as canonical JSON; its end beside it, so
-- that the findings nobody has answered for can be asked for.
ALTER TABLE ledger.finding
  ADD COLUMN acknowledgement text,
  ADD COLUMN acknowledged_until timestamptz;

-- What was drift at a past moment: the events about findings, few among many.
CREATE INDEX event_drift ON ledger.event (project, position)
  WHERE type IN ('drift.opened', 'drift.resolved', 'drift.acknowledged');

-- A run that was asked for. What it found is in the log under its id; here stands only whether it
-- has ended, and how: with the position of its own event, or without one and why.
CREATE TABLE ledger.drift_run (
  project text COLLATE "C" NOT NULL,
  run text COLLATE "C" NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz,
  position bigint,
  failure text COLLATE "C",
  PRIMARY KEY (project, run),
  CHECK ((ended_at IS NULL) = (position IS NULL AND failure IS NULL)),
  CHECK (position IS NULL OR failure IS NULL)
);

CREATE INDEX drift_run_order ON ledger.drift_run (project, started_at, run);

ALTER TABLE ledger.drift_run OWNER TO stageledger_owner;
GRANT SELECT, INSERT, UPDATE ON ledger.drift_run TO stageledger_writer;
GRANT SELECT ON ledger.drift_run TO stageledger_auditor;
