//! Kill and recover: nothing acknowledged is lost, reordered or published twice, whatever is killed.

use sta_tests::{
    load::{self, Answers, Clients},
    place::Place,
    sta::signal,
};
use std::sync::Arc;

/// The number of times that the process is killed.
const KILLS: usize = 20;
/// The number of times that its PostgreSQL is killed.
const POSTGRES_KILLS: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn killing_the_server_under_load_loses_nothing() {
    let (place, told) = (Place::embedded(), Arc::new(Answers::default()));
    for _ in 0..KILLS {
        let sta = Arc::new(place.start().await);
        let clients = Clients::of(&sta, &told);
        clients.more().await;
        signal(sta.pid(), "KILL");
        clients.stop().await;
    }
    load::check(&place, &told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_postgresql_under_load_loses_nothing_and_the_server_recovers_by_itself() {
    let (place, told) = (Place::embedded(), Arc::new(Answers::default()));
    let sta = Arc::new(place.start().await);
    let clients = Clients::of(&sta, &told);
    for _ in 0..POSTGRES_KILLS {
        clients.more().await;
        signal(sta.postgres_pid().expect("PostgreSQL runs"), "KILL");
    }
    clients.more().await;
    clients.stop().await;
    let sta = Arc::into_inner(sta).expect("nobody else has it");
    assert_eq!(sta.stop().await.0, 0);
    load::check(&place, &told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killing_and_freezing_either_of_two_loses_nothing_and_does_nothing_twice() {
    load::kill_and_freeze_either_of_two(&Place::embedded(), 20).await;
}
