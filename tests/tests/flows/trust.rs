//! A server on which the promises would not hold is refused at the start, with the reason.

use eventually::eventually;
use local_postgres::{LocalPostgres, Settings};
use serde_json::json;
use sta_tests::sta::{Sta, command, signal};
use std::{
    os::unix::{fs::MetadataExt, process::CommandExt},
    path::Path,
    process::{Child, Command, Stdio},
};

/// A process that is killed with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        signal(self.0.id(), "INT");
        let _ = self.0.wait();
    }
}

/// A command that runs a program as the owner of a file: PostgreSQL and its tools refuse to run as root.
fn run_as_owner(of: &Path, program: &Path, arguments: &[&str]) -> Running {
    let owner = std::fs::metadata(of).unwrap();
    let mut command = Command::new(program);
    command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).current_dir("/");
    if owner.uid() != std::fs::metadata("/proc/self").map_or(owner.uid(), |me| me.uid()) {
        command.uid(owner.uid()).gid(owner.gid());
    }
    Running(command.spawn().unwrap())
}

/// The reason with which `serve` refuses a server.
async fn refusal(home: &Path, url: &str) -> String {
    let refused = command(home, &[("DATABASE_URL", url)]).arg("serve").kill_on_drop(true).output();
    let refused = tokio::time::timeout(std::time::Duration::from_secs(30), refused).await.expect("it ends").unwrap();
    assert!(!refused.status.success());
    String::from_utf8(refused.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_fsync_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let made = LocalPostgres::start(Settings::new(home.path().join("sta"))).await.unwrap();
    let (url, postgres) = (made.url(), made.binaries().dir.join("postgres"));
    made.stop().await.unwrap();
    let (data, socket) = (home.path().join("sta/postgres"), home.path().join("sta/run"));
    let arguments =
        ["-D", data.to_str().unwrap(), "-k", socket.to_str().unwrap(), "-c", "listen_addresses=", "-c", "fsync=off"];
    let _server = run_as_owner(&data, &postgres, &arguments);
    let told = eventually("it is up", || async {
        let told = refusal(home.path(), &url).await;
        told.contains("fsync").then_some(told)
    });
    assert!(told.await.contains("is not durable"));
}

#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "the connection's driver ends with the connection")]
async fn a_database_of_another_encoding_than_utf8_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let server = LocalPostgres::start(Settings::new(home.path().join("sta"))).await.unwrap();
    let (client, connection) = tokio_postgres::connect(&server.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0").await.unwrap();
    let url = format!("{}/latin", server.url().trim_end_matches("/postgres"));

    let told = refusal(home.path(), &url).await;

    assert!(told.contains("the database has the encoding LATIN1"), "{told}");
    server.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs pgbouncer, which CI installs"]
async fn a_proxy_that_pools_transactions_is_refused_and_one_that_pools_sessions_is_not() {
    let home = tempfile::tempdir().unwrap();
    let server = LocalPostgres::start(Settings::new(home.path().join("sta"))).await.unwrap();
    let socket = home.path().join("sta/run");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
    let start = |mode: &str| {
        let settings = format!(
            "[databases]\npostgres = host={} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             auth_type = any\npool_mode = {mode}\nunix_socket_dir =\n",
            socket.display()
        );
        let file = home.path().join(format!("{mode}.ini"));
        std::fs::write(&file, settings).unwrap();
        std::fs::set_permissions(home.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        run_as_owner(&socket, Path::new("pgbouncer"), &[file.to_str().unwrap()])
    };
    let transactions = start("transaction");
    let told = eventually("it is up", || async {
        let told = refusal(home.path(), &url).await;
        told.contains("proxy").then_some(told)
    });
    assert!(told.await.contains("pool_mode = session"));
    drop(transactions);
    let _sessions = start("session");
    eventually("it is up", || async { std::net::TcpStream::connect(("127.0.0.1", port)).ok() }).await;
    let sta = Sta::start(home.path(), &[("DATABASE_URL", &url)]).await;
    sta.becomes_ready().await;
    let image = json!({ "id_proveedor": "p", "id_paciente": "x", "url_path": "https://a.example/" });
    assert_eq!(sta.post("/ingesta/crear-ingesta-comando", &image).await.unwrap().0, 202);
    assert_eq!(sta.stop().await.0, 0);
    server.stop().await.unwrap();
}
