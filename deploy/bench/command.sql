-- pgbench: what a consumed command makes durable, as a transaction of its own: its claim, the row that it makes, and the
-- event that the log tells of it.
BEGIN;
INSERT INTO reference.inbox (source, id, at, state) VALUES ('/sta/cli', gen_random_uuid()::text, now(), 'applied');
INSERT INTO reference.ingestas (id, id_proveedor, id_paciente, url_path, estado, fecha_creacion, fecha_actualizacion, version)
VALUES (gen_random_uuid(), '0123456789abcdef', 'fedcba9876543210', 'https://imagenes.example/0123456789abcdef.dcm', 'Creada', now(), now(), 1);
INSERT INTO reference.outbox (id, topic, type, key, aggregate_version, time, correlation_id, causation_id, fingerprint, body)
VALUES (gen_random_uuid(), 'eventos-ingesta', 'sta.ingesta.v1.IngestaCreada', gen_random_uuid()::text, 1, now(), gen_random_uuid()::text, gen_random_uuid()::text, 1,
        '\x4830313933643361302d303030302d373030302d383030302d30303030303030303030303030303132333435363738396162636465662066656463626139383736353433323130'::bytea);
COMMIT;
