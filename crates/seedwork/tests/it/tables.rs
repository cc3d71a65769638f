//! The tables of the aggregates and the read model of these tests.

use crate::model::{Account, Order};
use diesel::{Queryable, Selectable};
use diesel_async::AsyncPgConnection;
use seedwork::{
    application::ReadModel,
    domain::{Aggregate, Recorded, Version},
    infrastructure::postgres::{AggregateRows, Change, Part, Persisted, PersistedReadModel, Row},
};
use uuid::Uuid;

diesel::table! { accounts (id) { id -> Uuid, email -> Text, balance -> BigInt, version -> Integer, } }
diesel::table! { orders (id) { id -> Uuid, version -> Integer, } }
diesel::table! { lines (order_id, n) { order_id -> Uuid, n -> Integer, item -> Text, } }
diesel::table! { order_summaries (order_id) { order_id -> Uuid, lines -> Integer, version -> Integer, } }

#[derive(Debug, Clone, Queryable, Selectable, Row)]
#[diesel(table_name = accounts)]
pub(crate) struct AccountRow {
    id: Uuid,
    email: String,
    balance: i64,
    version: i32,
}

#[derive(Debug, Clone, Queryable, Selectable, Row)]
#[diesel(table_name = orders)]
pub(crate) struct OrderRow {
    id: Uuid,
    version: i32,
}

#[derive(Debug, Clone, Queryable, Selectable, Row)]
#[diesel(table_name = lines)]
#[row(part_of = order_id)]
pub(crate) struct LineRow {
    order_id: Uuid,
    n: i32,
    item: String,
}

#[derive(Debug, Clone, Queryable, Selectable, Row)]
#[diesel(table_name = order_summaries)]
#[row(key = (order_id), order = version)]
pub(crate) struct OrderSummaryRow {
    pub(crate) order_id: Uuid,
    pub(crate) lines: i32,
    pub(crate) version: i32,
}

/// The summary of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderSummary {
    pub(crate) order: Uuid,
    pub(crate) lines: i32,
    pub(crate) version: Version,
}

impl ReadModel for OrderSummary {
    type Key = Uuid;

    fn key(&self) -> Uuid {
        self.order
    }

    fn order(&self) -> i64 {
        self.version.into()
    }
}

impl PersistedReadModel for OrderSummary {
    type Row = OrderSummaryRow;
}

impl From<OrderSummary> for OrderSummaryRow {
    fn from(summary: OrderSummary) -> Self {
        let OrderSummary { order, lines, version } = summary;
        Self { order_id: order, lines, version: i32::try_from(version).unwrap() }
    }
}

impl Persisted for Account {
    type Rows = AccountRow;
}

impl From<Account> for AccountRow {
    fn from(account: Account) -> Self {
        let version = account.version().try_into().unwrap();
        Self { id: account.id.into(), email: account.email, balance: account.balance, version }
    }
}

impl TryFrom<AccountRow> for Account {
    type Error = std::num::TryFromIntError;

    fn try_from(row: AccountRow) -> Result<Self, Self::Error> {
        let events = Recorded::since(row.version.try_into()?);
        Ok(Self { id: row.id.into(), email: row.email, balance: row.balance, events })
    }
}

/// An order as a row and those of its lines.
#[derive(Debug, Clone)]
pub(crate) struct OrderRecord {
    order: OrderRow,
    lines: Vec<LineRow>,
}

impl AggregateRows for OrderRecord {
    type Root = OrderRow;

    fn root(&self) -> &OrderRow {
        &self.order
    }

    fn changes(self, expected: i32) -> Vec<Change> {
        let id = self.order.id;
        vec![Change::root(self.order, expected), Change::parts(id, self.lines, expected)]
    }

    async fn by_ids(ids: Vec<Uuid>, db: &mut AsyncPgConnection) -> diesel::QueryResult<Vec<Self>> {
        let mut lines = LineRow::by_parents(&ids, db).await?;
        lines.sort_by_key(|line| line.n);
        let orders = OrderRow::by_ids(ids, db).await?;
        let of = |id| lines.iter().filter(|line| line.order_id == id).cloned().collect();
        Ok(orders.into_iter().map(|order| Self { lines: of(order.id), order }).collect())
    }
}

impl Persisted for Order {
    type Rows = OrderRecord;
}

impl From<Order> for OrderRecord {
    fn from(order: Order) -> Self {
        let (order_id, version) = (order.id.into(), order.version().try_into().unwrap());
        let line = |(n, item)| LineRow { order_id, n, item };
        Self { order: OrderRow { id: order_id, version }, lines: (0..).zip(order.lines).map(line).collect() }
    }
}

impl TryFrom<OrderRecord> for Order {
    type Error = std::num::TryFromIntError;

    fn try_from(record: OrderRecord) -> Result<Self, Self::Error> {
        let events = Recorded::since(record.order.version.try_into()?);
        let lines = record.lines.into_iter().map(|line| line.item).collect();
        Ok(Self { id: record.order.id.into(), lines, events })
    }
}
