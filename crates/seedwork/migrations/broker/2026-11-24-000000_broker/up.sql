-- The schemas of everything that was ever written. Never deleted from, so nothing stored becomes undecodable; the id is
-- what stands in front of a message's body.
CREATE TABLE schemas (
    fingerprint bigint PRIMARY KEY,
    id integer NOT NULL UNIQUE,
    name text NOT NULL,
    text text NOT NULL
);

CREATE TABLE topics (
    topic text PRIMARY KEY,
    partitions integer NOT NULL CHECK (partitions > 0)
);

-- How far each partition of a topic goes: the offset of the next message.
CREATE TABLE partitions (
    topic text NOT NULL REFERENCES topics,
    partition integer NOT NULL,
    next bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 50);

CREATE TABLE messages (
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    time timestamptz NOT NULL,
    key bytea,
    headers text NOT NULL,
    value bytea,
    PRIMARY KEY (topic, partition, "offset")
);

-- Who reads what: the processes of a group share its partitions.
CREATE TABLE members (
    "group" text NOT NULL,
    member uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY ("group", member)
);
CREATE TABLE leases (
    "group" text NOT NULL,
    topic text NOT NULL,
    partition integer NOT NULL,
    member uuid NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY ("group", topic, partition)
);
