//! Limits on clients that do not keep their turn, tested over a network.

use super::*;
use actix_web::{
    App,
    body::{BodySize, MessageBody},
    middleware::from_fn,
    rt,
};
use futures_util::future::join_all;
use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::Pin,
    sync::atomic::{AtomicUsize, Ordering},
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, interval, timeout},
};

const CLIENT_TIMEOUT: Duration = Duration::from_millis(500);
/// More bytes than the system buffers of an answer that is not read.
const LARGE: usize = 32 * 1024 * 1024;
const ASK: &str = "GET /things HTTP/1.1\r\nHost: sta\r\n\r\n";

/// The number of large answers that are not finished.
static UNFINISHED: AtomicUsize = AtomicUsize::new(0);

/// A large answer, chunk by chunk.
struct Large(usize);

impl Large {
    fn new() -> Self {
        UNFINISHED.fetch_add(1, Ordering::Relaxed);
        Self(LARGE)
    }
}

impl Drop for Large {
    fn drop(&mut self) {
        UNFINISHED.fetch_sub(1, Ordering::Relaxed);
    }
}

impl MessageBody for Large {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(LARGE as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        if self.0 == 0 {
            return Poll::Ready(None);
        }
        self.0 -= 16 * 1024;
        Poll::Ready(Some(Ok(Bytes::from_static(&[b'x'; 16 * 1024]))))
    }
}

fn start(limits: ConnectionLimits) -> SocketAddr {
    let listener = listen("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let slow = async || {
        tokio::time::sleep(Duration::from_millis(100)).await;
        "slow"
    };
    let server = serve(listener, limits, move || {
        App::new()
            .service(create_thing)
            .service(list_things)
            .route("/large", web::get().to(async || HttpResponse::Ok().body(Large::new())))
            .route("/slow", web::get().to(slow))
            .default_service(web::to(fallback))
            .wrap(from_fn(middleware))
    });
    rt::spawn(server.unwrap());
    address
}

fn usual() -> SocketAddr {
    start_with_timeout(CLIENT_TIMEOUT)
}

fn start_with_timeout(client_timeout: Duration) -> SocketAddr {
    start(ConnectionLimits { connections: 1_000, client_timeout, drain_seconds: 1 })
}

/// Opens a connection and sends a text.
async fn sent(server: SocketAddr, text: impl AsRef<[u8]>) -> TcpStream {
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.write_all(text.as_ref()).await.unwrap();
    stream
}

/// Returns everything that arrives until the server closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    drop(timeout(Duration::from_secs(20), stream.read_to_end(&mut text)).await.expect("the server closes in time"));
    String::from_utf8_lossy(&text).into_owned()
}

/// Reads one answer with its body. The connection stays open.
async fn one(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"}") {
        let read = timeout(Duration::from_secs(20), stream.read_buf(&mut text)).await.expect("there is an answer");
        assert_ne!(read.unwrap(), 0, "{}", String::from_utf8_lossy(&text));
    }
    String::from_utf8_lossy(&text).into_owned()
}

/// Sends a text every `pause` until the server closes, and returns the answer.
async fn dribble(mut stream: TcpStream, text: &str, pause: Duration) -> String {
    let (mut said, mut often) = (Vec::new(), interval(pause));
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        assert!(Instant::now() < end, "the server lets it go on");
        tokio::select! {
            read = stream.read_buf(&mut said) => if read.unwrap_or(0) == 0 { break },
            _ = often.tick() => if stream.write_all(text.as_bytes()).await.is_err() { break },
        }
    }
    String::from_utf8_lossy(&said).into_owned()
}

/// Returns the status and the slug of each problem that closes the connection.
fn refusals(said: &str) -> Vec<(&str, &str)> {
    let found = said.split("HTTP/1.1 ").skip(1).filter(|answer| answer.contains("connection: close"));
    found
        .map(|answer| {
            assert!(answer.contains("content-type: application/problem+json"), "{answer}");
            assert!(answer.contains("x-correlation-id: "), "{answer}");
            (&answer[..3], answer.split("/problemas/").nth(1).unwrap().split('"').next().unwrap())
        })
        .collect()
}

#[actix_web::test]
async fn a_head_that_does_not_end_is_refused_whether_it_is_the_first_or_a_later_one() {
    let server = usual();
    let begun = join_all(["", ASK].into_iter().flat_map(|before| {
        ["G", "\r\n", "GET /things HTTP/1.1\r\nHost: sta\r\nx: y"].map(|begin| async move {
            let mut stream = TcpStream::connect(server).await.unwrap();
            if !before.is_empty() {
                stream.write_all(before.as_bytes()).await.unwrap();
                one(&mut stream).await;
            }
            stream.write_all(begin.as_bytes()).await.unwrap();
            let more = if begin == "\r\n" { begin } else { "G" };
            (before, begin, dribble(stream, more, Duration::from_millis(50)).await)
        })
    }));
    for (before, begin, said) in begun.await {
        assert_eq!(refusals(&said), [("408", "peticion-incompleta")], "{before:?} {begin:?}");
    }
    // A connection without a request is closed without an answer.
    let mut silent = sent(server, "").await;
    assert_eq!(rest(&mut silent).await, "");
}

