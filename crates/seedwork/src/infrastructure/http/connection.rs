//! A connection and its limits. Client and server take turns, and each turn of the client has a deadline.
//!
//! The framework limits only the first head of a connection. Here every head, every body, and every answer that the
//! client does not take has a deadline.
//!
//! | turn | begins | ends |
//! |---|---|---|
//! | client: takes an answer, sends a head | with a connection or answer | with a request; `client_timeout` after progress |
//! | client: sends a body | when a route reads it | when it is complete; after the deadline of a request |
//! | server: answers | with a request | with the answer, which has a deadline of its own |

use super::framework_errors;
use actix_http::{ConnectionType, Request, ResponseHead};
use actix_web::{
    HttpMessage, HttpRequest,
    http::{StatusCode, header},
};
use std::{
    cell::{Cell, OnceCell, RefCell},
    future::poll_fn,
    io,
    pin::{Pin, pin},
    rc::Rc,
    task::{Context, Poll, Waker, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, sleep_until, timeout},
};

/// The lowest rate, in bytes a second, at which a client must take an answer once the server waits for it.
const RATE: f64 = 4_096.0;
/// The most bytes of a body that are read after its answer.
const DRAIN: usize = 16 * 1024 * 1024;
/// The longest time that a refused client may take to close. It gives the client time to read the refusal.
const LINGER: Duration = Duration::from_secs(1);

/// The side whose turn it is, with the deadline of a client's turn.
#[derive(Clone, Copy)]
enum Turn {
    Client(Instant),
    Body(Instant),
    Server,
}

/// One client's connection.
pub(super) struct ClientConnection {
    io: RefCell<TcpStream>,
    client_timeout: Duration,
    turn: Cell<Turn>,
    /// The bytes received since the last answer.
    received: Cell<usize>,
    /// True if the last request has a body of unknown length that no route has read to its end.
    is_unread: Cell<bool>,
    /// True if a part of an answer still has to be given to the system.
    is_unflushed: Cell<bool>,
    /// True if the request in progress or the last answer closes the connection.
    is_closing: Cell<bool>,
    /// True if another request came after an answer that closes the connection.
    is_finished: Cell<bool>,
    /// True if another client needs the slot, or the client sent too much.
    is_evicted: Cell<bool>,
    /// True if a refusal was sent that no route gave.
    is_refused: Cell<bool>,
    task: OnceCell<Waker>,
}

impl ClientConnection {
    /// Wraps a new connection. The client's turn begins now.
    pub(super) fn new(io: TcpStream, client_timeout: Duration) -> Self {
        Self {
            io: RefCell::new(io),
            client_timeout,
            turn: Cell::new(Turn::Client(Instant::now() + client_timeout)),
            received: Cell::default(),
            is_unread: Cell::default(),
            is_unflushed: Cell::default(),
            is_closing: Cell::default(),
            is_finished: Cell::default(),
            is_evicted: Cell::default(),
            is_refused: Cell::default(),
            task: OnceCell::new(),
        }
    }

