CREATE TABLE ingestas (
    id                  uuid        PRIMARY KEY,
    id_proveedor        text        NOT NULL,
    id_paciente         text        NOT NULL,
    url_path            text        NOT NULL,
    estado              text        NOT NULL CHECK (estado IN (
        'Creada', 'Pendiente', 'Alertada', 'Rechazada', 'Finalizada', 'Fallida', 'Eliminada'
    )),
    fecha_creacion      timestamptz NOT NULL,
    fecha_actualizacion timestamptz NOT NULL,
    fecha_eliminacion   timestamptz,
    motivo              text,
    version             integer     NOT NULL CHECK (version > 0)
);

-- Lists are read newest first, a page at a time, and each index has the order of a list, so that a page costs the same
-- at any depth. All but the third grow at their end: new rows are the newest.

-- `todas` without a filter; it steps over the deleted.
CREATE INDEX ingestas_todas ON ingestas (fecha_creacion, id);
-- `todas?id_proveedor=`: a provider's own.
CREATE INDEX ingestas_de_proveedor ON ingestas (id_proveedor, fecha_creacion, id);
-- `todas?id_paciente=`: a patient's own.
CREATE INDEX ingestas_de_paciente ON ingestas (id_paciente, fecha_creacion, id);
-- `todas?estado=`: a state that few are in (`Alertada`) is found among millions that are done. It costs every change of
-- state an entry in every index (no heap-only updates), which the question is worth.
CREATE INDEX ingestas_en_estado ON ingestas (estado, fecha_creacion, id);
