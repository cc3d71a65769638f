//! A connection and its limits: whose turn it is, and until when a client may take its own.
//!
//! The framework limits the first head of a connection and nothing else. Here each head, each body and each answer that
//! is not taken has an end.
//!
//! | turn | begins | ends |
//! |---|---|---|
//! | the client's: it takes an answer, and sends a head | with the connection; with an answer | with a request; [`PATIENCE`](Patience) after the last progress |
//! | the client's: it sends a body | when a route reads it | when it is complete; after the deadline of a request |
//! | the server's | with a request | with the answer, which has a deadline of its own |

use super::refused;
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

/// The bytes a second of an answer that a client must take once it has let the server wait.
const RATE: f64 = 4_096.0;
/// The most bytes of a body that are read after its answer.
const DRAIN: usize = 16 * 1024 * 1024;
/// How long a client that was refused may take to close, so that it reads why.
const LINGER: Duration = Duration::from_secs(1);

/// Whose turn it is, with the moment when a client's turn is over.
#[derive(Clone, Copy)]
enum Turn {
    Client(Instant),
    Body(Instant),
    Server,
}

/// One client's connection.
pub(super) struct Connection {
    io: RefCell<TcpStream>,
    patience: Duration,
    turn: Cell<Turn>,
    /// The bytes that came since the last answer.
    came: Cell<usize>,
    /// The last request has a body of unknown length, which no route has read to its end.
    is_unread: Cell<bool>,
    /// Some of an answer is still to be given to the system.
    is_unflushed: Cell<bool>,
    /// The last answer said that it is the last.
    is_closing: Cell<bool>,
    /// Another request came after the last answer.
    is_finished: Cell<bool>,
    /// The place is needed for another client, or too much came.
    is_dismissed: Cell<bool>,
    /// The framework refused what came.
    is_refused: Cell<bool>,
    task: OnceCell<Waker>,
}

impl Connection {
    /// A connection that was made just now.
    pub(super) fn new(io: TcpStream, patience: Duration) -> Self {
        Self {
            io: RefCell::new(io),
            patience,
            turn: Cell::new(Turn::Client(Instant::now() + patience)),
            came: Cell::default(),
            is_unread: Cell::default(),
            is_unflushed: Cell::default(),
            is_closing: Cell::default(),
            is_finished: Cell::default(),
            is_dismissed: Cell::default(),
            is_refused: Cell::default(),
            task: OnceCell::new(),
        }
    }

    /// When the client's turn is over; none while it is the server's.
    pub(super) fn due(&self) -> Option<Instant> {
        match self.turn.get() {
            Turn::Client(due) | Turn::Body(due) => Some(due),
            Turn::Server => None,
        }
    }

    /// Whether it is told to end already.
    pub(super) fn is_dismissed(&self) -> bool {
        self.is_dismissed.get()
    }

    /// Ends it at once.
    pub(super) fn dismiss(&self) {
        self.is_dismissed.set(true);
        if let Some(task) = self.task.get() {
            task.wake_by_ref();
        }
    }