    /// Returns the deadline of the client's turn, or `None` during the server's.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.turn.get() {
            Turn::Client(deadline) | Turn::Body(deadline) => Some(deadline),
            Turn::Server => None,
        }
    }

    /// Returns true if the connection is being evicted.
    pub(super) fn is_evicted(&self) -> bool {
        self.is_evicted.get()
    }

    /// Ends the connection at once.
    pub(super) fn evict(&self) {
        self.is_evicted.set(true);
        if let Some(task) = self.task.get() {
            task.wake_by_ref();
        }
    }

    /// Gives the turn to the server. Returns false if the answer before closes the connection: this request stays
    /// unanswered.
    pub(super) fn begin(&self, request: &Request) -> bool {
        if self.is_closing.get() {
            self.is_finished.set(true);
            return false;
        }
        self.is_closing.set(request.head().connection_type() == ConnectionType::Close);
        self.is_unread.set(request.headers().contains_key(header::TRANSFER_ENCODING));
        self.turn.set(Turn::Server);
        true
    }

    /// Gives the turn back to the client.
    pub(super) fn answer(&self, answer: &mut ResponseHead) {
        if self.is_closing.get() {
            answer.set_connection_type(ConnectionType::Close);
        }
        self.is_closing.set(answer.connection_type() == ConnectionType::Close);
        self.received.set(0);
        self.turn.set(Turn::Client(Instant::now() + self.client_timeout));
    }

    /// Runs `serving` for as long as the client keeps to the limits, then closes the connection.
    pub(super) async fn limit<E>(&self, serving: impl Future<Output = Result<(), E>>) -> Result<(), E> {
        let outcome = tokio::select! {
            biased;
            outcome = serving => outcome,
            () = self.wait_for_end() => Ok(()),
        };
        self.close().await;
        outcome
    }

    /// Waits until the connection must end.
    async fn wait_for_end(&self) {
        let mut timer = pin!(sleep_until(Instant::now() + self.client_timeout));
        poll_fn(|context| {
            self.task.get_or_init(|| context.waker().clone());
            if self.is_evicted.get() || (self.is_finished.get() && !self.is_unflushed.get()) {
                return Poll::Ready(());
            }
            // Requests do not reset the timer: when it fires, it is set to the deadline of that moment.
            while timer.as_mut().poll(context).is_ready() {
                let now = Instant::now();
                match self.deadline() {
                    Some(deadline) if deadline <= now => return Poll::Ready(()),
                    // Later turns have deadlines of their own, so it looks again soon.
                    deadline => {
                        let latest = now + self.client_timeout;
                        timer.as_mut().reset(deadline.map_or(latest, |deadline| deadline.min(latest)));
                    }
                }
            }
            Poll::Pending
        })
        .await;
    }

    /// Closes the connection. A client that was too slow with a head gets a 408, and a refused client gets time to read the
    /// refusal.
    async fn close(&self) {
        let is_late = self.deadline().is_some_and(|deadline| deadline <= Instant::now());
        if is_late {
            metrics::counter!("sta_http_slow_clients_total").increment(1);
            if self.received.get() > 0 && !self.is_unread.get() && !self.is_unflushed.get() {
                // Nothing waits to be written before it, so the system takes all of it.
                drop(self.io.borrow().try_write(&framework_errors::problem_response(StatusCode::REQUEST_TIMEOUT)));
                self.is_refused.set(true);
            }
        }
        drop(poll_fn(|context| Pin::new(&mut *self.io.borrow_mut()).poll_shutdown(context)).await);
        if self.is_refused.get() {
            // A new client takes this slot before any other.
            self.turn.set(Turn::Client(Instant::now()));
            drop(timeout(LINGER, self.drain()).await);
        }
    }

    /// Reads the rest of what a client sends, [`DRAIN`] bytes at most, unless another client needs its slot. Closing a socket with
    /// unread bytes resets the connection, and the client loses the answer.
    async fn drain(&self) {
        let (mut bytes, mut received) = ([0; 4096], 0);
        while received < DRAIN {
            let mut read = ReadBuf::new(&mut bytes);
            let polled = poll_fn(|context| match self.is_evicted.get() {
                true => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
                false => Pin::new(&mut *self.io.borrow_mut()).poll_read(context, &mut read),
            });
            let polled = polled.await;
            match (polled, read.filled().len()) {
                (Err(_), _) | (Ok(()), 0) => return,
                (Ok(()), length) => received += length,
            }
        }
    }

    /// Counts received bytes. The first one begins a head and restarts the client's deadline, the later ones do not.
    fn record_read(&self, length: usize) {
        let Turn::Client(_) = self.turn.get() else { return };
        if self.received.get() == 0 {
            self.turn.set(Turn::Client(Instant::now() + self.client_timeout));
        }
        self.received.set(self.received.get() + length);
        if self.received.get() > DRAIN {
            self.is_evicted.set(true);
        }
    }

    /// Records that the system took `length` bytes of an answer. Every [`RATE`] bytes give the client another second.
    fn record_write(&self, length: usize) {
        self.is_unflushed.set(true);
        if let Turn::Client(deadline) = self.turn.get() {
            let more = deadline + Duration::from_secs_f64(length as f64 / RATE);
            self.turn.set(Turn::Client(more.min(Instant::now() + self.client_timeout)));
        }
    }

    /// Records that the system took all bytes that were to be written.
    fn record_flush(&self) {
        if let (true, Turn::Client(_)) = (self.is_unflushed.replace(false), self.turn.get()) {
            self.turn.set(Turn::Client(Instant::now() + self.client_timeout));
        }
    }
}

/// The client's turn for a body, which ends when this is dropped. Tests without a network have no connection.
pub(super) struct BodyTurn<'a>(Option<&'a ClientConnection>);

impl<'a> BodyTurn<'a> {
    /// Gives the client the turn to send a body, which must be complete within `deadline`.
    pub(super) fn awaited(request: &'a HttpRequest, deadline: Duration) -> Self {
        let connection = request.conn_data::<Rc<ClientConnection>>().map(|connection| &**connection);
        if let Some(connection) = connection {
            // With `client_timeout` on top, the route's own timeout comes first, and the route answers.
            connection.turn.set(Turn::Body(Instant::now() + deadline + connection.client_timeout));
        }
        Self(connection)
    }

    /// Records that the body is complete.
    pub(super) fn complete(&self) {
        if let Some(connection) = self.0 {
            connection.is_unread.set(false);
        }
    }
}

impl Drop for BodyTurn<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.0 {
            connection.turn.set(Turn::Server);
        }
    }
}

/// The stream that the framework reads and writes.
pub(super) struct Stream {
    connection: Rc<ClientConnection>,
    /// The unsent rest of the refusal that replaces the framework's.
    refusal: Option<Vec<u8>>,
}

impl Stream {
    pub(super) fn new(connection: Rc<ClientConnection>) -> Self {
        Self { connection, refusal: None }
    }

    pub(super) fn connection(&self) -> Rc<ClientConnection> {
        Rc::clone(&self.connection)
    }

    /// Writes our own refusal in the place of the framework's, which is `length` bytes long.
    fn poll_refuse(&mut self, status: StatusCode, length: usize, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.connection.is_refused.set(true);
        let left = self.refusal.get_or_insert_with(|| framework_errors::problem_response(status));
        while !left.is_empty() {
            let taken = ready!(Pin::new(&mut *self.connection.io.borrow_mut()).poll_write(context, left))?;
            self.connection.record_write(taken);
            left.drain(..taken);
        }
        Poll::Ready(Ok(length))
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut *self.connection.io.borrow_mut()).poll_read(context, into))?;
        self.connection.record_read(into.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let ours = match framework_errors::find(bytes) {
            Some((0, status)) => return self.poll_refuse(status, bytes.len(), context),
            Some((place, _)) => &bytes[..place],
            None => bytes,
        };
        // Set before the write, so that an answer of which nothing is taken counts, too.
        self.connection.is_unflushed.set(true);
        let taken = ready!(Pin::new(&mut *self.connection.io.borrow_mut()).poll_write(context, ours))?;
        self.connection.record_write(taken);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut *self.connection.io.borrow_mut()).poll_flush(context))?;
        self.connection.record_flush();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.connection.io.borrow_mut()).poll_shutdown(context)
    }
}
