DROP TRIGGER parked_heads_inserted ON parked;
DROP TRIGGER parked_heads_deleted ON parked;
DROP TRIGGER parked_heads_locked ON parked;
DROP FUNCTION parked_heads_inserted();
DROP FUNCTION parked_heads_deleted();
DROP FUNCTION parked_heads_locked();
DROP INDEX parked_due;
ALTER TABLE parked DROP COLUMN head;
