-- What an API key is for, and what is never stored of the reports that come in with it.

DO $$
DECLARE
  _schema text;
BEGIN
  FOREACH _schema IN ARRAY ARRAY['projection', 'baseline'] LOOP
    CONTINUE WHEN to_regclass(_schema || '.api_key') IS NULL;
    EXECUTE format($sql$
      ALTER TABLE %1$I.api_key
        ADD COLUMN scope text NOT NULL DEFAULT 'report',
        ADD COLUMN scrub_fields text[] NOT NULL DEFAULT '{}',
        ADD COLUMN drop_ip_addresses boolean NOT NULL DEFAULT false
    $sql$, _schema);
  END LOOP;
END $$;
