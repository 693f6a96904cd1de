//! A tool of a few lines over raw HTTP, free to do everything wrong.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its share")]

use std::io::{Read, Write};
use std::net::TcpStream;

use jiff::Timestamp;
use lti_ags_testing::{Builder, Platform, ToolKey, names};
use serde_json::{Value, json};

/// The clock of these tests.
pub const NOW: &str = "2026-03-02T09:00:00Z";

/// A platform whose clock stands at [`NOW`].
pub fn platform() -> Platform {
    builder().start()
}

/// The same, to be set up further.
pub fn builder() -> Builder {
    Platform::builder().now(NOW.parse().unwrap())
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub head: Vec<u8>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<String> {
        let head = String::from_utf8_lossy(&self.head).into_owned();
        head.lines().find_map(|line| {
            let (given, value) = line.split_once(": ")?;
            given.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    }
}

/// One connection.
pub struct Connection(TcpStream);

impl Connection {
    pub fn open(platform: &Platform) -> Self {
        let stream = TcpStream::connect(platform.address()).unwrap();
        stream.set_nodelay(true).unwrap();
        Self(stream)
    }

    /// Sends these bytes.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).unwrap();
    }

    /// Reads one answer; an error where the connection breaks first.
    pub fn read(&mut self) -> std::io::Result<Answer> {
        let mut bytes = Vec::new();
        let mut more = |bytes: &mut Vec<u8>| {
            let mut chunk = [0; 4096];
            let read = self.0.read(&mut chunk)?;
            bytes.extend_from_slice(&chunk[..read]);
            if read == 0 { Err(std::io::ErrorKind::UnexpectedEof.into()) } else { std::io::Result::Ok(()) }
        };
        let size = loop {
            if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            more(&mut bytes)?;
        };
        let head = bytes[..size].to_vec();
        let status = std::str::from_utf8(&head[9..12]).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: Vec::new() };
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        while bytes.len() < size + length {
            more(&mut bytes)?;
        }
        answer.body = bytes[size..size + length].to_vec();
        Ok(answer)
    }

    /// Sends a request and reads its answer.
    pub fn send(&mut self, method: &str, target: &str, headers: &str, body: &str) -> std::io::Result<Answer> {
        let length = body.len();
        self.write(format!(
            "{method} {target} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
        ));
        self.read()
    }
}

/// Header, claims and parameters of a token request, right unless changed.
pub struct TokenRequest {
    pub key: ToolKey,
    pub header: Value,
    pub claims: Value,
    pub scope: String,
    pub http_headers: String,
    pub more: String,
}

impl TokenRequest {
    /// A right one, with a `jti` of its own.
    pub fn new(platform: &Platform, jti: &str) -> Self {
        let now = platform.now().as_second();
        Self {
            key: ToolKey::shared().clone(),
            header: json!({ "typ": "JWT", "alg": "RS256", "kid": platform.key_id() }),
            claims: json!({
                "iss": platform.client_id(), "sub": platform.client_id(), "aud": platform.audience(),
                "iat": now, "exp": now + 300, "jti": jti,
                "https://purl.imsglobal.org/spec/lti/claim/deployment_id": platform.deployment_id(),
            }),
            scope: names::ALL_SCOPES.join(" "),
            http_headers: "Content-Type: application/x-www-form-urlencoded\r\nAccept: application/json\r\n"
                .into(),
            more: String::new(),
        }
    }

    pub fn body(&self) -> String {
        let assertion = self.key.sign(&self.header, &self.claims).unwrap();
        form(&assertion, &self.scope) + &self.more
    }

    pub fn send(&self, platform: &Platform) -> Answer {
        let endpoint = platform.token_endpoint();
        let target = endpoint.strip_prefix(&platform.base_url()).unwrap();
        Connection::open(platform).send("POST", target, &self.http_headers, &self.body()).unwrap()
    }
}

/// The form of a token request.
pub fn form(assertion: &str, scope: &str) -> String {
    format!(
        "grant_type=client_credentials&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3A\
         client-assertion-type%3Ajwt-bearer&client_assertion={assertion}&scope={}",
        scope.replace(' ', "+")
    )
}

