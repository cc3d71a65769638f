-- pgbench: what a heard event makes durable, as a transaction of its own: its claim, and the row that it shows.
BEGIN;
INSERT INTO reference.inbox (source, id, at, state) VALUES ('/sta/cli', gen_random_uuid()::text, now(), 'applied');
INSERT INTO reference.reservas (id, id_cliente, estado, ruta, fecha, version)
VALUES (gen_random_uuid(), gen_random_uuid(), 'Pendiente', 'BOG-JFK', now(), 1)
ON CONFLICT (id) DO UPDATE SET estado = excluded.estado, version = excluded.version WHERE reservas.version < excluded.version;
COMMIT;
