-- How many sessions did each user have on each day (UTC, by their start), from how many addresses, and how long were they
-- together? user_name '' is the anonymous user of frp, null a route of prox. Time and bytes are those of announced ends
-- (`timed`); an inferred end tells that a session is over, and not since when.
SELECT
  date_trunc('day', started_at)::date AS day,
  user_name,
  count(*) AS sessions,
  count(DISTINCT remote_ip) AS addresses,
  count(*) FILTER (WHERE state IN ('ended', 'ended_inferred')) AS ended,
  count(duration_ms) AS timed,
  coalesce(sum(duration_ms), 0)::bigint AS timed_ms,
  coalesce(sum(bytes_in), 0)::bigint AS bytes_in,
  coalesce(sum(bytes_out), 0)::bigint AS bytes_out
FROM sluice_sessions
GROUP BY 1, 2
ORDER BY day, sessions DESC, user_name;
