-- The tables of the reference: like the real ones, with a sequence where the real log is numbered under a lock.
DROP SCHEMA IF EXISTS reference CASCADE;
CREATE SCHEMA reference;
CREATE TABLE reference.ingestas (LIKE ingesta.ingestas INCLUDING ALL);
CREATE TABLE reference.outbox (LIKE ingesta.outbox INCLUDING ALL);
CREATE SEQUENCE reference.seq OWNED BY reference.outbox.seq CACHE 100;
ALTER TABLE reference.outbox ALTER COLUMN seq SET DEFAULT nextval('reference.seq');
CREATE TABLE reference.inbox (LIKE ingesta.inbox INCLUDING ALL);
CREATE TABLE reference.reservas (LIKE clientes.reservas INCLUDING ALL);
