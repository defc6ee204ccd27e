-- Facts about the life of a secret and about its versions: each may come late, so the row must tell
-- since when it is as it is.

ALTER TABLE ledger.secret
  ADD COLUMN life_at timestamptz,
  ADD COLUMN life_position bigint,
  ADD COLUMN deleted_at timestamptz,
  ADD COLUMN deleted_position bigint;
ALTER TABLE ledger.version
  ADD COLUMN removed_at timestamptz,
  ADD COLUMN removed_position bigint;

-- What stands was all recorded when it was true: the last in position is the last in time.
UPDATE ledger.secret AS s SET life_at = e.effective_at, life_position = e.position
FROM (
  SELECT DISTINCT ON (project, secret) project, secret, effective_at, position
  FROM ledger.event
  WHERE type IN ('secret.registered', 'secret.deletion_scheduled', 'secret.restored',
    'secret.deleted')
  ORDER BY project, secret, position DESC) AS e
WHERE e.project = s.project AND e.secret = s.secret;
UPDATE ledger.secret AS s SET deleted_at = e.effective_at, deleted_position = e.position
FROM (
  SELECT DISTINCT ON (project, secret) project, secret, effective_at, position
  FROM ledger.event WHERE type = 'secret.deleted'
  ORDER BY project, secret, position DESC) AS e
WHERE e.project = s.project AND e.secret = s.secret;
UPDATE ledger.version AS v SET removed_at = e.effective_at, removed_position = e.position
FROM (
  SELECT DISTINCT ON (project, secret, version_id) project, secret, version_id, effective_at,
    position
  FROM ledger.event WHERE type = 'version.removed'
  ORDER BY project, secret, version_id, position DESC) AS e
WHERE e.project = v.project AND e.secret = v.secret AND e.version_id = v.version_id
  AND e.position > v.registered_position;

ALTER TABLE ledger.version DROP COLUMN is_removed;
DROP INDEX ledger.version_order;
CREATE INDEX version_order
  ON ledger.version (project, generation, secret, registered_at, registered_position);

-- The changes of labels as they are known best: without those that a later event refines.
CREATE VIEW ledger.stage_change WITH (security_invoker = true) AS
SELECT c.project, c.secret, c.stage, COALESCE(c.refines, c.position) AS subject, c.version_id,
  c.effective_at, c.position, c.effective_after
FROM ledger.event AS c
WHERE c.type IN ('stage.assigned', 'stage.removed', 'change.refined')
  AND (SELECT r.position FROM ledger.event AS r
    WHERE r.project = c.project AND r.refines = COALESCE(c.refines, c.position)
      AND r.position > c.position
    ORDER BY r.position LIMIT 1) IS NULL;

-- What became of each of many facts, for the one who repeats the request.
ALTER TABLE ledger.idempotency ADD COLUMN facts text;

ALTER VIEW ledger.stage_change OWNER TO stageledger_owner;
GRANT SELECT ON ledger.stage_change TO stageledger_writer, stageledger_auditor;
