-- One row a reserva. What is looked for and shown in lists are columns; how one flies and who travels never change after
-- the first write, are never looked for by their parts and are always read whole, so each is one text of JSON: a child
-- table would cost every write and every read statements of its own (docs/adr/0006). Not jsonb: nothing here asks it
-- anything, and it would be parsed on the way in and printed on the way out.
CREATE TABLE reservas (
    id                  uuid        PRIMARY KEY,
    id_cliente          uuid,
    estado              text        NOT NULL CHECK (estado IN ('Pendiente', 'Aprobada', 'Pagada', 'Cancelada')),
    tipo_vuelo          text        NOT NULL CHECK (tipo_vuelo IN ('solo_ida', 'ida_y_vuelta', 'open_jaw')),
    ruta                text        NOT NULL,
    fecha_salida        timestamptz NOT NULL,
    pasajeros           text        NOT NULL,
    itinerarios         text        NOT NULL,
    fecha_creacion      timestamptz NOT NULL,
    fecha_actualizacion timestamptz NOT NULL,
    motivo              text,
    version             integer     NOT NULL CHECK (version > 0)
);

-- Lists are read newest first, a page at a time, and each index has the order of a list, so that a page costs the same
-- at any depth.

-- `reservas` without a filter.
CREATE INDEX reservas_todas ON reservas (fecha_creacion, id);
-- `reservas?id_cliente=`: a cliente's own.
CREATE INDEX reservas_de_cliente ON reservas (id_cliente, fecha_creacion, id) WHERE id_cliente IS NOT NULL;
-- `reservas?estado=` and `canceladas`.
CREATE INDEX reservas_en_estado ON reservas (estado, fecha_creacion, id);
-- `no-pagadas`: two states in one order, and few of all reservas in the end.
CREATE INDEX reservas_no_pagadas ON reservas (fecha_creacion, id) WHERE estado IN ('Pendiente', 'Aprobada');
-- What a cliente that leaves takes along.
CREATE INDEX reservas_pendientes ON reservas (id_cliente) WHERE estado = 'Pendiente' AND id_cliente IS NOT NULL;
