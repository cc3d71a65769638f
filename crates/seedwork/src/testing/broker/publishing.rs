//! Promises to a relay: the cursor moves when all messages are safe, and never without the lease.

use super::{BrokerUnderTest, CONTEXT, keys, records};
use crate::infrastructure::{
    broker::{Broker, PublishError, Publisher, Record},
    postgres::Database,
    relay::Lease,
};

/// Acquires the lease on a context's log, as its relay does.
pub async fn lease(database: &Database) -> Lease {
    let (client, _) = database.listen(database.schema()).await.unwrap();
    Lease::acquire(client, None).await.unwrap().unwrap_or_else(|_| panic!("another holder has the lease"))
}

async fn cursor(database: &Database) -> i64 {
    database.client("").await.unwrap().query_one("SELECT seq FROM relay", &[]).await.unwrap().get(0)
}

/// Publishes records that are numbered from `first` on, until all are safe and the cursor is stored.
async fn publish(
    publisher: &mut impl Publisher,
    records: Vec<Record>,
    first: i64,
    lease: &mut Lease,
) -> Result<(), PublishError> {
    let numbered: Vec<(i64, Record)> = (first..).zip(records).collect();
    let (mut rest, to) = (&*numbered, first + numbered.len() as i64 - 1);
    while !rest.is_empty() {
        rest = &rest[publisher.publish(rest, to, lease).await?..];
    }
    while !publisher.flush(lease).await? {}
    assert_eq!(lease.cursor(), to);
    lease.store_if_moved().await
}

/// The cursor is the number of the last published record.
pub async fn publishing_moves_the_cursor(under: &impl BrokerUnderTest) {
    let (broker, database) = (under.broker(), under.database().context(CONTEXT).unwrap());
    let mut lease = lease(&database).await;
    let mut publisher = broker.publisher(&lease).await.unwrap();
    publish(&mut publisher, records(under, &keys(10), 10), 1, &mut lease).await.unwrap();
    assert_eq!(cursor(&database).await, 100);
    publish(&mut publisher, records(under, &keys(10), 1), 101, &mut lease).await.unwrap();
    assert_eq!(cursor(&database).await, 110);
    // The next number of the log has no record to publish.
    assert_eq!(publisher.publish(&[], 111, &mut lease).await.unwrap(), 0);
    lease.store_if_moved().await.unwrap();
    assert_eq!(cursor(&database).await, 111);
    let held: i64 = broker.ensure_topic(under.topic()).await.unwrap().iter().map(|watermarks| watermarks.high).sum();
    assert_eq!(held, 110);
}

/// A relay that another one has replaced leaves the cursor of the other one alone.
pub async fn a_relay_without_the_lease_does_not_move_the_cursor(under: &impl BrokerUnderTest) {
    let (broker, database) = (under.broker(), under.database().context(CONTEXT).unwrap());
    let mut lease = lease(&database).await;
    let mut publisher = broker.publisher(&lease).await.unwrap();
    let thief = "UPDATE relay SET epoch = epoch + 1, seq = 7";
    database.client("").await.unwrap().batch_execute(thief).await.unwrap();
    let fenced = publish(&mut publisher, records(under, &keys(1), 1), 1, &mut lease).await;
    assert!(matches!(fenced, Err(PublishError::Fenced)), "{fenced:?}");
    assert_eq!(cursor(&database).await, 7);
}
