-- Clouds that are asked with an access key: its name, and the file its secret key is read from. The
-- secret key itself is never stored.

ALTER TABLE ledger.project
  ADD COLUMN upstream_access_key text,
  ADD COLUMN upstream_secret_key_file text,
  ADD CONSTRAINT project_upstream_key
    CHECK ((upstream_access_key IS NULL) = (upstream_secret_key_file IS NULL)),
  ADD CONSTRAINT project_upstream_credential
    CHECK (upstream_access_key IS NULL OR upstream_token_file IS NULL);
