-- How many sessions were open at once, hour by hour (UTC)? most_open is the peak within the hour, open_at_start what was
-- open at its first moment; every hour has a row. A session is open from its start up to, and without, its end; of an
-- inferred end that is when its sign was seen. Open ones stay open to the last hour. Admitted ones of prox, whose end
-- nobody tells, are left out.
WITH changes AS (
  SELECT started_at AS moment, 1 AS change FROM sluice_sessions WHERE state <> 'admitted'
  UNION ALL
  SELECT ended_at, -1 FROM sluice_sessions WHERE state <> 'admitted' AND ended_at IS NOT NULL
),
points AS (
  SELECT moment, sum(change) AS change
  FROM (
    SELECT moment, change FROM changes
    UNION ALL
    SELECT moment, 0
    FROM (SELECT date_trunc('hour', min(moment)) AS first, max(moment) AS last FROM changes) AS span,
      generate_series(first, last, interval '1 hour') AS hours (moment)
  ) AS marked
  GROUP BY moment
),
running AS (
  SELECT moment, sum(change) OVER (ORDER BY moment) AS open_now FROM points
)
SELECT
  date_trunc('hour', moment) AS hour,
  max(open_now)::bigint AS most_open,
  max(open_now) FILTER (WHERE moment = date_trunc('hour', moment))::bigint AS open_at_start
FROM running
GROUP BY 1
ORDER BY hour;
