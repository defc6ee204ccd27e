-- What the ledger learned later than it was true; most events are commands, which are neither.
CREATE INDEX event_late ON ledger.event (project, position)
  WHERE recorded_at - effective_at >= interval '1 second';
