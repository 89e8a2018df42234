"""The rows of a big site, made by PostgreSQL itself. ``{runs}`` and its kin are numbers.

Runs are spread over the last week, with the ids of their time (RFC 9562, version 7).
"""

from __future__ import annotations

TYPES = "ARRAY['http', 'cron', 'queue', 'subscribe', 'state', 'stream', 'log', 'http', 'http', '']"

FUNCTIONS = """
CREATE FUNCTION ordered_id(at timestamptz, n bigint) RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT (lpad(to_hex((date_part('epoch', at) * 1000)::bigint), 12, '0') || '7'
        || lpad(to_hex(n % 4096), 3, '0') || '8' || lpad(to_hex(n), 15, '0'))::uuid
$$;
CREATE FUNCTION at_run(n bigint) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT date_trunc('second', now()) - ({runs} - n) * interval '7 days' / {runs}
$$
"""

NODES = """
INSERT INTO iii_triggers_node (node_id, kind, host, pid, channel, started_at, heartbeat_at,
    runs_dropped)
SELECT 'node-' || n, 'asgi', 'host-' || n, n, '', now() - interval '1 day', now(), 0
FROM generate_series(1, 8) n
"""

WORKERS = """
INSERT INTO iii_triggers_worker (worker_id, node_id, name, description, runtime, version, os, pid,
    ip, namespace, connected_at, last_seen, isolation, in_flight)
SELECT 'worker-' || n, 'node-' || n % 8 + 1, 'service-' || n % 50, '', 'node', '0.22.1', 'linux', n,
    '10.0.0.1', 'default', now() - n * interval '1 minute', now(), '', 0
FROM generate_series(1, 400) n
"""

SERVICE_FUNCTIONS = """
INSERT INTO iii_triggers_function (function_id, namespace, worker_id, description, registered_at)
SELECT 'app.function_' || n % 2000, 'default',
    'worker-' || (n + n / 2000) % 400 + 1, 'Does something', now()
FROM generate_series(0, 5999) n
"""

TRIGGERS = """
INSERT INTO iii_triggers_trigger (trigger_id, namespace, trigger_type, provider_namespace,
    function_id, config, source, enabled, state, error, created_at, updated_at, next_fire_at,
    identity)
SELECT 't-' || n, 'default', type, '', 'app.function_' || n % 2000,
    CASE type
        WHEN 'http' THEN json_build_object('api_path', 'path/' || n, 'http_method', 'POST')
        WHEN 'cron' THEN json_build_object('expression', n % 60 || ' * * * *')
        ELSE json_build_object('topic', 'topic-' || n % 100)
    END,
    'api', n % 20 > 0, CASE WHEN n % 20 = 0 THEN 'disabled' ELSE 'active' END, '', now(), now(),
    CASE WHEN type = 'cron' AND n % 20 > 0 THEN now() + n * interval '1 second' END,
    CASE WHEN type IN ('queue', 'subscribe') THEN md5(n::text) ELSE '' END
FROM (SELECT n, COALESCE(NULLIF(({types})[n % 10 + 1], ''), 'cron') AS type
    FROM generate_series(1, {triggers}) n) AS numbered
"""

RUNS = """
INSERT INTO iii_triggers_invocation (id, status, function_id, namespace, trigger_type, trigger_id,
    worker_id, worker_name, node_id, caller, delivery_id, attempt, replay_of, started_at,
    duration_ms, error_code, error, traceparent, invocation_id)
SELECT ordered_id(at_run(n), n),
    CASE WHEN n > {runs} - 40 THEN 'running' WHEN n % 40 = 0 THEN 'failed' ELSE 'succeeded' END,
    'app.function_' || t % 2000, 'default', COALESCE(NULLIF(type, ''), 'cron'), 't-' || t,
    'worker-' || n % 400 + 1, 'service-' || n % 50, 'node-' || n % 8 + 1, '',
    CASE WHEN type = 'queue' THEN ordered_id(at_run(n), n + {runs}) END, 1,
    CASE WHEN n % 1000 = 0 THEN ordered_id(at_run(n - 1), n - 1) END, at_run(n),
    CASE WHEN n <= {runs} - 40 THEN 1 + n % 500 END,
    CASE WHEN n % 40 = 0 THEN 'E' || n % 7 ELSE '' END,
    CASE WHEN n % 40 = 0 THEN 'Something went wrong with number ' || n ELSE '' END,
    '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    CASE WHEN n % 10 = 0 THEN 'call-' || n ELSE '' END
FROM (SELECT n, t, ({types})[t % 10 + 1] AS type
    FROM (SELECT n, (n::bigint * 7919 % {triggers})::int + 1 AS t
        FROM generate_series(1, {runs}) n) AS spread
) AS numbered
"""

