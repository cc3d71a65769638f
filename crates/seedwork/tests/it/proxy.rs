//! A proxy between the engine and PostgreSQL that imitates faulty networks and dying machines.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UnixStream},
};

/// The behaviour of the proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Mode {
    /// Forwards everything.
    Pass,
    /// Holds a COMMIT back: to the server, the client is frozen.
    KeepCommit,
    /// Forwards a COMMIT and closes the connection instead of forwarding its answer.
    LoseAnswer,
    /// Closes the client's connection at the next COMMIT and forwards the COMMIT a little later.
    DelayCommit,
    /// Forwards nothing and keeps connections open.
    Silent,
    /// Closes every connection.
    Refuse,
}

const MODES: [Mode; 6] =
    [Mode::Pass, Mode::KeepCommit, Mode::LoseAnswer, Mode::DelayCommit, Mode::Silent, Mode::Refuse];

/// The bytes of a COMMIT of the committer. `READ COMMITTED` does not match.
const COMMIT: &[u8] = b"; COMMIT";

/// The delay of [`Mode::DelayCommit`].
const LATER: Duration = Duration::from_millis(300);

/// A proxy that listens on loopback.
#[derive(Clone)]
pub(crate) struct Proxy {
    address: SocketAddr,
    mode: Arc<AtomicU8>,
}

impl Proxy {
    /// A proxy in front of the server that listens on a socket.
    #[expect(clippy::disallowed_methods, reason = "a proxy ends with the test's runtime")]
    pub(crate) async fn start(socket: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self { address: listener.local_addr().unwrap(), mode: Arc::default() };
        let mode = Arc::clone(&proxy.mode);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (socket, mode) = (socket.clone(), Arc::clone(&mode));
                tokio::spawn(async move {
                    if let Ok(server) = UnixStream::connect(&socket).await {
                        carry(client, server, &mode).await;
                    }
                });
            }
        });
        proxy
    }

    /// A proxy in front of the server of the database with this address.
    pub(crate) async fn before(direct: &str) -> Self {
        let host = direct.split(['@', ':']).nth(2).unwrap().replace("%2F", "/").replace("%2f", "/");
        Self::start(format!("{host}/.s.PGSQL.5432")).await
    }

    pub(crate) fn set(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::SeqCst);
    }

    /// The address through the proxy of the database with this address.
    pub(crate) fn url(&self, direct: &str) -> String {
        let database = direct.rsplit('/').next().unwrap();
        format!("postgres://postgres@{}/{database}", self.address)
    }
}

fn now(mode: &AtomicU8) -> Mode {
    MODES[usize::from(mode.load(Ordering::SeqCst))]
}

async fn carry(client: TcpStream, server: UnixStream, mode: &AtomicU8) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut silent = false;
    loop {
        tokio::select! {
            read = from_client.read(&mut asked) => {
                let Ok(1..) = read else { return };
                let bytes = &asked[..read.unwrap()];
                let commit = bytes.windows(COMMIT.len()).any(|word| word == COMMIT);
                match now(mode) {
                    Mode::Refuse => return,
                    Mode::Silent => silent = true,
                    Mode::KeepCommit if commit => silent = true,
                    Mode::LoseAnswer if commit => {
                        let _ = to_server.write_all(bytes).await;
                        // The answer proves that the server has committed.
                        let _ = from_server.read(&mut answered).await;
                        return;
                    }
                    Mode::DelayCommit if commit => {
                        mode.store(Mode::Pass as u8, Ordering::SeqCst);
                        drop((from_client, to_client));
                        tokio::time::sleep(LATER).await;
                        let _ = to_server.write_all(bytes).await;
                        let _ = from_server.read(&mut answered).await;
                        return;
                    }
                    _ => {}
                }
                if !silent && to_server.write_all(bytes).await.is_err() {
                    return;
                }
            }
            read = from_server.read(&mut answered) => {
                let Ok(1..) = read else { return };
                match now(mode) {
                    Mode::Refuse => return,
                    Mode::Silent => silent = true,
                    _ => {}
                }
                if !silent && to_client.write_all(&answered[..read.unwrap()]).await.is_err() {
                    return;
                }
            }
        }
    }
}
