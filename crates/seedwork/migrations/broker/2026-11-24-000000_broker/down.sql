DROP TABLE leases, members, messages, partitions, topics, schemas;
