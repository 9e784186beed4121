-- Who is refused, why, and from which block of addresses (/24 of IPv4, /48 of IPv6)? The address is the visitor's where
-- the op has one, else the client's; without either the block is null.
WITH refusals AS (
  SELECT *, coalesce(remote_ip, client_ip) AS address FROM sluice_events WHERE decision = 'refused'
),
grouped AS (
  -- The groups of an IPv6 address on each side of its `::`.
  SELECT
    *,
    list_filter(string_split(split_part(address, '::', 1), ':'), lambda part: part <> '') AS head,
    list_filter(string_split(split_part(address, '::', 2), ':'), lambda part: part <> '') AS tail
  FROM refusals
),
placed AS (
  SELECT
    *,
    CASE
      WHEN address NOT LIKE '%:%' THEN regexp_extract(address, '^\d+\.\d+\.\d+') || '.0/24'
      -- Trailing groups of zeros go into the `::`, as in RFC 5952.
      ELSE regexp_replace(
        array_to_string((head || list_transform(range(8 - len(head) - len(tail)), lambda n: '0') || tail)[1:3], ':'),
        '(^0|:0)(:0)*$', ''
      ) || '::/48'
    END AS block
  FROM grouped
)
SELECT
  reason,
  decision_code,
  block,
  count(*) AS refused,
  count(DISTINCT address) AS addresses,
  count(DISTINCT user_name) AS users,
  min(event_time) AS first,
  max(event_time) AS last
FROM placed
GROUP BY reason, decision_code, block
ORDER BY refused DESC, reason, block;
