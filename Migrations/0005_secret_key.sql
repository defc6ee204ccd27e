-- Access keys with secret keys, for requests that are signed. Rows made before have none.

-- The secret key is sealed outside the database, bound to the project, the name and the access key;
-- the key's name says with which key it can be opened.
ALTER TABLE ledger.credential
  ADD COLUMN access_key text COLLATE "C",
  ADD COLUMN secret_key_id text COLLATE "C",
  ADD COLUMN secret_key_sealed bytea,
  ADD CONSTRAINT credential_secret_key CHECK (
    (access_key IS NULL) = (secret_key_id IS NULL)
    AND (access_key IS NULL) = (secret_key_sealed IS NULL));

-- A request names no project until its access key is known: this look-up is across projects.
CREATE UNIQUE INDEX credential_access_key ON ledger.credential (access_key, project);

-- The auditor's rights on this table are by column, so the new ones are not among them.
