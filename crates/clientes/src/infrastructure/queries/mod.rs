//! The answers to the queries of this context, read from PostgreSQL: one file a query, named like its question in
//! `application/queries`.

mod cliente_por_id;
mod clientes_desactivados;
mod expediente_de_cliente;
mod pg_reads;
mod todos_los_clientes;

pub(super) use pg_reads::PgReads;
