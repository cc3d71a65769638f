//! The answers to the queries of this context, read from PostgreSQL: one file a query, named like its question in
//! `application/queries`.

mod ingesta_por_id;
mod pg_reads;
mod todas_las_ingestas;

pub(super) use pg_reads::PgReads;
