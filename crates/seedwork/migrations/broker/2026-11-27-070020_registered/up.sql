-- The ids that a schema registry, named by its address, has given: a process starts without it when it knows them all.
CREATE TABLE registered (
    registry text NOT NULL,
    topic text NOT NULL,
    fingerprint bigint NOT NULL REFERENCES schemas,
    id integer NOT NULL,
    PRIMARY KEY (registry, topic, fingerprint)
);
