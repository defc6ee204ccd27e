-- Time that is known within bounds, and knowledge that came later. Both columns are taken from the
-- canonical bytes, as the others are: events from before have neither.

ALTER TABLE ledger.event
  ADD COLUMN effective_after timestamptz,
  ADD COLUMN refines bigint;

-- Which version at T as known at K: read backwards until a change that was known and that nothing
-- known then refines.
DROP INDEX ledger.event_stage;
CREATE INDEX event_stage ON ledger.event (project, secret, stage, effective_at, position)
  WHERE type IN ('stage.assigned', 'stage.removed', 'change.refined');
-- What is known of one change, the newest knowledge last.
CREATE INDEX event_refines ON ledger.event (project, refines, position)
  WHERE refines IS NOT NULL;
-- The changes whose time is open.
CREATE INDEX event_bounded ON ledger.event (project, secret, stage, effective_at)
  WHERE effective_after IS NOT NULL;