#[actix_web::test]
async fn a_connection_stays_open_while_requests_arrive() {
    let client_timeout = 4 * CLIENT_TIMEOUT;
    let mut stream = TcpStream::connect(start_with_timeout(client_timeout)).await.unwrap();
    let mut often = interval(client_timeout / 4);
    for _ in 0..6 {
        often.tick().await;
        stream.write_all(ASK.as_bytes()).await.unwrap();
        assert!(one(&mut stream).await.starts_with("HTTP/1.1 200 "));
    }
}

#[actix_web::test]
async fn an_answer_that_is_not_taken_ends_the_connection_and_one_that_is_taken_slowly_does_not() {
    let server = start_with_timeout(4 * CLIENT_TIMEOUT);
    let ask = "GET /large HTTP/1.1\r\nHost: sta\r\n\r\n";
    let (mut slow, deaf) = (sent(server, ask).await, sent(server, ask).await);
    let (mut buffer, mut read, mut often) = (vec![0; LARGE / 20], 0, interval(CLIENT_TIMEOUT / 5));
    while read < LARGE {
        often.tick().await;
        slow.read_exact(&mut buffer[..1024 * 1024]).await.unwrap();
        read += 1024 * 1024;
    }
    let end = Instant::now() + Duration::from_secs(20);
    while UNFINISHED.load(Ordering::Relaxed) > 0 {
        assert!(Instant::now() < end, "the answer is still kept");
        often.tick().await;
    }
    drop(deaf);
}

#[actix_web::test]
async fn a_body_that_no_route_reads_is_read_to_a_limit() {
    let server = usual();
    let head = "POST /nothing HTTP/1.1\r\nHost: sta\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut fast = sent(server, head).await;
    assert!(one(&mut fast).await.starts_with("HTTP/1.1 404 "));
    let chunk = [b"10000\r\n".as_slice(), &[b'x'; 0x10000], b"\r\n"].concat();
    let mut taken = 0;
    while timeout(Duration::from_secs(20), fast.write_all(&chunk)).await.expect("it reads or closes").is_ok() {
        taken += chunk.len();
        assert!(taken < LARGE, "it reads without an end");
    }
    let mut slow = sent(server, head).await;
    assert!(one(&mut slow).await.starts_with("HTTP/1.1 404 "));
    // The answer was already sent, so there is no second one.
    assert_eq!(dribble(slow, "1\r\nx\r\n", Duration::from_millis(50)).await, "");
    // A body that ends in time keeps the connection open.
    let mut good = sent(server, [head.as_bytes(), &chunk, b"0\r\n\r\n", ASK.as_bytes()].concat()).await;
    let said = rest(&mut good).await;
    assert!(said.contains("HTTP/1.1 404 ") && said.contains("HTTP/1.1 200 "), "{said}");
}

#[actix_web::test]
async fn an_answer_that_closes_the_connection_is_the_last() {
    let server = usual();
    for path in ["/things", "/slow"] {
        let close = format!("GET {path} HTTP/1.1\r\nHost: sta\r\nConnection: close\r\n\r\n");
        let said = rest(&mut sent(server, format!("{close}{ASK}{ASK}")).await).await;
        assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{said}");
        assert!(said.contains("connection: close"), "{said}");
        let said = rest(&mut sent(server, format!("{ASK}{ASK}{close}{ASK}")).await).await;
        assert_eq!(said.matches("HTTP/1.1 200 ").count(), 3, "{said}");
    }
}

#[actix_web::test]
async fn bytes_that_are_not_http_get_a_problem() {
    let server = usual();
    let long = format!("GET /things HTTP/1.1\r\nHost: sta\r\nx: {}\r\n\r\n", "x".repeat(300_000));
    let bodies = "POST /things HTTP/1.1\r\nHost: sta\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n";
    for (text, status, slug) in [
        ("\0\r\n\r\n", "400", "peticion-invalida"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400", "peticion-invalida"),
        ("GET /things HTTP/1.1\r\n\r\n", "400", "peticion-invalida"),
        (bodies, "400", "peticion-invalida"),
        (&long, "431", "demasiado-grande"),
    ] {
        for before in ["", ASK] {
            let said = rest(&mut sent(server, format!("{before}{text}")).await).await;
            assert_eq!(refusals(&said), [(status, slug)], "{before:?} {:?}", &text[..20.min(text.len())]);
            assert_eq!(said.contains("HTTP/1.1 200 "), !before.is_empty(), "{said}");
        }
    }
}

#[actix_web::test]
async fn a_new_client_takes_the_place_of_the_one_that_lets_the_server_wait_longest() {
    let server = start(ConnectionLimits { connections: 16, client_timeout: Duration::from_secs(60), drain_seconds: 1 });
    let mut strangers = Vec::new();
    for n in 0..100 {
        let begun = [
            "",
            "GET /",
            "POST /things HTTP/1.1\r\nHost: sta\r\nContent-Type: application/json\r\nContent-Length: 60\r\n\r\n{",
        ];
        strangers.push(sent(server, begun[n % 3]).await);
        let mut client = sent(server, ASK).await;
        assert!(one(&mut client).await.starts_with("HTTP/1.1 200 "), "{n}");
    }
}
