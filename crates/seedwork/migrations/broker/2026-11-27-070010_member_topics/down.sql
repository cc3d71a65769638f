ALTER TABLE members DROP COLUMN topics;
