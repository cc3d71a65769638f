//! Recovery after kills.

use std::{fs, process::Command};

use local_postgres::LocalPostgres;
use nix::sys::signal::Signal;

use crate::support::{Place, User, client, is_alive, query, signal, until, without_descriptors};

#[tokio::test]
async fn a_server_that_dies_under_a_live_process_is_started_again_at_the_same_address() {
    let place = Place::new();
    let postgres = place.start().await;
    query(&postgres.url(), "CREATE TABLE kept AS SELECT 'still here' AS word").await;
    let pid = place.postmaster().unwrap();
    let is_back = || place.postmaster().is_some_and(|now| now != pid) && status(&place) == "ready";

    let url = postgres.url();
    let (leave, told_to_leave) = tokio::sync::oneshot::channel::<()>();
    let keeper = tokio::spawn(async move {
        tokio::select! {
            never = postgres.keep_alive() => match never {},
            _ = told_to_leave => postgres.stop().await,
        }
    });
    signal(pid, Signal::SIGKILL);
    until("another server is up", is_back).await;

    assert_eq!("still here", query(&url, "SELECT word FROM kept").await);
    leave.send(()).unwrap();
    keeper.await.unwrap().unwrap();
    assert_eq!(None, place.postmaster());
}

#[tokio::test]
async fn processes_of_a_killed_server_that_go_on_computing_are_ended() {
    let place = Place::new();
    let postgres = place.start().await;
    let client = client(&postgres.url()).await;
    let backend: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    let busy = tokio::spawn(async move { client.batch_execute("SELECT count(*) FROM generate_series(1, 1e12)").await });
    let is_busy = format!("SELECT state FROM pg_stat_activity WHERE pid = {backend}");
    while query(&postgres.url(), &is_busy).await != "active" {}

    let pid = place.postmaster().unwrap();
    signal(pid, Signal::SIGKILL);
    until("the server is dead", || !is_alive(pid)).await;
    assert!(is_alive(backend));
    postgres.ensure_running().await.unwrap();
    until("the process that computed is gone", || !is_alive(backend)).await;
    assert!(busy.await.unwrap().is_err());
    assert_eq!("1", query(&postgres.url(), "SELECT 1").await);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn after_everything_was_killed_the_next_start_recovers_what_was_committed() {
    let place = Place::new();
    let mut user = User::spawn(&place.data_dir());
    let url = user.url();
    query(&url, "CREATE TABLE kept AS SELECT 'still here' AS word").await;
    let pid = place.postmaster().unwrap();
    user.kill();
    signal(pid, Signal::SIGKILL);
    until("the server is dead", || !is_alive(pid)).await;

    let postgres = place.start().await;
    assert_ne!(Some(pid), place.postmaster());
    assert_eq!("still here", query(&postgres.url(), "SELECT word FROM kept").await);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn the_server_of_a_killed_process_is_taken_over_by_the_next_and_stopped_by_the_last() {
    let place = Place::new();
    let mut user = User::spawn(&place.data_dir());
    user.url();
    let pid = place.postmaster().unwrap();
    user.kill();
    assert!(is_alive(pid));

    let postgres = place.start().await;
    assert_eq!(Some(pid), place.postmaster());
    postgres.stop().await.unwrap();
    assert!(!is_alive(pid));
}

#[tokio::test]
async fn a_server_whose_process_was_killed_before_it_was_up_is_taken_over() {
    let place = Place::new();
    place.start().await.stop().await.unwrap();
    let user = User::spawn(&place.data_dir());
    until("the server begins to start", || place.postmaster().is_some()).await;
    user.kill();
    let pid = place.postmaster();

    let postgres = place.start().await;
    assert_eq!(pid, place.postmaster());
    assert_eq!("1", query(&postgres.url(), "SELECT 1").await);
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_pid_that_means_another_program_by_now_is_no_server_and_is_left_alone() {
    let place = Place::new();
    place.start().await.stop().await.unwrap();
    // A program of the user that runs the server: PostgreSQL itself would take it for a server.
    let owner = fs::metadata(place.data_dir().join("postgres")).unwrap();
    let mut other = Command::new("sleep");
    std::os::unix::process::CommandExt::uid(other.arg("600"), std::os::unix::fs::MetadataExt::uid(&owner));
    let mut other = other.spawn().unwrap();
    let (pid, cluster, run) = (other.id(), place.data_dir().join("postgres"), place.data_dir().join("run"));
    let (cluster_dir, run_dir) = (cluster.display(), run.display());
    let stale = format!("{pid}\n{cluster_dir}\n1795558700\n5432\n{run_dir}\n\n  9977948         4\nready   \n");
    fs::write(cluster.join("postmaster.pid"), &stale).unwrap();
    fs::write(run.join(".s.PGSQL.5432.lock"), &stale).unwrap();

    let postgres = place.start().await;
    assert_eq!("1", query(&postgres.url(), "SELECT 1").await);
    postgres.stop().await.unwrap();

    assert_eq!(None, other.try_wait().unwrap());
    other.kill().unwrap();
    other.wait().unwrap();
}

#[tokio::test]
async fn a_pid_file_that_is_cut_short_or_of_another_directory_does_no_harm() {
    let (place, other) = (Place::new(), Place::new());
    place.start().await.stop().await.unwrap();
    let other_postgres = other.start().await;
    let of_other = fs::read_to_string(other.data_dir().join("postgres/postmaster.pid")).unwrap();
    for text in ["", "12", &of_other] {
        fs::write(place.data_dir().join("postgres/postmaster.pid"), text).unwrap();
        let postgres = place.start().await;
        assert_ne!(other_postgres.url(), postgres.url());
        assert_eq!("1", query(&postgres.url(), "SELECT 1").await);
        postgres.stop().await.unwrap();
    }
    assert_eq!("1", query(&other_postgres.url(), "SELECT 1").await);
    other_postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_process_without_free_descriptors_leaves_a_running_server_alone() {
    let place = Place::new();
    let postgres = place.start().await;
    let pid = place.postmaster();

    let output = without_descriptors(&place.data_dir());

    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!("1", query(&postgres.url(), "SELECT 1").await);
    assert_eq!(pid, place.postmaster());
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_whose_pid_file_cannot_be_read_keeps_its_socket() {
    let place = Place::new();
    let postgres = place.start().await;
    let (pid, file) = (place.postmaster(), place.data_dir().join("postgres/postmaster.pid"));
    let aside = file.with_extension("aside");
    fs::rename(&file, &aside).unwrap();
    fs::create_dir(&file).unwrap();

    let error = postgres.ensure_running().await.unwrap_err().to_string();

    assert!(error.contains("postmaster.pid"), "{error}");
    assert_eq!("1", query(&postgres.url(), "SELECT 1").await);
    fs::remove_dir(&file).unwrap();
    fs::rename(&aside, &file).unwrap();
    postgres.ensure_running().await.unwrap();
    assert_eq!(pid, place.postmaster());
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_shut_down_from_outside_is_awaited_and_started_again() {
    let place = Place::new();
    let postgres = place.start().await;
    let pid = place.postmaster().unwrap();
    let client = client(&postgres.url()).await;
    // A smart shutdown waits for the client, so the server stays in this state until the test goes on.
    signal(pid, Signal::SIGTERM);
    until("the server is shutting down", || status(&place) == "stopping").await;

    let mut start = std::pin::pin!(LocalPostgres::start(place.settings()));
    let is_early = tokio::time::timeout(std::time::Duration::from_millis(100), &mut start).await.is_ok();
    assert!(!is_early && is_alive(pid));
    drop(client);
    let second = start.await.unwrap();

    assert!(!is_alive(pid));
    assert_eq!("1", query(&postgres.url(), "SELECT 1").await);
    second.stop().await.unwrap();
    postgres.stop().await.unwrap();
}

#[tokio::test]
async fn a_database_that_was_being_made_when_the_process_was_killed_is_made_anew() {
    let place = Place::new();
    let user = User::spawn(&place.data_dir());
    let unfinished = || -> Vec<_> {
        let entries = fs::read_dir(place.data_dir()).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).filter(|path| path.to_string_lossy().contains("/.initdb-")).collect()
    };
    until("initdb is at work", || unfinished().iter().any(|dir| dir.join("PG_VERSION").exists())).await;
    user.kill();
    assert!(!place.data_dir().join("postgres").exists());

    let postgres = place.start().await;
    assert_eq!("1", query(&postgres.url(), "SELECT 1").await);
    postgres.stop().await.unwrap();
    // The initdb of the killed process may have run on for a moment. A later start removes its remains.
    while !unfinished().is_empty() {
        place.start().await.stop().await.unwrap();
    }
}

#[tokio::test]
async fn the_error_of_a_wrong_parameter_names_it() {
    let place = Place::new();
    let mut settings = place.settings();
    settings.parameters.push(("shared_buffers".to_owned(), "lots".to_owned()));

    let error = LocalPostgres::start(settings).await.unwrap_err().to_string();

    assert!(error.contains("shared_buffers"), "{error}");
}

fn status(place: &Place) -> String {
    let text = fs::read_to_string(place.data_dir().join("postgres/postmaster.pid")).unwrap_or_default();
    text.lines().nth(7).unwrap_or_default().trim().to_owned()
}
