-- The two tables that flat rows make, keyed so that what comes again collapses. Times are UTC. Whoever upserts into
-- them, such as Kafka Connect's JDBC sink, may do so in any order and as often as it likes. Run it as often as you like.

CREATE TABLE IF NOT EXISTS sluice_flat (
  event_id text PRIMARY KEY,
  event_type text NOT NULL,
  event_time timestamp(3) NOT NULL,
  source text NOT NULL,
  subject text,
  op text,
  decision text,
  decision_code text,
  would_refuse text,
  protocol text,
  node text,
  user_name text,
  client text,
  client_ip text,
  client_port integer,
  client_hostname text,
  client_version text,
  proxy text,
  proxy_type text,
  proxy_port integer,
  proxy_domains text,
  route text,
  domain text,
  remote_ip text,
  remote_port integer,
  reason text,
  rule text,
  policy_revision text,
  started_at timestamp(3),
  ended_at timestamp(3),
  duration_ms bigint,
  bytes_in bigint,
  bytes_out bigint,
  end_reason text,
  end_inferred boolean,
  pairing text,
  session_id text,
  session_key text,
  request_id text,
  login_id text,
  http_method text,
  http_path text,
  http_status integer,
  http_target text,
  policy_key text,
  policy_change text,
  changed_by text,
  cause text,
  problem text,
  counted bigint,
  bridge_version text,
  supersedes text,
  record_key text NOT NULL,
  instance text NOT NULL,
  epoch text NOT NULL,
  journalseq bigint NOT NULL,
  sequence bigint NOT NULL
);

CREATE TABLE IF NOT EXISTS sluice_flat_sessions (
  session_id text PRIMARY KEY,
  session_key text NOT NULL,
  state text NOT NULL,
  state_rank smallint NOT NULL,
  protocol text,
  node text,
  user_name text,
  client text,
  client_ip text,
  client_port integer,
  client_hostname text,
  client_version text,
  proxy text,
  proxy_type text,
  proxy_port integer,
  proxy_domains text,
  route text,
  domain text,
  remote_ip text,
  remote_port integer,
  reason text,
  rule text,
  policy_revision text,
  started_at timestamp(3),
  ended_at timestamp(3),
  duration_ms bigint,
  bytes_in bigint,
  bytes_out bigint,
  end_reason text,
  end_inferred boolean,
  pairing text,
  duration_clock text,
  not_ended_before timestamp(3),
  not_ended_after timestamp(3),
  event_id text NOT NULL,
  event_time timestamp(3) NOT NULL,
  supersedes text,
  record_key text NOT NULL,
  instance text NOT NULL,
  epoch text NOT NULL,
  journalseq bigint NOT NULL
);

-- Of a session the better row stays, whichever comes last: an end outranks its start, and an announced end an inferred one.
CREATE OR REPLACE FUNCTION sluice_flat_sessions_keep_better() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.state_rank, NEW.event_time, NEW.journalseq) < (OLD.state_rank, OLD.event_time, OLD.journalseq) THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END
$$;

CREATE OR REPLACE TRIGGER a_keep_better BEFORE UPDATE ON sluice_flat_sessions
FOR EACH ROW EXECUTE FUNCTION sluice_flat_sessions_keep_better();

-- What comes again as it is writes nothing.
CREATE OR REPLACE TRIGGER b_same_again BEFORE UPDATE ON sluice_flat_sessions
FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();

CREATE OR REPLACE TRIGGER b_same_again BEFORE UPDATE ON sluice_flat
FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
