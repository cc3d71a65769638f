DROP TABLE messages, partitions, topics, schemas;
