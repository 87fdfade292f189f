"""SQL of the relay: take rows of the shards nobody else has, mark or defer them, and clear away what is old."""

from services.common.locks import Lock

SHARDS = 8
TAKE = f"""
WITH mine AS MATERIALIZED (
  SELECT shard FROM generate_series(0, {SHARDS - 1}) AS shard WHERE {Lock.RELAY.attempt("shard")})
SELECT id, event_id::text, event, version, source, aggregate, to_char(occurred_at AT TIME ZONE 'UTC',
       'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"'), trace_id, data::text, exchange, routing_key, attempt
FROM outbox
WHERE published_at IS NULL AND due_at <= now() AND (hashtext(aggregate) & {SHARDS - 1}) IN (SELECT shard FROM mine)
ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
"""
MARK = "UPDATE outbox SET published_at = now() WHERE id = ANY(%s)"
DEFER = "UPDATE outbox SET due_at = now() + %s WHERE id = ANY(%s)"
NEXT_DUE = """
SELECT least(extract(epoch FROM min(due_at) - now()), %s)::float FROM outbox WHERE published_at IS NULL
"""
PRUNE_OUTBOX = """
DELETE FROM outbox WHERE id IN (
  SELECT id FROM outbox WHERE published_at < now() - make_interval(secs => %s) LIMIT %s FOR UPDATE SKIP LOCKED)
"""
PRUNE_INBOX = """
DELETE FROM inbox WHERE ctid IN (SELECT ctid FROM inbox WHERE received_at < now() - make_interval(secs => %s) LIMIT %s)
"""
