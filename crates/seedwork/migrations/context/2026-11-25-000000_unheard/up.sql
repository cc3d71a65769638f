-- Messages that this context had no use for when it met them: from which offset to which, so that they can be read again
-- by a version that has.
CREATE TABLE unheard (
    topic text NOT NULL,
    partition integer NOT NULL,
    type text NOT NULL,
    first bigint NOT NULL,
    last bigint NOT NULL,
    count bigint NOT NULL,
    PRIMARY KEY (topic, partition, type)
) WITH (fillfactor = 50);
