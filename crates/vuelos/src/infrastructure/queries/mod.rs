//! The answers to the queries of this context, read from PostgreSQL: one file a query, named like its question in
//! `application/queries`.

mod pg_reads;
mod reserva_por_id;
mod reservas_no_pagadas;
mod todas_las_reservas;

pub(super) use pg_reads::PgReads;
