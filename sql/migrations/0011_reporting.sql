-- Views for people who write SQL. They stand in sql/reporting; here is what they need besides.

CREATE SCHEMA reporting;
COMMENT ON SCHEMA reporting IS 'Stable views for psql, Grafana, Metabase and the like: their names, columns and types are API';

-- Facts by time: reporting.audit and reporting.alert are asked for a week, and the log's facts are kept for ever.
CREATE INDEX fact_recorded_at ON log.fact (recorded_at);

-- What was taken back, for reporting.audit.
CREATE INDEX fact_undoes ON log.fact ((data ->> 'undoes')) WHERE data ? 'undoes';
