-- The context's log: everything it says, numbered without a gap in the order of the commits. The committer attaches the
-- partitions ahead of need.
CREATE TABLE outbox (
    seq bigint NOT NULL,
    id uuid NOT NULL,
    topic text NOT NULL,
    type text NOT NULL,
    key text NOT NULL,
    aggregate_version bigint,
    time timestamptz NOT NULL,
    correlation_id text NOT NULL,
    causation_id text,
    traceparent text,
    fingerprint bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (seq)
) PARTITION BY RANGE (seq);

-- The last number when the last partition was dropped; empty until then. One row at most.
CREATE TABLE outbox_head (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    seq bigint NOT NULL
);

-- Who relays the log to the broker, and how far it has come.
CREATE TABLE relay (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    epoch bigint NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL DEFAULT '-infinity',
    seq bigint NOT NULL DEFAULT 0
);
INSERT INTO relay DEFAULT VALUES;

-- Which messages this context has heard: a message is one effect, however often it is delivered. Partitioned by time, so
-- that what is old leaves with its partition; the committer attaches the partitions ahead of need.
CREATE TABLE inbox (
    source text NOT NULL,
    id text NOT NULL,
    at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('applied', 'parked', 'discarded')),
    PRIMARY KEY (source, id, at)
) PARTITION BY RANGE (at);

-- How far each partition of a topic has been heard: everything before the offset is settled.
CREATE TABLE positions (
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

-- Messages that could not be handled, and those of the same key that came after them, in order.
CREATE TABLE parked (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL,
    id text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    key bytea,
    headers text NOT NULL,
    value bytea,
    parked_at timestamptz NOT NULL,
    tries integer NOT NULL,
    due_at timestamptz NOT NULL,
    dead boolean NOT NULL,
    reason text NOT NULL
);
CREATE INDEX parked_by_key ON parked (topic, key, n);
