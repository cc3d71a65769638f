//! Publishing for a relay: the cursor moves when all is safe, and never without the lease.

use super::{BrokerUnderTest, CONTEXT, keys, records};
use crate::infrastructure::{
    broker::{Broker, PublishError, Publisher},
    postgres::Database,
    relay::Lease,
};

async fn lease(database: &Database) -> Lease {
    let (client, _) = database.listen(CONTEXT).await.unwrap();
    Lease::acquire(client, None).await.unwrap().unwrap_or_else(|_| panic!("the lease is free"))
}

async fn cursor(database: &Database) -> i64 {
    database.client("").await.unwrap().query_one("SELECT seq FROM relay", &[]).await.unwrap().get(0)
}

/// A batch is published, and the cursor stands behind it.
pub async fn publishing_moves_the_cursor(under: &impl BrokerUnderTest) {
    let (broker, database) = (under.broker(), under.database().context(CONTEXT).unwrap());
    let mut lease = lease(&database).await;
    let mut publisher = broker.publisher(&lease).await.unwrap();
    publisher.publish(&records(under, &keys(10), 10), &mut lease, 100).await.unwrap();
    assert_eq!(cursor(&database).await, 100);
    publisher.publish(&records(under, &keys(10), 1), &mut lease, 110).await.unwrap();
    assert_eq!(cursor(&database).await, 110);
    let held: i64 = broker.extents(under.topic()).await.unwrap().iter().map(|extent| extent.next).sum();
    assert_eq!(held, 110);
}

/// Another process leads: the cursor stays where that one has it.
pub async fn who_lost_the_lease_does_not_move_the_cursor(under: &impl BrokerUnderTest) {
    let (broker, database) = (under.broker(), under.database().context(CONTEXT).unwrap());
    let mut lease = lease(&database).await;
    let mut publisher = broker.publisher(&lease).await.unwrap();
    let thief = "UPDATE relay SET epoch = epoch + 1, seq = 7";
    database.client("").await.unwrap().batch_execute(thief).await.unwrap();
    let fenced = publisher.publish(&records(under, &keys(1), 1), &mut lease, 1).await;
    assert!(matches!(fenced, Err(PublishError::Fenced)), "{fenced:?}");
    assert_eq!(cursor(&database).await, 7);
}
