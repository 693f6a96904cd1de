//! A scripted HTTP server: it records each request, and answers as a function of the test's says.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use serde_json::Value;

/// The token that the server gives, which must never be shown.
pub(crate) const TOKEN: &str = "tk/9f.Planted+Token~77";

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Request {
    pub(crate) fn is_token(&self) -> bool {
        self.path == "/token"
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| &**value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// A parameter of a form.
    pub(crate) fn form(&self, name: &str) -> Option<String> {
        let pair = self.body.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")))?;
        let mut text = Vec::new();
        let mut bytes = pair.bytes();
        while let Some(byte) = bytes.next() {
            text.push(match byte {
                b'+' => b' ',
                b'%' => {
                    let digits = [bytes.next()?, bytes.next()?];
                    u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
                }
                byte => byte,
            });
        }
        String::from_utf8(text).ok()
    }

    /// A part of the assertion of a token request: 0 is the header, 1 the claims.
    pub(crate) fn assertion(&self, part: usize) -> Value {
        use base64::Engine as _;
        let assertion = self.form("client_assertion").unwrap();
        let part = assertion.split('.').nth(part).unwrap();
        let json = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).unwrap();
        serde_json::from_slice(&json).unwrap()
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    status: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Reply {
    pub(crate) fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status: format!("{status} Whatever"), headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn reason(mut self, reason: &str) -> Self {
        self.status = format!("{} {reason}", &self.status[..3]);
        self
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// A token for all that was asked.
    pub(crate) fn token() -> Self {
        Self::new(200, format!(r#"{{"access_token":"{TOKEN}","token_type":"Bearer","expires_in":3600}}"#))
    }
}

/// The server; it ends with the process.
pub(crate) struct Server {
    pub(crate) origin: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers each request; the function is told how many of that path came before.
    pub(crate) fn start(answer: impl Fn(&Request, usize) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let record = Arc::clone(&requests);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away is the test's affair.
                let _ = serve(stream, &record, &answer);
            }
        });
        Self { origin, requests }
    }

    /// Gives tokens, and answers everything else so.
    pub(crate) fn answering(reply: Reply) -> Self {
        Self::start(move |request, _| if request.is_token() { Reply::token() } else { reply.clone() })
    }

    /// Takes every score.
    pub(crate) fn willing() -> Self {
        Self::answering(Reply::new(200, ""))
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The requests that are not for a token.
    pub(crate) fn service_requests(&self) -> Vec<Request> {
        self.requests().into_iter().filter(|request| !request.is_token()).collect()
    }
}

fn serve(
    stream: TcpStream,
    record: &Mutex<Vec<Request>>,
    answer: &impl Fn(&Request, usize) -> Reply,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.to_owned(), value.to_owned())),
            None => break,
        }
    }
    let mut request = Request { method, path, headers, body: String::new() };
    let length = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    reader.by_ref().take(length).read_to_string(&mut request.body)?;
    let before = {
        let mut requests = record.lock().unwrap_or_else(PoisonError::into_inner);
        let before = requests.iter().filter(|earlier| earlier.path == request.path).count();
        requests.push(request.clone());
        before
    };
    let Reply { status, headers, body } = answer(&request, before);
    let mut text = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    for (name, value) in headers {
        write!(text, "{name}: {value}\r\n").unwrap();
    }
    reader.get_mut().write_all(format!("{text}\r\n{body}").as_bytes())
}
