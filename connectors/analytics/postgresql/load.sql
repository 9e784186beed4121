-- Loads what `sluice export` wrote, as often as you like: what came before is not doubled. Run by psql, in the folder of
-- the files:
--   sluice export --format csv --output flat.csv
--   sluice export --format csv --as flat-sessions --output flat-sessions.csv
--   psql -f tables.sql -f views.sql -f load.sql
-- HEADER match, which refuses columns of another release, is of PostgreSQL 15; before it write HEADER.
BEGIN;

CREATE TEMP TABLE came (LIKE sluice_flat) ON COMMIT DROP;
\copy came FROM 'flat.csv' (FORMAT csv, HEADER match)
INSERT INTO sluice_flat SELECT * FROM came ON CONFLICT (event_id) DO NOTHING;

CREATE TEMP TABLE came_sessions (LIKE sluice_flat_sessions) ON COMMIT DROP;
\copy came_sessions FROM 'flat-sessions.csv' (FORMAT csv, HEADER match)
-- Of a session the better row, whichever came first.
DELETE FROM sluice_flat_sessions AS held USING came_sessions AS came
WHERE came.session_id = held.session_id
  AND (came.state_rank, came.event_time, came.journalseq) > (held.state_rank, held.event_time, held.journalseq);
INSERT INTO sluice_flat_sessions
SELECT DISTINCT ON (session_id) * FROM came_sessions
ORDER BY session_id, state_rank DESC, event_time DESC, journalseq DESC
ON CONFLICT (session_id) DO NOTHING;

COMMIT;
