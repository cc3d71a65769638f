DROP TABLE relay, outbox_head, outbox;
