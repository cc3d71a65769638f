-- The types that are told apart in unheard: the first thousand. A stranger may make up as many as it likes; the others are
-- noted together, as '*'.
CREATE TABLE unheard_types (
    n integer PRIMARY KEY CHECK (n BETWEEN 1 AND 1000),
    type text NOT NULL UNIQUE
);
INSERT INTO unheard_types (n, type)
    SELECT row_number() OVER (ORDER BY type), type FROM (SELECT DISTINCT type FROM unheard WHERE type <> '*') t
    ORDER BY type LIMIT 1000;
WITH others AS (
    DELETE FROM unheard u WHERE type <> '*' AND NOT EXISTS (SELECT FROM unheard_types t WHERE t.type = u.type)
    RETURNING topic, partition, first, last, count
)
INSERT INTO unheard (topic, partition, type, first, last, count)
    SELECT topic, partition, '*', min(first), max(last), sum(count) FROM others GROUP BY topic, partition
    ON CONFLICT (topic, partition, type) DO UPDATE SET first = least(unheard.first, excluded.first),
        last = greatest(unheard.last, excluded.last), count = unheard.count + excluded.count;
