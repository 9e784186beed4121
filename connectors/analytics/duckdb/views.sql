-- What the queries read, whatever the tables are called, and however often a row has come.

-- Every event once, without those that a later one takes the place of (an op that could not be recorded in time, an
-- inferred end that was announced after all).
CREATE OR REPLACE VIEW sluice_events AS
SELECT *
FROM sluice_flat
ANTI JOIN (SELECT supersedes AS event_id FROM sluice_flat) USING (event_id)
QUALIFY row_number() OVER (PARTITION BY event_id) = 1;

-- Every session once: an end outranks its start, and an announced end an inferred one. Without those that never were,
-- since their start was refused after all.
CREATE OR REPLACE VIEW sluice_sessions AS
SELECT *
FROM (
  SELECT *
  FROM sluice_flat_sessions
  QUALIFY row_number() OVER (PARTITION BY session_id ORDER BY state_rank DESC, event_time DESC, journalseq DESC) = 1
)
WHERE end_reason IS DISTINCT FROM 'overridden';
