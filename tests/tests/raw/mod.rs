//! A platform that does with a connection what the test says: bytes that no server would send, or none.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use lti_ags::{Algorithm, Endpoint, Policy, PostScore, Registration, Scope, Score, Signer, SigningKey};

use crate::common::{Limits, Tool, impatient};

/// What it answers to token requests, unless told otherwise.
pub const TOKEN: &str = r#"{"access_token":"nf.Zk3~81-planted","token_type":"Bearer","expires_in":3600}"#;

pub const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/// Longer than any test takes.
pub const LONG: Duration = Duration::from_secs(20);

/// It notes the heads of the requests to services.
pub struct Platform {
    origin: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Platform {
    /// Gives tokens. `answer` gets the connection and how many requests to services came before; it says whether the
    /// connection stays.
    pub fn start(answer: impl Fn(&mut TcpStream, usize) -> bool + Send + Sync + 'static) -> Self {
        Self::answering(|stream| say(stream, with_body("200 OK", TOKEN)), answer)
    }

    /// The same, with what is answered to token requests.
    pub fn answering(
        token: impl Fn(&mut TcpStream) -> bool + Send + Sync + 'static,
        answer: impl Fn(&mut TcpStream, usize) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::connecting(|_| true, token, answer)
    }

    /// The same, with what is done with a connection before a request is read.
    pub fn connecting(
        greet: impl Fn(&mut TcpStream) -> bool + Send + Sync + 'static,
        token: impl Fn(&mut TcpStream) -> bool + Send + Sync + 'static,
        answer: impl Fn(&mut TcpStream, usize) -> bool + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let (behaviour, noted) = (Arc::new((greet, token, answer)), Arc::clone(&seen));
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let (behaviour, noted) = (Arc::clone(&behaviour), Arc::clone(&noted));
                thread::spawn(move || {
                    let (greet, token, answer) = &*behaviour;
                    if greet(&mut stream) {
                        serve(stream, token, answer, &noted);
                    }
                });
            }
        });
        Self { origin, seen }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    pub fn endpoint(&self) -> Endpoint {
        let endpoint = Endpoint::new(Scope::AGS).with_line_items(self.url("/items"));
        endpoint.unwrap().with_line_item(self.url("/items/9")).unwrap()
    }

    pub fn tool<T: Tool>(&self, policy: Policy, request_timeout: Duration) -> T {
        T::assemble(self.registration(), policy, Limits { request_timeout, ..Limits::default() })
    }

    /// A tool that makes one attempt, and is patient.
    pub fn plain_tool<T: Tool>(&self) -> T {
        self.tool(once(), LONG)
    }

    pub fn registration(&self) -> Registration {
        struct Nobody;
        impl Signer for Nobody {
            fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
                Ok(vec![1])
            }
        }
        let key = SigningKey::external(Algorithm::Rs256, "k", Nobody);
        Registration::new("tool", &self.url("/token"), key).unwrap()
    }

    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn serve(
    stream: TcpStream,
    token: &impl Fn(&mut TcpStream) -> bool,
    answer: &impl Fn(&mut TcpStream, usize) -> bool,
    seen: &Mutex<Vec<String>>,
) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::new(stream);
    while let Some(head) = request(&mut reader) {
        let stream = reader.get_mut();
        let goes_on = if head.contains(" /token ") {
            token(stream)
        } else {
            let before = {
                let mut seen = seen.lock().unwrap();
                seen.push(head);
                seen.len() - 1
            };
            answer(stream, before)
        };
        if !goes_on {
            return;
        }
    }
}

/// The head of a request, whose body is read as well.
fn request(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|&read| read > 0)?;
        if line.trim_end().is_empty() {
            break;
        }
        if let Some(text) = line.trim_end().to_ascii_lowercase().strip_prefix("content-length: ") {
            length = text.parse().ok()?;
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(head)
}

/// Writes; whether the client is still there.
pub fn say(stream: &mut TcpStream, text: impl AsRef<[u8]>) -> bool {
    stream.write_all(text.as_ref()).is_ok()
}

/// Writes, and is done with the connection.
pub fn close_with(stream: &mut TcpStream, text: impl AsRef<[u8]>) -> bool {
    say(stream, text);
    false
}

/// Writes a byte every few milliseconds, as long as the client listens.
pub fn drip(stream: &mut TcpStream, mut bytes: impl Iterator<Item = u8>) -> bool {
    bytes.all(|byte| {
        thread::sleep(Duration::from_millis(10));
        stream.write_all(&[byte]).is_ok()
    })
}

pub fn with_body(status: &str, body: &str) -> String {
    with_headers(status, "", body)
}

/// `headers` are lines, with their ends.
pub fn with_headers(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

pub fn once() -> Policy {
    let mut policy = impatient();
    policy.max_attempts = 1;
    policy
}

pub fn score(given: f64) -> PostScore {
    PostScore::new(Score::graded("u-1001", given, 100.0).build().unwrap())
}

/// The result, and that it came long before the patience of a default was at its end.
pub fn soon<R>(act: impl FnOnce() -> R) -> R {
    let begun = Instant::now();
    let result = act();
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    result
}