/// A token for all scopes.
pub fn token(platform: &Platform) -> String {
    let number = platform.ledger().len();
    let answer = TokenRequest::new(platform, &format!("jti-{number}")).send(platform);
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["access_token"].as_str().unwrap().to_owned()
}

/// The headers of a right score request.
pub fn score_headers(token: &str) -> String {
    format!("Authorization: Bearer {token}\r\nContent-Type: {}\r\n", names::MEDIA_SCORE)
}

/// A right score of so many points out of 20, made so many milliseconds after [`NOW`].
pub fn score(points: f64, millis: i64) -> Value {
    json!({
        "userId": "u-1001", "scoreGiven": points, "scoreMaximum": 20, "activityProgress": "Completed",
        "gradingProgress": "FullyGraded", "timestamp": at(millis), "comment": "Clear plots.",
    })
}

/// A timestamp as scores hold it.
pub fn at(millis: i64) -> String {
    let now: Timestamp = NOW.parse().unwrap();
    format!("{:.3}", now + std::time::Duration::from_millis(millis.unsigned_abs()))
}

/// Posts to the scores of `li-1`.
pub fn post(platform: &Platform, token: &str, body: &str) -> Answer {
    Connection::open(platform).send("POST", "/lineitems/li-1/scores", &score_headers(token), body).unwrap()
}

/// The rules broken so far.
pub fn rules(platform: &Platform) -> Vec<&'static str> {
    platform.violations().iter().map(|violation| violation.rule).collect()
}

/// The headers of a right request that reads.
pub fn reading(token: &str, media_type: &str) -> String {
    format!("Authorization: Bearer {token}\r\nAccept: {media_type}\r\n")
}

/// The headers of a right request that makes or changes a line item.
pub fn writing(token: &str) -> String {
    format!("{}Content-Type: {}\r\n", reading(token, names::MEDIA_LINE_ITEM), names::MEDIA_LINE_ITEM)
}

/// Sends to a whole URL of the platform.
pub fn send(platform: &Platform, method: &str, url: &str, headers: &str, body: &str) -> Answer {
    let target = url.strip_prefix(&platform.base_url()).unwrap();
    Connection::open(platform).send(method, target, headers, body).unwrap()
}

/// Reads a whole URL of the platform.
pub fn get(platform: &Platform, token: &str, url: &str, media_type: &str) -> Answer {
    send(platform, "GET", url, &reading(token, media_type), "")
}

/// The target of a link of this relation, as a right client reads it from the platform's own `Link` header.
pub fn link(answer: &Answer, relation: &str) -> Option<String> {
    let links = answer.header("link")?;
    let wanted = format!("rel=\"{relation}\"");
    let link = links.split(',').find(|link| link.contains(&wanted))?;
    Some(link.split_once('<')?.1.split_once('>')?.0.to_owned())
}

/// A final score for any learner, out of 100.
pub fn final_score(user_id: &str, points: f64, millis: i64) -> Value {
    json!({
        "userId": user_id, "scoreGiven": points, "scoreMaximum": 100, "activityProgress": "Completed",
        "gradingProgress": "FullyGraded", "timestamp": at(millis),
    })
}

/// Posts a score to the platform's first line item, whatever its URL.
pub fn post_to_first(platform: &Platform, token: &str, body: &Value) -> Answer {
    let url = service_url(&platform.line_item_url(), "/scores");
    send(platform, "POST", &url, &score_headers(token), &body.to_string())
}

/// The URL of a line item's service.
pub fn service_url(line_item: &str, service: &str) -> String {
    match line_item.split_once('?') {
        Some((path, query)) => format!("{path}{service}?{query}"),
        None => format!("{line_item}{service}"),
    }
}

/// A token for one scope.
pub fn token_for(platform: &Platform, scope: &str) -> String {
    let mut request = TokenRequest::new(platform, &format!("jti-{}", platform.ledger().len()));
    request.scope = scope.into();
    request.send(platform).json()["access_token"].as_str().unwrap().to_owned()
}

/// The status line of an answer, with the platform's own reason phrase.
pub fn status_line(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.head).lines().next().unwrap().to_owned()
}
