-- Loads what `sluice export` wrote, as often as you like: what came before is not doubled. In the folder of the files:
--   sluice export --format csv --output flat.csv
--   sluice export --format csv --as flat-sessions --output flat-sessions.csv
--   duckdb sluice.db -c '.read tables.sql' -c '.read views.sql' -c '.read load.sql'
-- The tables have the types: what read_csv would guess of a column depends on what happens to stand in it.

INSERT INTO sluice_flat BY NAME
SELECT * FROM read_csv('flat.csv', header = true, all_varchar = true, allow_quoted_nulls = false)
ON CONFLICT (event_id) DO NOTHING;

-- Of a session the better row, whichever came first.
INSERT INTO sluice_flat_sessions BY NAME
SELECT * FROM (
  SELECT * FROM read_csv('flat-sessions.csv', header = true, all_varchar = true, allow_quoted_nulls = false)
  UNION ALL BY NAME
  SELECT COLUMNS(*)::VARCHAR FROM sluice_flat_sessions
)
QUALIFY row_number() OVER (
  PARTITION BY session_id
  ORDER BY state_rank::INTEGER DESC, event_time::TIMESTAMP DESC, journalseq::BIGINT DESC
) = 1
ON CONFLICT (session_id) DO UPDATE SET session_id = excluded.session_id;
