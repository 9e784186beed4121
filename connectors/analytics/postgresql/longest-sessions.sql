-- Which sessions were the longest? Of an announced end both bounds are the duration. Of an inferred one they are what is
-- known: it was there until not_ended_before at least, and not beyond not_ended_after (or when the sign of its end was
-- seen). One that is open has lasted until the newest row at least. Admitted ones of prox, whose end nobody tells, are
-- left out.
SELECT
  session_id,
  user_name,
  proxy,
  remote_ip,
  state,
  end_reason,
  started_at,
  ended_at,
  coalesce(
    duration_ms,
    round(extract(epoch FROM CASE state WHEN 'open' THEN newest ELSE not_ended_before END - started_at) * 1000)
  )::bigint AS at_least_ms,
  coalesce(
    duration_ms,
    round(extract(epoch FROM coalesce(not_ended_after, ended_at) - started_at) * 1000)
  )::bigint AS at_most_ms
FROM sluice_sessions
CROSS JOIN (SELECT max(event_time) AS newest FROM sluice_sessions) AS rows_until
WHERE state <> 'admitted'
ORDER BY at_least_ms DESC NULLS LAST, session_id
LIMIT 20;
