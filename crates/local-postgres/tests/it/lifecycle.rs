//! Starting, sharing and leaving a server.

use std::{
    fs,
    time::{Duration, Instant},
};

use local_postgres::{Error, LocalPostgres, Settings};
use nix::sys::signal::Signal;

use crate::support::{Place, User, is_alive, query, signal, until};

#[tokio::test]
async fn a_new_server_is_durable_speaks_utf8_and_has_no_port() {
    let place = Place::new();
    let postgres = place.start().await;

    for (setting, expected) in [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("server_encoding", "UTF8"),
        ("listen_addresses", ""),
        ("data_checksums", "on"),
        ("max_connections", "200"),
    ] {
        assert_eq!(expected, query(&postgres.url(), &format!("SHOW {setting}")).await, "{setting}");
    }
    let collation = "SELECT datcollate FROM pg_database WHERE datname = 'postgres'";
    assert_eq!("C", query(&postgres.url(), collation).await);
    assert_eq!("postgres", query(&postgres.url(), "SELECT current_user").await);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn parameters_can_be_chosen_but_durability_cannot_be_switched_off() {
    let place = Place::new();
    let chosen = [("max_connections", "7"), ("fsync", "off"), ("listen_addresses", "*")];
    let parameters = chosen.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let postgres = LocalPostgres::start(Settings { parameters, ..place.settings() }).await.unwrap();

    assert_eq!("7", query(&postgres.url(), "SHOW max_connections").await);
    assert_eq!("on", query(&postgres.url(), "SHOW fsync").await);
    assert_eq!("", query(&postgres.url(), "SHOW listen_addresses").await);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn data_survives_a_restart_that_takes_less_than_half_a_second() {
    let place = Place::new();
    let postgres = place.start().await;
    query(&postgres.url(), "CREATE TABLE kept AS SELECT 'still here' AS word").await;
    postgres.stop().await.unwrap();
    assert_eq!(None, place.postmaster());

    // The best of several runs: the machine may be busy.
    let mut fastest = std::time::Duration::MAX;
    for _ in 0..30 {
        let begun = Instant::now();
        let postgres = place.start().await;
        fastest = fastest.min(begun.elapsed());
        assert_eq!("still here", query(&postgres.url(), "SELECT word FROM kept").await);
        postgres.stop().await.unwrap();
        if fastest.as_millis() < 500 {
            break;
        }
    }
    assert!(fastest.as_millis() < 500, "{fastest:?}");
}

#[tokio::test]
async fn the_first_process_starts_the_server_and_the_last_to_leave_stops_it() {
    let place = Place::new();
    let mut first = User::spawn(&place.data_dir());
    let url = first.url();
    let pid = place.postmaster().unwrap();
    let mut second = User::spawn(&place.data_dir());
    assert_eq!(url, second.url());
    assert_eq!(Some(pid), place.postmaster());

    first.leave();
    assert_eq!("1", query(&url, "SELECT 1").await);
    second.leave();
    assert!(!is_alive(pid));
    assert_eq!(None, place.postmaster());
}

#[tokio::test]
async fn processes_that_start_at_the_same_moment_on_a_new_directory_share_one_server() {
    let place = Place::new();
    let mut users: Vec<_> = (0..4).map(|_| User::spawn(&place.data_dir())).collect();
    let urls: Vec<_> = users.iter_mut().map(User::url).collect();
    let pid = place.postmaster().unwrap();
    assert!(urls.iter().all(|url| *url == urls[0]), "{urls:?}");
    assert_eq!("1", query(&urls[0], "SELECT 1").await);

    users.into_iter().for_each(User::leave);
    assert!(!is_alive(pid));
}

#[tokio::test]
async fn a_start_while_the_server_is_being_stopped_gets_one_that_runs() {
    let place = Place::new();
    let mut postgres = place.start().await;
    for _ in 0..5 {
        let (stopped, started) = tokio::join!(postgres.stop(), LocalPostgres::start(place.settings()));
        stopped.unwrap();
        postgres = started.unwrap();
        assert_eq!("1", query(&postgres.url(), "SELECT 1").await);
    }
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_value_that_is_dropped_leaves_too_and_a_start_right_after_gets_a_server_that_runs() {
    let place = Place::new();
    let dropped = place.start().await;
    let pid = place.postmaster().unwrap();
    drop(dropped);
    let postgres = place.start().await;
    assert_ne!(Some(pid), place.postmaster());
    assert_eq!("1", query(&postgres.url(), "SELECT 1").await);

    let dropped = place.start().await;
    drop(dropped);
    assert_eq!("1", query(&postgres.url(), "SELECT 1").await);
    drop(postgres);
    until("the server is gone", || place.postmaster().is_none()).await;
}

#[tokio::test]
async fn ctrl_c_in_the_terminal_does_not_reach_the_server() {
    let place = Place::new();
    let mut user = User::spawn(&place.data_dir());
    let url = user.url();
    // A terminal signals the whole process group of the program in the foreground.
    signal(-user.pid(), Signal::SIGINT);
    until("the program has ended", || !is_alive(user.pid())).await;
    assert_eq!("1", query(&url, "SELECT 1").await);

    place.start().await.stop().await.unwrap();
}

#[tokio::test]
async fn the_socket_of_a_directory_with_a_long_path_is_elsewhere_and_goes_with_the_server() {
    let place = Place::new();
    let data_dir = place.path().join("long".repeat(25));
    let postgres = LocalPostgres::start(Settings { data_dir, ..place.settings() }).await.unwrap();
    assert_eq!("1", query(&postgres.url(), "SELECT 1").await);
    let socket_dir = query(&postgres.url(), "SHOW unix_socket_directories").await;
    let socket_dir = socket_dir.trim_matches('"').to_owned();
    assert!(fs::exists(&socket_dir).unwrap());
    assert!(!socket_dir.contains("long"), "{socket_dir}");

    postgres.stop().await.unwrap();
    assert!(!fs::exists(&socket_dir).unwrap());
}

#[tokio::test]
async fn a_directory_with_blanks_and_commas_works() {
    let place = Place::new();
    for name in ["it's a folder", "one, two"] {
        let data_dir = place.path().join(name);
        let postgres = LocalPostgres::start(Settings { data_dir, ..place.settings() }).await.unwrap();
        assert_eq!("1", query(&postgres.url(), "SELECT 1").await);
        postgres.stop().await.unwrap();
    }
}

#[tokio::test]
async fn a_server_that_is_frozen_is_left_to_its_end_in_time() {
    let place = Place::new();
    let postgres = place.start().await;
    let pid = place.postmaster().unwrap();
    signal(pid, Signal::SIGSTOP);

    let asked = Instant::now();
    let error = postgres.stop_within(Duration::from_secs(1)).await.unwrap_err();
    let took = asked.elapsed();
    signal(pid, Signal::SIGCONT);

    assert!(matches!(error, Error::Deadline { .. }), "{error}");
    assert!(took < Duration::from_secs(3), "{took:?}");
    until("it ends by itself", || !is_alive(pid)).await;
}