PAYLOADS = """
INSERT INTO iii_triggers_invocationpayload (run_id, input, output, input_cut, output_cut, redacted,
    stacktrace)
SELECT ordered_id(at_run(n), n),
    '{{"path":"/path","method":"POST","headers":{{"content-type":"application/json"}},'
        || '"body":{{"number":' || n || ',"name":"Ada"}}}}',
    '{{"message":"Hello, Ada!"}}', false, false, false, ''
FROM generate_series(1, {runs}) n
"""

MINUTES = """
INSERT INTO iii_triggers_typestat (minute, trigger_type, failed, bucket, count)
SELECT minute, type, failed, bucket, 1 + bucket
FROM (
    SELECT date_trunc('minute', now()) - n * interval '1 minute' AS minute
    FROM generate_series(0, 105) n
    UNION ALL SELECT date_trunc('hour', now()) - interval '2 hours' - n * interval '15 minutes'
    FROM generate_series(0, 671) n
) AS moments,
    (SELECT DISTINCT unnest({types}) AS type) AS types,
    (VALUES (false), (true)) AS outcomes (failed),
    generate_series(10, 28) bucket
"""

HOURS = """
INSERT INTO iii_triggers_triggerstat (hour, namespace, trigger_id, succeeded, failed)
SELECT date_trunc('hour', now()) - h * interval '1 hour', 'default', 't-' || t, t % 100, t % 3
FROM generate_series(0, 30) h, generate_series(1, {triggers}) t
"""

DELIVERIES = """
INSERT INTO iii_triggers_delivery (id, state, waits_for, trigger_type, trigger_id, topic,
    function_id, namespace, payload, traceparent, queue, lane, ordering_key, policy, attempts,
    max_attempts, idempotency_key, run_at, send_at, sends, node_id, error_code, error, created_at,
    finished_at)
SELECT ordered_id(at_run(n), n + {runs}),
    (ARRAY['succeeded', 'succeeded', 'succeeded', 'queued', 'retry', 'dead', 'held', 'cancelled',
        'skipped', 'leased'])[n % 10 + 1],
    '', 'queue', 't-' || n % {triggers} + 1, 'topic-' || n % 100, 'app.function_' || n % 2000,
    'default', '{{"number":' || n || '}}', '', 'iii.topic-' || n % 100, 'lane-' || n % 1000, '',
    '{{}}', n % 3, 3, '', at_run(n), NULL, 0, 'node-' || n % 8 + 1,
    CASE WHEN n % 10 IN (4, 5) THEN 'E1' ELSE '' END,
    CASE WHEN n % 10 IN (4, 5) THEN 'no luck' ELSE '' END, at_run(n),
    CASE WHEN n % 10 IN (0, 1, 2, 5, 7, 8) THEN at_run(n) END
FROM generate_series({runs} - {deliveries} + 1, {runs}) n
"""

TOPICS = """
INSERT INTO iii_triggers_topic (kind, name, created_at)
SELECT CASE WHEN n % 10 = 0 THEN 'queue' ELSE 'topic' END, 'topic-' || n, now()
FROM generate_series(0, 499) n
"""

SUBSCRIPTIONS = """
INSERT INTO iii_triggers_subscription (identity, topic, function_id, namespace, trigger_id, policy,
    created_at)
SELECT md5(n::text), 'topic-' || n % 500, 'app.function_' || n, 'default', 't-' || n, '{{}}', now()
FROM generate_series(1, 2000) n
"""

STATE = """
INSERT INTO iii_triggers_stateitem (store, scope, key, value, created_at, updated_at)
SELECT 'state', 'scope-' || n % 100, 'key-' || n, '{{"n":' || n || '}}', now(), now()
FROM generate_series(1, 20000) n
"""

STREAMS = """
INSERT INTO iii_triggers_streamitem (stream_name, group_id, item_id, value, created_at, updated_at)
SELECT 'stream-' || n % 20, 'group-' || n % 500, 'item-' || n, '{{"n":' || n || '}}', now(), now()
FROM generate_series(1, 20000) n
"""

STATEMENTS = {
    "functions of the loader": FUNCTIONS,
    "nodes": NODES,
    "workers": WORKERS,
    "functions": SERVICE_FUNCTIONS,
    "triggers": TRIGGERS,
    "runs": RUNS,
    "payloads": PAYLOADS,
    "numbers of minutes": MINUTES,
    "numbers of hours": HOURS,
    "deliveries": DELIVERIES,
    "topics": TOPICS,
    "subscriptions": SUBSCRIPTIONS,
    "items of state": STATE,
    "items of streams": STREAMS,
}