    /// Gives the turn to the server. False: the last answer was the last, and the request is not for anybody.
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
        self.came.set(0);
        self.turn.set(Turn::Client(Instant::now() + self.patience));
    }

    /// Runs what serves the connection, for as long as the client keeps to the limits.
    pub(super) async fn limit<E>(&self, serving: impl Future<Output = Result<(), E>>) -> Result<(), E> {
        let outcome = tokio::select! {
            biased;
            outcome = serving => outcome,
            () = self.over() => Ok(()),
        };
        self.leave().await;
        outcome
    }

    /// Waits until the connection is to end.
    async fn over(&self) {
        let mut timer = pin!(sleep_until(Instant::now() + self.patience));
        poll_fn(|context| {
            self.task.get_or_init(|| context.waker().clone());
            if self.is_dismissed.get() || (self.is_finished.get() && !self.is_unflushed.get()) {
                return Poll::Ready(());
            }
            // The timer is not moved by each request: when it fires, it is set to what holds by then.
            while timer.as_mut().poll(context).is_ready() {
                let now = Instant::now();
                match self.due() {
                    Some(due) if due <= now => return Poll::Ready(()),
                    // The turn may be another's long before it would be over.
                    due => timer.as_mut().reset(due.map_or(now + self.patience, |due| due.min(now + self.patience))),
                }
            }
            Poll::Pending
        })
        .await;
    }

    /// Closes. A client that was too slow with a head is told, and one that was refused may read why.
    async fn leave(&self) {
        let is_late = self.due().is_some_and(|due| due <= Instant::now());
        if is_late {
            metrics::counter!("sta_http_slow_clients_total").increment(1);
            if self.came.get() > 0 && !self.is_unread.get() && !self.is_unflushed.get() {
                // Nothing waits to be written before it, so the system takes all of it.
                drop(self.io.borrow().try_write(&refused::answer(StatusCode::REQUEST_TIMEOUT)));
                self.is_refused.set(true);
            }
        }
        drop(poll_fn(|context| Pin::new(&mut *self.io.borrow_mut()).poll_shutdown(context)).await);
        if self.is_refused.get() {
            // Whoever comes anew takes its place first.
            self.turn.set(Turn::Client(Instant::now()));
            drop(timeout(LINGER, self.drain()).await);
        }
    }

    /// Reads what a client still sends, unless its place is needed: closing over unread bytes would take the answer from
    /// it.
    async fn drain(&self) {
        let (mut bytes, mut came) = ([0; 4096], 0);
        while came < DRAIN {
            let mut read = ReadBuf::new(&mut bytes);
            let polled = poll_fn(|context| match self.is_dismissed.get() {
                true => Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into())),
                false => Pin::new(&mut *self.io.borrow_mut()).poll_read(context, &mut read),
            });
            let polled = polled.await;
            match (polled, read.filled().len()) {
                (Err(_), _) | (Ok(()), 0) => return,
                (Ok(()), length) => came += length,
            }
        }
    }

    /// Notes that something came: with its first byte a head begins, and then it has no more than its own time.
    fn read(&self, length: usize) {
        let Turn::Client(_) = self.turn.get() else { return };
        if self.came.get() == 0 {
            self.turn.set(Turn::Client(Instant::now() + self.patience));
        }
        self.came.set(self.came.get() + length);
        if self.came.get() > DRAIN {
            self.is_dismissed.set(true);
        }
    }

    /// Notes that the system took some of an answer: each [`RATE`] bytes give the client another second.
    fn wrote(&self, length: usize) {
        self.is_unflushed.set(true);
        if let Turn::Client(due) = self.turn.get() {
            let more = due + Duration::from_secs_f64(length as f64 / RATE);
            self.turn.set(Turn::Client(more.min(Instant::now() + self.patience)));
        }
    }

    /// Notes that the system took all that there was.
    fn flushed(&self) {
        if let (true, Turn::Client(_)) = (self.is_unflushed.replace(false), self.turn.get()) {
            self.turn.set(Turn::Client(Instant::now() + self.patience));
        }
    }
}

/// The connection that a request came on; none in tests without a network.
pub(super) struct Body<'a>(Option<&'a Connection>);

impl<'a> Body<'a> {
    /// Gives the client the turn for a body, which is to be complete within `deadline`.
    pub(super) fn awaited(request: &'a HttpRequest, deadline: Duration) -> Self {
        let connection = request.conn_data::<Rc<Connection>>().map(|connection| &**connection);
        if let Some(connection) = connection {
            // The route gives up first, and answers.
            connection.turn.set(Turn::Body(Instant::now() + deadline + connection.patience));
        }
        Self(connection)
    }

    /// Notes that all of it came.
    pub(super) fn complete(&self) {
        if let Some(connection) = self.0 {
            connection.is_unread.set(false);
        }
    }
}

impl Drop for Body<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.0 {
            connection.turn.set(Turn::Server);
        }
    }
}

/// The connection as the framework reads and writes it.
pub(super) struct Stream {
    connection: Rc<Connection>,
    /// What is sent in the place of a refusal of the framework, and how much of it is left.
    refusal: Option<Vec<u8>>,
}

impl Stream {
    /// The stream of a connection.
    pub(super) fn new(connection: Rc<Connection>) -> Self {
        Self { connection, refusal: None }
    }

    /// The connection.
    pub(super) fn connection(&self) -> Rc<Connection> {
        Rc::clone(&self.connection)
    }

    /// Writes our own refusal in the place of the framework's, which is `length` bytes long.
    fn poll_refuse(&mut self, status: StatusCode, length: usize, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.connection.is_refused.set(true);
        let left = self.refusal.get_or_insert_with(|| refused::answer(status));
        while !left.is_empty() {
            let taken = ready!(Pin::new(&mut *self.connection.io.borrow_mut()).poll_write(context, left))?;
            self.connection.wrote(taken);
            left.drain(..taken);
        }
        Poll::Ready(Ok(length))
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut *self.connection.io.borrow_mut()).poll_read(context, into))?;
        self.connection.read(into.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let ours = match refused::find(bytes) {
            Some((0, status)) => return self.poll_refuse(status, bytes.len(), context),
            Some((place, _)) => &bytes[..place],
            None => bytes,
        };
        // Before it is written, so that an answer of which nothing is taken counts, too.
        self.connection.is_unflushed.set(true);
        let taken = ready!(Pin::new(&mut *self.connection.io.borrow_mut()).poll_write(context, ours))?;
        self.connection.wrote(taken);
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut *self.connection.io.borrow_mut()).poll_flush(context))?;
        self.connection.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.connection.io.borrow_mut()).poll_shutdown(context)
    }
}
