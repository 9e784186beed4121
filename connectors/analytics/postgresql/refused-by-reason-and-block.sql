-- Who is refused, why, and from which block of addresses (/24 of IPv4, /48 of IPv6)? The address is the visitor's where
-- the op has one, else the client's; without either the block is null.
SELECT
  reason,
  decision_code,
  block,
  count(*) AS refused,
  count(DISTINCT address) AS addresses,
  count(DISTINCT user_name) AS users,
  min(event_time) AS first,
  max(event_time) AS last
FROM (
  SELECT
    *,
    network(set_masklen(address::inet, CASE family(address::inet) WHEN 4 THEN 24 ELSE 48 END))::text AS block
  FROM (SELECT *, coalesce(remote_ip, client_ip) AS address FROM sluice_events WHERE decision = 'refused') AS refusals
) AS placed
GROUP BY reason, decision_code, block
ORDER BY refused DESC, reason, block;
