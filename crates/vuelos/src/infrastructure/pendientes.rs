//! Finds the ids of the reservas that a specification selects.

use super::tables::reservas;
use crate::domain::reserva::PendientesDe;
use diesel::{ExpressionMethods, QueryDsl, QueryResult, dsl::sql, sql_types::Bool};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use seedwork::infrastructure::postgres::FindIds;
use uuid::Uuid;

impl FindIds for PendientesDe {
    async fn ids(&self, most: i64, db: &mut AsyncPgConnection) -> QueryResult<Vec<Uuid>> {
        // A literal, not a parameter: otherwise PostgreSQL cannot use the index of this state alone.
        let pendientes = reservas::table.filter(sql::<Bool>("estado = 'Pendiente'"));
        let suyas = pendientes.filter(reservas::id_cliente.eq(Uuid::from(self.0)));
        suyas.select(reservas::id).limit(most).load(db).await
    }
}
