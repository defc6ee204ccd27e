-- Three roles, none of which can log in by itself: the owner for migrations alone, the writer for
-- the service, the auditor for people who only look. Roles belong to the whole cluster, so they may
-- exist.

DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['stageledger_owner', 'stageledger_writer', 'stageledger_auditor']
  LOOP
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = wanted) THEN
      BEGIN
        EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', wanted);
      EXCEPTION WHEN duplicate_object OR unique_violation THEN
        NULL;  -- another database of the cluster was migrated at the same moment
      END;
    END IF;
  END LOOP;
END
$$;

-- Whoever migrates acts for the owner; the owner may hold objects in this database.
DO $$
BEGIN
  EXECUTE pg_catalog.format(
    'GRANT CREATE ON DATABASE %I TO stageledger_owner', pg_catalog.current_database());
  IF NOT pg_catalog.pg_has_role(current_user, 'stageledger_owner', 'USAGE') THEN
    EXECUTE pg_catalog.format('GRANT stageledger_owner TO %I', current_user);
  END IF;
END
$$;

-- Nobody may put an object of his own where a name of ours is looked up.
DO $$
BEGIN
  EXECUTE pg_catalog.format(
    'REVOKE TEMPORARY, CREATE ON DATABASE %I FROM PUBLIC', pg_catalog.current_database());
END
$$;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

ALTER SCHEMA ledger OWNER TO stageledger_owner;
ALTER TABLE ledger.migration OWNER TO stageledger_owner;
REVOKE ALL ON SCHEMA ledger FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger TO stageledger_writer, stageledger_auditor;
GRANT SELECT ON ledger.migration TO stageledger_writer, stageledger_auditor;
