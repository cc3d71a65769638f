DROP TRIGGER parked_heads_inserted ON parked;
DROP TRIGGER parked_heads_deleted ON parked;
DROP FUNCTION parked_heads_inserted();
DROP FUNCTION parked_heads_deleted();
DROP INDEX parked_due;
ALTER TABLE parked DROP COLUMN head;
