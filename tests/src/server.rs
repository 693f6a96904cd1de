//! Sockets and threads: one thread accepts, one serves each connection; all are gone when the server is dropped.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::http1::{ReadError, Reader, encode};
use crate::reply::{Delivery, Reply};

/// Who answers.
pub(crate) trait Handler: Send + Sync {
    fn handle(&self, request: &http::Request<Vec<u8>>) -> Reply;
}

/// A running server.
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    open: Mutex<Open>,
    /// The server is to stop, or it listens or does not any more.
    changed: Condvar,
}

#[derive(Default)]
struct Open {
    stop: bool,
    /// Whether connections are to be refused, and up to when.
    away: Option<Away>,
    listens: bool,
    connections: HashMap<u64, TcpStream>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Away {
    UntilTold,
    Until(Instant),
}

impl Open {
    /// Breaks every connection.
    fn close(&self) {
        for stream in self.connections.values() {
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits; false if the server was stopped meanwhile.
    fn pause(&self, delay: Duration) -> bool {
        let waiting = self.changed.wait_timeout_while(self.open(), delay, |open| !open.stop);
        !waiting.unwrap_or_else(PoisonError::into_inner).0.stop
    }

    /// Waits as long as the condition holds and the server is not stopped.
    fn wait_while(&self, condition: impl Fn(&Open) -> bool) {
        let waiting = self.changed.wait_while(self.open(), |open| !open.stop && condition(open));
        drop(waiting);
    }

    /// Refuses connections from now on.
    fn leave(&self, address: SocketAddr, away: Away) {
        self.open().away = Some(away);
        // Wakes the acceptor, unless it is away already.
        drop(TcpStream::connect(address));
        self.changed.notify_all();
        self.wait_while(|open| open.listens);
    }

    /// Waits until the server is to listen again; false if it was stopped instead.
    fn stay_away(&self) -> bool {
        let mut open = self.open();
        loop {
            let left = match open.away {
                _ if open.stop => return false,
                None => return true,
                Some(Away::UntilTold) => Duration::MAX,
                Some(Away::Until(end)) => end.saturating_duration_since(Instant::now()),
            };
            if left.is_zero() {
                open.away = None;
                return true;
            }
            // A day at a time: not every platform can wait for longer.
            let left = left.min(Duration::from_secs(86_400));
            open = self.changed.wait_timeout(open, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Server {
    pub(crate) fn bind(port: u16) -> io::Result<(TcpListener, SocketAddr)> {
        let listener = listen((Ipv4Addr::LOCALHOST, port).into())?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    pub(crate) fn start(
        listener: TcpListener,
        address: SocketAddr,
        handler: Arc<dyn Handler>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        shared.open().listens = true;
        let theirs = Arc::clone(&shared);
        let acceptor = thread::Builder::new()
            .name("lti-platform".to_owned())
            .spawn(move || run(listener, address, &theirs, &handler))?;
        Ok(Self { address, shared, acceptor: Some(acceptor) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Closes every connection and refuses others.
    pub(crate) fn stop_listening(&self) {
        self.shared.leave(self.address, Away::UntilTold);
    }

    /// Takes connections again.
    pub(crate) fn listen_again(&self) {
        self.shared.open().away = None;
        self.shared.changed.notify_all();
        self.shared.wait_while(|open| !open.listens);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.open().stop = true;
        self.shared.changed.notify_all();
        // Wakes the acceptor, which sees to the connections.
        drop(TcpStream::connect(self.address));
        if let Some(acceptor) = self.acceptor.take() {
            drop(acceptor.join());
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Listens, with room for the many who may come at once.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    const BACKLOG: i32 = 4096;
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    // Or the port could not be had again while connections of an earlier listener fade away.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Accepts, is away for a while now and then, and ends with the server.
fn run(listener: TcpListener, address: SocketAddr, shared: &Arc<Shared>, handler: &Arc<dyn Handler>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    let mut numbers = 1..;
    let mut listener = Some(listener);
    while let Some(open) = listener {
        accept(&open, address, &mut numbers, &mut threads, shared, handler);
        drop(open);
        {
            let mut state = shared.open();
            state.listens = false;
            state.close();
        }
        shared.changed.notify_all();
        listener = come_back(address, shared);
        shared.changed.notify_all();
    }
    for thread in threads {
        drop(thread.join());
    }
}

/// Listens again when it is time to; `None` if the server is stopped.
fn come_back(address: SocketAddr, shared: &Shared) -> Option<TcpListener> {
    const RETRY: Duration = Duration::from_millis(5);
    while shared.stay_away() {
        // Somebody else may have the port for a moment, as the near end of a connection.
        let Ok(listener) = listen(address) else {
            shared.pause(RETRY);
            continue;
        };
        let mut state = shared.open();
        if state.away.is_none() {
            state.listens = true;
            return Some(listener);
        }
    }
    None
}

fn accept(
    listener: &TcpListener,
    address: SocketAddr,
    numbers: &mut impl Iterator<Item = u64>,
    threads: &mut Vec<JoinHandle<()>>,
    shared: &Arc<Shared>,
    handler: &Arc<dyn Handler>,
) {
    for (stream, number) in listener.incoming().zip(numbers) {
        {
            let open = shared.open();
            if open.stop || open.away.is_some() {
                return;
            }
        }
        let Ok(stream) = stream else { continue };
        threads.retain(|thread| !thread.is_finished());
        let (shared, handler) = (Arc::clone(shared), Arc::clone(handler));
        let serve = move || {
            let last = serve(&stream, number, &shared, handler.as_ref());
            if let Delivery::Refuse(time) = last {
                let end = Instant::now().checked_add(time);
                shared.leave(address, end.map_or(Away::UntilTold, Away::Until));
            }
            // The other handle to the socket has to go first, or the close would not be the last one.
            shared.open().connections.remove(&number);
            if last == Delivery::Reset {
                drop(SockRef::from(&stream).set_linger(Some(Duration::ZERO)));
            }
        };
        if let Ok(thread) = thread::Builder::new().spawn(serve) {
            threads.push(thread);
        }
    }
}

/// Serves a connection to its end, and says what that end is.
fn serve(stream: &TcpStream, number: u64, shared: &Shared, handler: &dyn Handler) -> Delivery {
    let Ok(handle) = stream.try_clone() else { return Delivery::HangUp };
    {
        let mut open = shared.open();
        if open.stop || open.away.is_some() {
            return Delivery::HangUp;
        }
        open.connections.insert(number, handle);
    }
    drop(stream.set_nodelay(true));
    let mut writer = stream;
    let mut reader = Reader::new(stream, number);
    loop {
        let received = match reader.next() {
            Ok(Some(received)) => received,
            Ok(None) | Err(ReadError::Io) => return Delivery::HangUp,
            Err(ReadError::Malformed(status)) => {
                let reply = Reply { delivery: Delivery::SendAndClose, ..Reply::new(status) };
                drop(writer.write_all(&encode(&reply)));
                return Delivery::SendAndClose;
            }
        };
        let mut reply = handler.handle(&received.request);
        if !reply.delay.is_zero() && !shared.pause(reply.delay) {
            return Delivery::HangUp;
        }
        if !received.keep_alive && reply.delivery == Delivery::Send {
            reply.delivery = Delivery::SendAndClose;
        }
        let sent = match reply.delivery {
            Delivery::Reset | Delivery::HangUp | Delivery::Refuse(_) => return reply.delivery,
            Delivery::Stall => {
                reader.end();
                return Delivery::Stall;
            }
            Delivery::Garbage => writer.write_all(GARBAGE),
            Delivery::Drip(pause) => drip(writer, &encode(&reply), pause, shared),
            Delivery::Send | Delivery::SendAndClose | Delivery::Truncate | Delivery::WrongLength => {
                writer.write_all(&encode(&reply))
            }
        };
        let is_last =
            matches!(reply.delivery, Delivery::SendAndClose | Delivery::Truncate | Delivery::Garbage);
        if sent.is_err() || is_last || !received.keep_alive {
            return reply.delivery;
        }
    }
}

/// What a server of another protocol says: the beginning of a TLS alert, and words.
const GARBAGE: &[u8] = b"\x15\x03\x01\x00\x02\x02\x46 this is no HTTP\r\n\r\n";

fn drip(mut stream: &TcpStream, bytes: &[u8], pause: Duration, shared: &Shared) -> io::Result<()> {
    bytes.iter().try_for_each(|byte| {
        if !shared.pause(pause) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        stream.write_all(&[*byte])
    })
}

/// `GET`s a JSON document over plain HTTP from loopback; `None` for whatever reason there may be.
pub(crate) fn fetch_json(url: &str) -> Option<Value> {
    const PATIENCE: Duration = Duration::from_secs(2);
    const LARGEST: u64 = 1 << 20;
    let url = url::Url::parse(url).ok().filter(|url| url.scheme() == "http")?;
    let (host, port) = (url.host_str()?, url.port_or_known_default()?);
    let mut addresses = (host.trim_matches(['[', ']']), port).to_socket_addrs().ok()?;
    let address = addresses.find(|address| address.ip().is_loopback())?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    // HTTP/1.0: no chunks, and the end of the stream is the end of the body.
    let request = format!(
        "GET {}{query} HTTP/1.0\r\nHost: {host}:{port}\r\nAccept: application/json\r\n\r\n",
        url.path()
    );
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.take(LARGEST).read_to_end(&mut answer).ok()?;
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(size) = head.parse(&answer).ok()? else { return None };
    if head.code != Some(200) {
        return None;
    }
    serde_json::from_slice(answer.get(size..)?).ok()
}
