//! Two servers on one database and one Kafka: one relays, both consume.

use super::{create, ready, tells};
use eventually::eventually;
use sta_tests::{
    load::{self, Answers, Clients},
    place::Place,
    sta::{Sta, signal},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// The time that a log may stand still when the server that relays it is killed.
const TAKEOVER: Duration = Duration::from_secs(10);

/// The time that the partitions of a leaving server may wait: less than the session timeout of the group.
const LEAVE: Duration = Duration::from_secs(5);

/// The number of partitions that a server reads.
async fn partitions(sta: &Sta) -> u64 {
    ready(sta).await["consumer"]["partitions"].as_u64().unwrap()
}

async fn leads(sta: &Sta) -> bool {
    ready(sta).await["relay"]["leads"] == true
}

/// Waits until two servers share the partitions.
async fn share(one: &Sta, other: &Sta) {
    eventually("both consume", || async {
        let (one, other) = (partitions(one).await, partitions(other).await);
        (one + other == 6 && one > 0 && other > 0).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn one_of_two_servers_relays_both_consume_and_either_takes_over_within_ten_seconds() {
    let (place, told) = (Place::on_the_stack().await, Arc::new(Answers::default()));
    let leader = place.start().await;
    tells(&leader, "it relays", |ingesta| ingesta["relay"]["leads"] == true).await;
    let heir = Arc::new(place.start().await);
    share(&leader, &heir).await;
    let clients = Clients::of(&heir, &told);
    let mut asked = load::ask(&place).await;
    clients.more().await;
    assert!(leads(&leader).await && !leads(&heir).await, "one relays");
    signal(leader.pid(), "KILL");
    let killed = Instant::now();
    tells(&heir, "the takeover", |ingesta| ingesta["relay"]["leads"] == true).await;
    let took = killed.elapsed();
    assert!(took < TAKEOVER, "the relay stood still for {took:?}");
    tells(&heir, "the share of the dead", |ingesta| ingesta["consumer"]["partitions"] == 6).await;
    let taken_over = killed.elapsed();
    assert!(taken_over < TAKEOVER, "some partitions were not consumed for {taken_over:?}");
    asked.extend(load::ask(&place).await);
    // A third server joins and leaves again. The best of several runs: the machine may be busy.
    let mut fastest = Duration::MAX;
    for _ in 0..5 {
        let third = place.start().await;
        share(&heir, &third).await;
        asked.extend(load::ask(&place).await);
        assert_eq!(third.stop().await.0, 0);
        let left = Instant::now();
        tells(&heir, "the share of the one that left", |ingesta| ingesta["consumer"]["partitions"] == 6).await;
        fastest = fastest.min(left.elapsed());
        if fastest < LEAVE {
            break;
        }
    }
    assert!(fastest < LEAVE, "who leaves says so: {fastest:?}");
    clients.stop().await;
    load::handled(&place, &heir, &asked).await;
    assert_eq!(Arc::into_inner(heir).unwrap().stop().await.0, 0);
    load::check(&place, &told).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn a_frozen_server_is_replaced_and_publishes_nothing_new_when_it_thaws() {
    let place = Place::on_the_stack().await;
    let one = place.start().await;
    tells(&one, "it relays", |ingesta| ingesta["relay"]["leads"] == true).await;
    let other = place.start().await;
    share(&one, &other).await;
    let mut asked = load::ask(&place).await;
    signal(one.pid(), "STOP");
    let frozen = Instant::now();
    tells(&other, "the takeover", |ingesta| ingesta["relay"]["leads"] == true).await;
    assert!(frozen.elapsed() < TAKEOVER, "the relay stood still for {:?}", frozen.elapsed());
    asked.extend(load::ask(&place).await);
    for _ in 0..20 {
        create(&other, "https://a.example/1").await;
    }
    load::handled(&place, &other, &asked).await;
    signal(one.pid(), "CONT");
    share(&one, &other).await;
    assert!(leads(&other).await && !leads(&one).await, "who thaws does not relay");
    asked.extend(load::ask(&place).await);
    load::handled(&place, &one, &asked).await;
    load::in_order(&place.published("eventos-ingesta").await);
    assert_eq!(one.stop().await.0, 0);
    assert_eq!(other.stop().await.0, 0);
}
