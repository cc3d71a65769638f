//! Each service and the server, killed under load: nothing acknowledged is lost, reordered or done twice, and everything
//! recovers by itself.

use sta_tests::{
    load::{self, Answers, Clients},
    place::Place,
    sta::signal,
    stack::Service,
};
use std::sync::Arc;

/// The numbers of kills: in CI, and in the long form.
const KILLS: usize = 3;
const MORE_KILLS: usize = 10;

async fn kill(service: Service, times: usize) {
    let (place, told) = (Place::on_the_stack().await, Arc::new(Answers::default()));
    let sta = Arc::new(place.start().await);
    let clients = Clients::of(&sta, &told);
    let mut asked = Vec::new();
    for _ in 0..times {
        asked.extend(load::ask(&place).await);
        clients.more().await;
        place.stack().kill(service).await;
        if service != Service::Postgres {
            clients.more().await;
        }
        place.stack().start(service).await;
    }
    clients.more().await;
    clients.stop().await;
    assert!(service == Service::Postgres || told.unavailable() == 0, "commands are taken without {service:?}");
    load::handled(&place, &sta, &asked).await;
    assert_eq!(Arc::into_inner(sta).unwrap().stop().await.0, 0);
    load::check(&place, &told).await;
}

async fn kill_the_server(times: usize) {
    let (place, told) = (Place::on_the_stack().await, Arc::new(Answers::default()));
    let mut asked = Vec::new();
    for _ in 0..times {
        let sta = Arc::new(place.start().await);
        let clients = Clients::of(&sta, &told);
        asked.extend(load::ask(&place).await);
        clients.more().await;
        signal(sta.pid(), "KILL");
        clients.stop().await;
    }
    let sta = place.start().await;
    load::handled(&place, &sta, &asked).await;
    assert_eq!(sta.stop().await.0, 0);
    load::check(&place, &told).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn killing_kafka_under_load_loses_nothing_and_commands_are_taken_meanwhile() {
    kill(Service::Kafka, KILLS).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn killing_the_registry_under_load_loses_and_misreads_nothing() {
    kill(Service::Registry, KILLS).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn killing_postgresql_under_load_loses_nothing() {
    kill(Service::Postgres, KILLS).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn killing_the_server_under_load_loses_nothing() {
    kill_the_server(KILLS).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a JDK, Maven and Python: just test-stack"]
async fn killing_and_freezing_either_of_two_servers_loses_nothing_and_does_nothing_twice() {
    load::kill_and_freeze_either_of_two(&Place::on_the_stack().await, 4).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes long: just test-stack-long"]
async fn long_killing_all_of_it_many_times_loses_nothing() {
    for service in Service::ALL {
        kill(service, MORE_KILLS).await;
    }
    kill_the_server(MORE_KILLS).await;
    load::kill_and_freeze_either_of_two(&Place::on_the_stack().await, 2 * MORE_KILLS).await;
}
