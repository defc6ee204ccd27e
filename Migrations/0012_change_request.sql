-- The changes clouds are asked for and what came of each, by the position of the request. Like all
-- that events add up to, the rows can be thrown away and rebuilt.

CREATE TABLE ledger.change_request (
  project text COLLATE "C" NOT NULL,
  generation bigint NOT NULL,
  secret text COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  deadline timestamptz NOT NULL,
  unresolved_position bigint,
  settled_position bigint,
  PRIMARY KEY (project, generation, secret, position)
);

-- A secret has at most one open request: the next one waits until it is known what came of this.
CREATE UNIQUE INDEX change_request_open ON ledger.change_request (project, generation, secret)
  WHERE settled_position IS NULL;

ALTER TABLE ledger.change_request OWNER TO stageledger_owner;
GRANT SELECT, INSERT, UPDATE, DELETE ON ledger.change_request TO stageledger_writer;
GRANT SELECT ON ledger.change_request TO stageledger_auditor;
