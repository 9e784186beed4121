-- What did each change of the policy do? Beside a change stand the decisions of its bridge from it up to the next change
-- (after), and those between the change before it and it (before): how many, how many refused, and how many the changed
-- rule itself refused. Changes with no decision between them count as one, and have the same numbers.
-- Order is that of journalseq, so nothing depends on clocks.
WITH marked AS (
  SELECT
    instance, journalseq, event_id, rule, decision,
    event_type = 'sluice.policy.changed' AS is_change,
    lag(event_type) OVER (PARTITION BY instance ORDER BY journalseq) AS type_before
  FROM sluice_events
  -- Of an op; what is derived from ops repeats their decision.
  WHERE (op IS NOT NULL AND decision IN ('allowed', 'refused')) OR event_type = 'sluice.policy.changed'
),
-- 0 is before the first change.
phased AS (
  SELECT
    *,
    sum(CASE WHEN is_change AND type_before IS DISTINCT FROM 'sluice.policy.changed' THEN 1 ELSE 0 END)
      OVER (PARTITION BY instance ORDER BY journalseq) AS phase
  FROM marked
),
counted AS (
  SELECT instance, phase, count(decision) AS decisions, count(*) FILTER (WHERE decision = 'refused') AS refused
  FROM phased
  GROUP BY instance, phase
)
SELECT
  changed.event_time AS changed_at,
  changed.instance,
  changed.policy_key,
  changed.policy_change,
  changed.changed_by,
  coalesce(earlier.decisions, 0) AS decisions_before,
  coalesce(earlier.refused, 0) AS refused_before,
  later.decisions AS decisions_after,
  later.refused AS refused_after,
  (
    SELECT count(*) FROM phased AS ruled
    WHERE ruled.instance = own.instance AND ruled.phase = own.phase
      AND ruled.decision = 'refused' AND ruled.rule = changed.policy_key
  ) AS refused_by_it
FROM phased AS own
JOIN sluice_events AS changed ON changed.event_id = own.event_id
JOIN counted AS later ON later.instance = own.instance AND later.phase = own.phase
LEFT JOIN counted AS earlier ON earlier.instance = own.instance AND earlier.phase = own.phase - 1
WHERE own.is_change
ORDER BY changed_at, changed.instance, changed.journalseq;
