-- What was seen of Kafka's topics: how many partitions each had at first use, and the largest message that it takes.
CREATE TABLE kafka_topics (
    topic text PRIMARY KEY,
    partitions integer NOT NULL CHECK (partitions > 0),
    max_bytes bigint NOT NULL
);
