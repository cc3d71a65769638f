-- pgbench: the effect of a message, as a transaction of its own: its claim, and the row that it makes.
BEGIN;
INSERT INTO reference.inbox (source, id, at, state) VALUES ('/sta/cli', gen_random_uuid()::text, now(), 'applied');
INSERT INTO reference.ingestas (id, id_proveedor, id_paciente, url_path, estado, fecha_creacion, fecha_actualizacion, version)
VALUES (gen_random_uuid(), '0123456789abcdef', 'fedcba9876543210', 'https://imagenes.example/0123456789abcdef.dcm', 'Creada', now(), now(), 1);
COMMIT;
