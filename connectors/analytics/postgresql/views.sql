-- What the queries read, whatever the tables are called, and however often a row has come.

-- Every event once, without those that a later one takes the place of (an op that could not be recorded in time, an
-- inferred end that was announced after all).
CREATE OR REPLACE VIEW sluice_events AS
SELECT DISTINCT ON (event_id) *
FROM sluice_flat AS event
WHERE NOT EXISTS (SELECT FROM sluice_flat AS later WHERE later.supersedes = event.event_id)
ORDER BY event_id;

-- Every session once: an end outranks its start, and an announced end an inferred one. Without those that never were,
-- since their start was refused after all.
CREATE OR REPLACE VIEW sluice_sessions AS
SELECT *
FROM (
  SELECT DISTINCT ON (session_id) *
  FROM sluice_flat_sessions
  ORDER BY session_id, state_rank DESC, event_time DESC, journalseq DESC
) AS last_told
WHERE end_reason IS DISTINCT FROM 'overridden';

-- For the views and queries, on tables of any size.
CREATE INDEX IF NOT EXISTS sluice_flat_supersedes ON sluice_flat (supersedes) WHERE supersedes IS NOT NULL;
CREATE INDEX IF NOT EXISTS sluice_flat_event_time ON sluice_flat (event_time);
CREATE INDEX IF NOT EXISTS sluice_flat_sessions_started_at ON sluice_flat_sessions (started_at);
