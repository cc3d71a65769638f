-- The head of a key, the first of its parked messages, is the one to try again. A message without a key is its own. The flag
-- is kept by the table itself, so that it is right whoever writes: the committer, an older version, an operator.
ALTER TABLE parked ADD COLUMN head boolean NOT NULL DEFAULT false;
UPDATE parked SET head = true WHERE key IS NULL OR n IN (SELECT min(n) FROM parked GROUP BY topic, key);

-- The heads that are due, in the order in which they became so.
CREATE INDEX parked_due ON parked (topic, partition, due_at) WHERE head AND NOT dead;

CREATE FUNCTION parked_heads_inserted() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE parked p SET head = true FROM touched t WHERE p.n = t.n AND NOT EXISTS
        (SELECT FROM parked earlier WHERE earlier.topic = t.topic AND earlier.key = t.key AND earlier.n < t.n);
    RETURN NULL;
END $$;

-- The lock of the commits, before any row is locked: a message that another transaction parks behind one that is deleted
-- is seen. Who commits holds it already.
CREATE FUNCTION parked_heads_locked() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('sta/commit/' || TG_TABLE_SCHEMA, 0));
    RETURN NULL;
END $$;

CREATE FUNCTION parked_heads_deleted() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE parked p SET head = true FROM touched t CROSS JOIN LATERAL
        (SELECT n FROM parked s WHERE s.topic = t.topic AND s.key = t.key AND s.n > t.n ORDER BY s.n LIMIT 1) s
        WHERE t.head AND p.n = s.n;
    RETURN NULL;
END $$;

CREATE TRIGGER parked_heads_inserted AFTER INSERT ON parked
    REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION parked_heads_inserted();
CREATE TRIGGER parked_heads_locked BEFORE DELETE ON parked
    FOR EACH STATEMENT EXECUTE FUNCTION parked_heads_locked();
CREATE TRIGGER parked_heads_deleted AFTER DELETE ON parked
    REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION parked_heads_deleted();
