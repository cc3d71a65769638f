CREATE TABLE clientes (
    id                 uuid        PRIMARY KEY,
    tipo               text        NOT NULL,
    nombres            text,
    apellidos          text,
    razon_social       text,
    email              text        NOT NULL,
    documento_tipo     text        NOT NULL,
    documento_numero   text        NOT NULL,
    documento_ciudad   text        NOT NULL,
    fecha_nacimiento   date,
    fecha_constitucion date,
    estado             text        NOT NULL CHECK (estado IN ('Activo', 'Desactivado')),
    motivo             text,
    fecha_creacion     timestamptz NOT NULL,
    version            integer     NOT NULL CHECK (version > 0),
    -- A person has one kind of name, document and date, a company the other.
    CONSTRAINT clientes_identidad CHECK (CASE tipo
        WHEN 'natural' THEN documento_tipo = 'cedula' AND num_nonnulls(nombres, apellidos, fecha_nacimiento) = 3
            AND num_nulls(razon_social, fecha_constitucion) = 2
        WHEN 'empresa' THEN documento_tipo = 'rut' AND num_nonnulls(razon_social, fecha_constitucion) = 2
            AND num_nulls(nombres, apellidos, fecha_nacimiento) = 3
        ELSE false
    END)
);

-- The two that clients are told by name when they are broken: `application/fault.rs` knows these names. Of one that breaks
-- both, the first is told.
CREATE UNIQUE INDEX clientes_email ON clientes (email);
-- The check digit of a rut follows from its number, so it tells no two companies apart.
CREATE UNIQUE INDEX clientes_documento ON clientes (documento_tipo, split_part(documento_numero, '-', 1));

-- Lists are read newest first, a page at a time, and each index has the order of a list, so that a page costs the same
-- at any depth.

-- `todos`.
CREATE INDEX clientes_todos ON clientes (fecha_creacion, id);
-- `desactivados`: few among many.
CREATE INDEX clientes_desactivados ON clientes (fecha_creacion, id) WHERE estado = 'Desactivado';

-- One a cliente, with the id of the cliente.
CREATE TABLE expedientes (
    id             uuid        PRIMARY KEY,
    estado         text        NOT NULL CHECK (estado IN ('Abierto', 'Cerrado')),
    fecha_apertura timestamptz NOT NULL,
    version        integer     NOT NULL CHECK (version > 0)
);

-- A read model: what was last heard of the reservas of clientes, in the words of those who keep them. The cliente may be
-- unknown here: the contexts are independent.
CREATE TABLE reservas (
    id         uuid        PRIMARY KEY,
    id_cliente uuid        NOT NULL,
    estado     text        NOT NULL,
    ruta       text        NOT NULL,
    fecha      timestamptz NOT NULL,
    version    bigint      NOT NULL
);

-- Those of one expediente, in their order.
CREATE INDEX reservas_de_cliente ON reservas (id_cliente, fecha, id);
