//! How the aggregates and the read model of these tests are stored.

use crate::model::{Cuenta, Pedido};
use diesel::{Queryable, Selectable};
use diesel_async::AsyncPgConnection;
use seedwork::{
    application::ReadModel,
    domain::{Aggregate, Recorded, Version},
    infrastructure::postgres::{AggregateRows, Change, Part, Persisted, PersistedReadModel, Row},
};
use uuid::Uuid;

diesel::table! { cuentas (id) { id -> Uuid, email -> Text, saldo -> BigInt, version -> Integer, } }
diesel::table! { pedidos (id) { id -> Uuid, version -> Integer, } }
diesel::table! { lineas (id_pedido, n) { id_pedido -> Uuid, n -> Integer, articulo -> Text, } }
diesel::table! { resumenes (id_pedido) { id_pedido -> Uuid, lineas -> Integer, version -> Integer, } }

#[derive(Debug, Clone, Queryable, Selectable, Row)]
#[diesel(table_name = cuentas)]
pub(crate) struct CuentaRow {
    id: Uuid,
    email: String,
    saldo: i64,
    version: i32,
}

#[derive(Debug, Clone, Queryable, Selectable, Row)]
#[diesel(table_name = pedidos)]
pub(crate) struct PedidoRow {
    id: Uuid,
    version: i32,
}

#[derive(Debug, Clone, Queryable, Selectable, Row)]
#[diesel(table_name = lineas)]
#[row(part_of = id_pedido)]
pub(crate) struct LineaRow {
    id_pedido: Uuid,
    n: i32,
    articulo: String,
}

#[derive(Debug, Clone, Queryable, Selectable, Row)]
#[diesel(table_name = resumenes)]
#[row(key = (id_pedido), order = version)]
pub(crate) struct ResumenRow {
    pub(crate) id_pedido: Uuid,
    pub(crate) lineas: i32,
    pub(crate) version: i32,
}

/// An order, in short.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Resumen {
    pub(crate) pedido: Uuid,
    pub(crate) lineas: i32,
    pub(crate) version: Version,
}

impl ReadModel for Resumen {
    type Key = Uuid;

    fn key(&self) -> Uuid {
        self.pedido
    }

    fn order(&self) -> i64 {
        self.version.into()
    }
}

impl PersistedReadModel for Resumen {
    type Row = ResumenRow;
}

impl From<Resumen> for ResumenRow {
    fn from(resumen: Resumen) -> Self {
        let Resumen { pedido, lineas, version } = resumen;
        Self { id_pedido: pedido, lineas, version: i32::try_from(version).unwrap() }
    }
}

impl Persisted for Cuenta {
    type Rows = CuentaRow;
}

impl From<Cuenta> for CuentaRow {
    fn from(cuenta: Cuenta) -> Self {
        let version = cuenta.version().try_into().unwrap();
        Self { id: cuenta.id.into(), email: cuenta.email, saldo: cuenta.saldo, version }
    }
}

impl TryFrom<CuentaRow> for Cuenta {
    type Error = std::num::TryFromIntError;

    fn try_from(row: CuentaRow) -> Result<Self, Self::Error> {
        let events = Recorded::since(row.version.try_into()?);
        Ok(Self { id: row.id.into(), email: row.email, saldo: row.saldo, events })
    }
}

/// An order is more than one row.
#[derive(Debug, Clone)]
pub(crate) struct PedidoRecord {
    pedido: PedidoRow,
    lineas: Vec<LineaRow>,
}

impl AggregateRows for PedidoRecord {
    type Root = PedidoRow;

    fn root(&self) -> &PedidoRow {
        &self.pedido
    }

    fn changes(self, expected: i32) -> Vec<Change> {
        let id = self.pedido.id;
        vec![Change::root(self.pedido, expected), Change::parts(id, self.lineas, expected)]
    }

    async fn by_ids(ids: Vec<Uuid>, db: &mut AsyncPgConnection) -> diesel::QueryResult<Vec<Self>> {
        let mut lineas = LineaRow::by_parents(&ids, db).await?;
        lineas.sort_by_key(|linea| linea.n);
        let pedidos = PedidoRow::by_ids(ids, db).await?;
        let of = |id| lineas.iter().filter(|linea| linea.id_pedido == id).cloned().collect();
        Ok(pedidos.into_iter().map(|pedido| Self { lineas: of(pedido.id), pedido }).collect())
    }
}

impl Persisted for Pedido {
    type Rows = PedidoRecord;
}

impl From<Pedido> for PedidoRecord {
    fn from(pedido: Pedido) -> Self {
        let (id_pedido, version) = (pedido.id.into(), pedido.version().try_into().unwrap());
        let linea = |(n, articulo)| LineaRow { id_pedido, n, articulo };
        Self { pedido: PedidoRow { id: id_pedido, version }, lineas: (0..).zip(pedido.lineas).map(linea).collect() }
    }
}

impl TryFrom<PedidoRecord> for Pedido {
    type Error = std::num::TryFromIntError;

    fn try_from(record: PedidoRecord) -> Result<Self, Self::Error> {
        let events = Recorded::since(record.pedido.version.try_into()?);
        let lineas = record.lineas.into_iter().map(|linea| linea.articulo).collect();
        Ok(Self { id: record.pedido.id.into(), lineas, events })
    }
}
