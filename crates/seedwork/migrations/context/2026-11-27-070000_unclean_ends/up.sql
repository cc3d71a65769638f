-- The processes that consume. One that ends in order deletes its row; a row whose session holds no lock is an unclean end.
-- The place is that of the message that is tried alone, while it is.
CREATE TABLE processes (
    id uuid PRIMARY KEY,
    opened_at timestamptz NOT NULL DEFAULT now(),
    topic text,
    partition integer,
    "offset" bigint
) WITH (fillfactor = 50);

-- Up to which offset the messages of a partition may have been in flight at an unclean end: they are tried alone.
CREATE TABLE at_risk (
    topic text NOT NULL,
    partition integer NOT NULL,
    until bigint NOT NULL,
    PRIMARY KEY (topic, partition)
);

-- In how many crashes a message was alone in flight.
CREATE TABLE crashes (
    topic text NOT NULL,
    partition integer NOT NULL,
    "offset" bigint NOT NULL,
    count integer NOT NULL,
    PRIMARY KEY (topic, partition, "offset")
);
