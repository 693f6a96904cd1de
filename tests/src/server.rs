//! Sockets and threads: one thread accepts, one serves each connection; all are gone when the server is dropped.

use std::collections::HashMap;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;
use socket2::SockRef;

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
    stopped: Condvar,
}

#[derive(Default)]
struct Open {
    stop: bool,
    connections: HashMap<u64, TcpStream>,
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits; false if the server was stopped meanwhile.
    fn pause(&self, delay: Duration) -> bool {
        let waiting = self.stopped.wait_timeout_while(self.open(), delay, |open| !open.stop);
        !waiting.unwrap_or_else(PoisonError::into_inner).0.stop
    }
}

impl Server {
    pub(crate) fn bind(port: u16) -> io::Result<(TcpListener, SocketAddr)> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    pub(crate) fn start(
        listener: TcpListener,
        address: SocketAddr,
        handler: Arc<dyn Handler>,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let acceptor = thread::Builder::new()
            .name("lti-platform".to_owned())
            .spawn(move || accept(&listener, &theirs, &handler))?;
        Ok(Self { address, shared, acceptor: Some(acceptor) })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.open().stop = true;
        self.shared.stopped.notify_all();
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

fn accept(listener: &TcpListener, shared: &Arc<Shared>, handler: &Arc<dyn Handler>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    for (number, stream) in (1..).zip(listener.incoming()) {
        if shared.open().stop {
            break;
        }
        let Ok(stream) = stream else { continue };
        threads.retain(|thread| !thread.is_finished());
        let (shared, handler) = (Arc::clone(shared), Arc::clone(handler));
        let serve = move || {
            let last = serve(&stream, number, &shared, handler.as_ref());
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
    for stream in shared.open().connections.values() {
        drop(stream.shutdown(Shutdown::Both));
    }
    for thread in threads {
        drop(thread.join());
    }
}

/// Serves a connection to its end, and says what that end is.
fn serve(stream: &TcpStream, number: u64, shared: &Shared, handler: &dyn Handler) -> Delivery {
    let Ok(handle) = stream.try_clone() else { return Delivery::HangUp };
    {
        let mut open = shared.open();
        if open.stop {
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
        match reply.delivery {
            Delivery::Reset | Delivery::HangUp => return reply.delivery,
            Delivery::Send | Delivery::SendAndClose => {
                if writer.write_all(&encode(&reply)).is_err() || reply.delivery == Delivery::SendAndClose {
                    return reply.delivery;
                }
            }
        }
    }
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
