-- Messages of the log that the broker refuses for good, and those of the same key that follow them: they are not sent,
-- so that none overtakes another.
CREATE TABLE withheld (
    seq bigint PRIMARY KEY,
    topic text NOT NULL,
    key text NOT NULL,
    reason text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
);
