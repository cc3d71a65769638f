//! The HTTP server: an application on a listener, with limits for every connection.

use super::connection::{ClientConnection, Stream};
use actix_http::{HttpService, Request, Response};
use actix_service::{IntoServiceFactory, ServiceFactoryExt, apply_fn_factory, map_config};
use actix_web::{
    Error, HttpResponse,
    body::MessageBody,
    dev::{AppConfig, Extensions, Server, Service, ServiceFactory},
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    fmt,
    future::pending,
    io,
    net::{SocketAddr, TcpListener},
    num::NonZeroUsize,
    rc::Rc,
    thread,
    time::Duration,
};
use tokio::net::{TcpSocket, TcpStream};

/// The longest time that a client may take to close a connection that the server closes.
const CLOSE: Duration = Duration::from_secs(1);
/// The most connections that wait to be accepted.
const BACKLOG: u32 = 1_024;

/// The limits on clients: their number, and the time that they have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// The most connections. When fewer than an eighth of them would stay free, a new client takes the slot of the one
    /// that has kept the server waiting longest.
    pub connections: usize,
    /// The longest time that a client may keep the server waiting: for a head, from its first byte on; for the next
    /// request; or until it takes an answer.
    pub client_timeout: Duration,
    /// The longest time, in seconds, that requests in progress may take when the server ends.
    pub drain_seconds: u64,
}

/// Listens on an address.
///
/// # Errors
///
/// The address is taken, or not one of this machine.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}

/// Serves an application on a listener.
///
/// # Errors
///
/// The listener cannot be used.
pub fn serve<F, I, S, B>(listener: TcpListener, limits: ConnectionLimits, application: F) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let threads = thread::available_parallelism().map_or(2, NonZeroUsize::get).min((limits.connections / 8).max(1));
    let most = limits.connections / threads;
    let server = Server::build()
        .workers(threads)
        .disable_signals()
        .shutdown_timeout(limits.drain_seconds)
        .max_concurrent_connections(most);
    let ending = server.graceful_shutdown_signal();
    let server = server.listen("http", listener, move || {
        let ending = ending.clone();
        let application = application().into_factory().map_err(|error| error.into().error_response());
        let application = map_config(application, |()| AppConfig::default());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let ending = ending.clone();
                async move { ending.notified().await }
            })
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(CLOSE)
            .on_connect_ext(|stream: &Stream, data: &mut Extensions| {
                data.insert(stream.connection());
            })
            .h1(apply_fn_factory(application, |request: Request, application: &_| {
                answer_in_order(request, application)
            }));
        let open = OpenConnections::at_most(most - most / 8);
        apply_fn_factory(http, move |stream: TcpStream, http: &_| {
            let client = stream.peer_addr().ok();
            let slot = open.insert(ClientConnection::new(stream, limits.client_timeout));
            let serving = Service::call(http, (Stream::new(Rc::clone(&slot.connection)), client));
            async move { slot.connection.limit(serving).await }
        })
    })?;
    Ok(server.run())
}

/// Answers a request, unless the answer before it closes the connection: then the request stays unanswered.
fn answer_in_order<A, B>(
    request: Request,
    application: &A,
) -> impl Future<Output = Result<Response<B>, HttpResponse>> + use<A, B>
where
    A: Service<Request, Response: Into<Response<B>>, Error = HttpResponse>,
{
    let connection = request.conn_data::<Rc<ClientConnection>>().cloned();
    let is_next = connection.as_ref().is_none_or(|connection| connection.begin(&request));
    let answer = is_next.then(|| application.call(request));
    async move {
        let Some(answer) = answer else { return pending().await };
        let mut answer = answer.await.map(Into::into);
        if let Some(connection) = connection {
            connection.answer(match &mut answer {
                Ok(answer) => answer.head_mut(),
                Err(refusal) => refusal.head_mut(),
            });
        }
        answer
    }
}

/// The open connections of a thread.
#[derive(Clone)]
struct OpenConnections {
    connections: Rc<RefCell<BTreeMap<u64, Rc<ClientConnection>>>>,
    next: Rc<Cell<u64>>,
    most: usize,
}

/// The slot of a connection in [`OpenConnections`], given up when this is dropped.
struct ConnectionSlot {
    open: OpenConnections,
    number: u64,
    connection: Rc<ClientConnection>,
}

impl OpenConnections {
    fn at_most(most: usize) -> Self {
        Self { connections: Rc::default(), next: Rc::default(), most }
    }

    fn insert(&self, connection: ClientConnection) -> ConnectionSlot {
        let (number, connection) = (self.next.get(), Rc::new(connection));
        self.next.set(number + 1);
        let mut open = self.connections.borrow_mut();
        if open.len() >= self.most {
            let waiting = open.values().filter(|one| !one.is_evicted());
            let longest = waiting.filter_map(|one| Some((one.deadline()?, one))).min_by_key(|(deadline, _)| *deadline);
            if let Some((_, longest)) = longest {
                metrics::counter!("sta_http_displaced_clients_total").increment(1);
                longest.evict();
            }
        }
        open.insert(number, Rc::clone(&connection));
        ConnectionSlot { open: self.clone(), number, connection }
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        self.open.connections.borrow_mut().remove(&self.number);
    }
}
