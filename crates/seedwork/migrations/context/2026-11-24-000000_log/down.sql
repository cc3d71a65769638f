DROP TABLE parked, positions, inbox, relay, outbox_head, outbox;
