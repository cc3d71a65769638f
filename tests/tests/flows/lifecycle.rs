//! Starting, stopping, and several processes on one data directory.

use eventually::eventually;
use serde_json::json;
use sta_tests::sta::{Frozen, Sta, command, postgres_pid, signal, tail};
use std::{
    ffi::OsString,
    os::unix::ffi::OsStringExt,
    process::Stdio,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn create(sta: &Sta) -> String {
    let body = json!({ "id_proveedor": "p-1", "id_paciente": "x-1", "url_path": "https://imagenes.example/1.dcm" });
    let (status, answer) = sta.post("/ingesta/crear-ingesta-comando", &body).await.unwrap();
    assert_eq!(status, 202, "{answer}");
    answer["id"].as_str().unwrap().to_owned()
}

async fn is_there(sta: &Sta, id: &str) -> bool {
    sta.get(&format!("/ingesta/consulta-por-id/{id}")).await.unwrap().0 == 200
}

#[tokio::test(flavor = "multi_thread")]
async fn data_survives_a_stop_and_a_warm_start_takes_less_than_a_second() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    let id = create(&sta).await;
    let (code, took) = sta.stop().await;
    assert_eq!(code, 0);
    assert!(took < Duration::from_secs(20), "{took:?}");
    assert_eq!(postgres_pid(home.path()), None, "its PostgreSQL is stopped too");
    // The best of several runs: the machine may be busy.
    let mut fastest = Duration::MAX;
    for _ in 0..30 {
        let asked = Instant::now();
        let sta = Sta::start(home.path(), &[]).await;
        fastest = fastest.min(asked.elapsed());
        assert!(is_there(&sta, &id).await);
        assert_eq!(sta.stop().await.0, 0);
        if fastest < Duration::from_secs(1) {
            break;
        }
    }
    assert!(fastest < Duration::from_secs(1), "a warm start took {fastest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_share_a_directory_and_the_last_to_leave_stops_postgresql() {
    let home = tempfile::tempdir().unwrap();
    let one = Sta::start(home.path(), &[]).await;
    let two = Sta::start(home.path(), &[]).await;
    let id = create(&one).await;
    assert!(is_there(&two, &id).await);
    assert_eq!(one.stop().await.0, 0);
    assert!(postgres_pid(home.path()).is_some());
    let id = create(&two).await;
    // The relay of the first process has ended; the second takes over.
    eventually("the second relays", || async {
        let messages = tail(home.path(), &[], "eventos-ingesta").await;
        messages.iter().any(|message| message["key"] == id.as_str()).then_some(())
    })
    .await;
    assert_eq!(two.stop().await.0, 0);
    assert_eq!(postgres_pid(home.path()), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_relay_is_replaced_and_publishes_nothing_twice_when_it_thaws() {
    let home = tempfile::tempdir().unwrap();
    let one = Sta::start(home.path(), &[]).await;
    let two = Sta::start(home.path(), &[("STA_HTTP_DEADLINE_MS", "3000")]).await;
    create(&one).await;
    signal(one.pid(), "STOP");
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(
            eventually("the other goes on", || async {
                let body = json!({ "id_proveedor": "p", "id_paciente": "x", "url_path": "https://imagenes.example/1" });
                let (status, answer) = two.post("/ingesta/crear-ingesta-comando", &body).await.unwrap();
                (status == 202).then(|| answer["id"].as_str().unwrap().to_owned())
            })
            .await,
        );
    }
    let all = || async { (tail(home.path(), &[], "eventos-ingesta").await.len() >= 21).then_some(()) };
    eventually("the other relays", all).await;
    signal(one.pid(), "CONT");
    ids.push(create(&one).await);
    eventually("both are served", || async {
        (tail(home.path(), &[], "eventos-ingesta").await.len() >= 22).then_some(())
    })
    .await;
    let messages = tail(home.path(), &[], "eventos-ingesta").await;
    assert_eq!(messages.len(), 22, "each once");
    assert_eq!(one.stop().await.0, 0);
    assert_eq!(two.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_under_way_when_the_server_ends_is_answered_and_its_connection_closed() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    let (_, url) = sta.raw("");
    let mut connection = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    let body = json!({ "id_proveedor": "p", "id_paciente": "x", "url_path": "https://imagenes.example/1" }).to_string();
    let head = format!(
        "POST /ingesta/crear-ingesta-comando HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    let (first, rest) = body.split_at(10);
    connection.write_all(format!("{head}{first}").as_bytes()).await.unwrap();
    // An answer to another client proves that the server has read what was sent before.
    create(&sta).await;
    signal(sta.pid(), "TERM");
    eventually("no more connections are taken", || async {
        TcpStream::connect(url.trim_start_matches("http://")).await.is_err().then_some(())
    })
    .await;
    connection.write_all(rest.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 202 ") && answer.contains("connection: close"), "{answer}");
    let (code, took) = sta.stop().await;
    assert!(code == 0 && took < Duration::from_secs(20), "{code} after {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_ended_while_it_starts_leaves_nothing_behind() {
    // Files that mark moments of a start: before the database is made, after, while PostgreSQL starts, before the migrations.
    for there in ["local-postgres.lock", "postgres", "postgres/postmaster.pid", "run/.s.PGSQL.5432"] {
        let home = tempfile::tempdir().unwrap();
        let mut child =
            command(home.path(), &[]).arg("serve").stdout(Stdio::null()).kill_on_drop(true).spawn().unwrap();
        eventually(there, || async { home.path().join(there).exists().then_some(()) }).await;
        signal(child.id().expect("it runs"), "TERM");
        let ended =
            tokio::time::timeout(Duration::from_secs(20), child.wait()).await.expect("it ends in time").unwrap();
        assert_eq!((ended.code(), postgres_pid(home.path())), (Some(0), None), "once there is {there}");
        // The next start completes the half-made directory.
        let sta = Sta::start(home.path(), &[]).await;
        create(&sta).await;
        assert_eq!(sta.stop().await.0, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn migrate_makes_the_schemas_and_ends() {
    let home = tempfile::tempdir().unwrap();
    let migrated = command(home.path(), &[]).arg("migrate").output().await.unwrap();
    assert!(migrated.status.success(), "{}", String::from_utf8_lossy(&migrated.stderr));
    assert_eq!(postgres_pid(home.path()), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_settings_are_all_reported_in_lines_and_nothing_is_started() {
    let home = tempfile::tempdir().unwrap();
    let wrong = [("STA_TASKS", "sing"), ("STA_LISTNE", "x"), ("DATABASE_URL", "postgres://u:hunter2@:x")];
    let mut serve = command(home.path(), &wrong);
    let not_text = OsString::from_vec(vec![b'/', 0xff]);
    let refused = serve.arg("serve").env("RUST_BACKTRACE", "1").env("STA_POSTGRES_BIN", not_text).output().await;
    let refused = refused.unwrap();
    let told = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1));
    assert!(wrong.iter().all(|(name, _)| told.contains(name)) && told.contains("STA_POSTGRES_BIN"), "{told}");
    assert_eq!(told.lines().count(), 1 + wrong.len() + 1, "a line each, no backtrace: {told}");
    assert!(!told.contains("hunter2") && !home.path().join("postgres").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_variables_do_not_concern_a_server() {
    let home = tempfile::tempdir().unwrap();
    let links = [
        ("STA_API_SERVICE_HOST", "10.0.0.1"),
        ("STA_API_PORT", "tcp://10.0.0.1:5000"),
        ("KAFKA_PORT_9092_TCP", "tcp://10.0.0.2:9092"),
    ];
    let mut serve = command(home.path(), &links);
    serve.arg("serve").env("LESS_TERMCAP", OsString::from_vec(vec![0x1b, 0xff]));
    let sta = Sta::run(serve, home.path()).await;
    create(&sta).await;
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_signal_that_ends_a_server_drains_it() {
    for name in ["INT", "HUP", "QUIT"] {
        let home = tempfile::tempdir().unwrap();
        let sta = Sta::start(home.path(), &[]).await;
        let id = create(&sta).await;
        signal(sta.pid(), name);
        assert_eq!((sta.ends().await.0, postgres_pid(home.path())), (0, None), "after SIG{name}");
        let sta = Sta::start(home.path(), &[]).await;
        assert!(is_there(&sta, &id).await);
        assert_eq!(sta.stop().await.0, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_started_with_nohup_outlives_its_terminal() {
    let home = tempfile::tempdir().unwrap();
    let serve = command(home.path(), &[]);
    let mut nohup = tokio::process::Command::new("nohup");
    nohup.arg(serve.as_std().get_program()).arg("serve").stdin(Stdio::null()).stderr(Stdio::null()).env_clear();
    nohup.envs(serve.as_std().get_envs().filter_map(|(name, value)| Some((name, value?))));
    let sta = Sta::run(nohup, home.path()).await;
    signal(sta.pid(), "HUP");
    create(&sta).await;
    assert_eq!(sta.stop().await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_postgresql_is_frozen_ends_within_twenty_seconds_and_leaves_it_to_end() {
    let home = tempfile::tempdir().unwrap();
    let sta = Sta::start(home.path(), &[]).await;
    let id = create(&sta).await;
    let frozen = Frozen::postgres_of(&sta);
    let (code, took) = sta.stop().await;
    assert!(code == 1 && took < Duration::from_secs(30), "{code} after {took:?}");
    drop(frozen);
    eventually("PostgreSQL ends", || async { postgres_pid(home.path()).is_none().then_some(()) }).await;
    let sta = Sta::start(home.path(), &[]).await;
    assert!(is_there(&sta, &id).await);
    assert_eq!(sta.stop().await.0, 0);
}
