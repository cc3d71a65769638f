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
