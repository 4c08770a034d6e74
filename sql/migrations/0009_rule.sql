-- Alert rules: which happenings of which issues a sink is told of. What a rule asks is read by avalon.rules.

CREATE TABLE projection.rule (
  id uuid PRIMARY KEY,
  sink uuid NOT NULL,
  name text NOT NULL,
  is_active boolean NOT NULL,
  definition jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  created_by text NOT NULL,
  created_position bigint NOT NULL,
  position bigint NOT NULL
);
CREATE INDEX ON projection.rule (sink);

-- What became of the alerts of a rule.
CREATE INDEX fact_rules ON log.fact USING gin ((data -> 'rules'))
WHERE type IN ('alert.delivered', 'alert.suppressed', 'alert.failed');
-- And of those about an issue.
CREATE INDEX fact_alert_issues ON log.fact USING gin ((data -> 'issues'))
WHERE type IN ('alert.delivered', 'alert.failed');
CREATE INDEX fact_alert_issue ON log.fact ((data ->> 'issue')) WHERE type = 'alert.suppressed';
