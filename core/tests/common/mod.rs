//! A tool whose platform is a script: requests out, canned answers in, time as a number. No sockets.
#![allow(clippy::format_push_string, reason = "a test may allocate")]

use std::collections::VecDeque;
use std::time::Duration;

use lti_ags::http::header::HeaderName;
use lti_ags::http::{HeaderValue, Request, Response, StatusCode};
use lti_ags::{
    Algorithm, Bytes, Cause, Context, Endpoint, Error, Exchange, Operation, Policy, PostScore, Registration,
    Replay, Scope, Score, ScoreBuilder, Seed, Session, Signer, SigningKey, Step, Timestamp, TransportError,
};

pub const TOKEN_ENDPOINT: &str = "https://auth.northfield.test/oauth2/token";
pub const LINE_ITEMS: &str = "https://lms.northfield.test/ctx/9/lineitems/";
pub const LINE_ITEM: &str = "https://lms.northfield.test/ctx/9/lineitems/4/";
/// What the script answers to token requests, unless told otherwise.
pub const TOKEN: &str = "nf.Zk3~81-planted-token";

/// 2026-03-02T09:00:00Z, the requirements' fixed clock.
pub fn noon() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

/// A key that lives elsewhere: tests that do not look at signatures need no real one.
pub fn key() -> SigningKey {
    struct Elsewhere;
    impl Signer for Elsewhere {
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
            Ok(b"signature".to_vec())
        }
    }
    SigningKey::external(Algorithm::Rs256, "k-2026-01", Elsewhere)
}

pub fn registration() -> Registration {
    Registration::new("tool-7f3a", TOKEN_ENDPOINT, key()).unwrap().with_deployment_id("dep-42")
}

pub fn endpoint() -> Endpoint {
    Endpoint::new(Scope::AGS).with_line_items(LINE_ITEMS).unwrap().with_line_item(LINE_ITEM).unwrap()
}

/// A service that needs one of these scopes, read by `GET`: for what is the same whatever the operation.
pub struct Read {
    pub url: String,
    pub scopes: &'static [Scope],
}

impl Read {
    pub fn new(url: &str, scopes: &'static [Scope]) -> Self {
        Self { url: url.to_owned(), scopes }
    }

    /// The container of line items.
    pub fn line_items() -> Self {
        Self::new(LINE_ITEMS, const { &[Scope::LINE_ITEM_READONLY, Scope::LINE_ITEM] })
    }
}

impl Operation for Read {
    type Output = Vec<u8>;
    const NAME: &'static str = "read";

    fn scopes(&self) -> &'static [Scope] {
        self.scopes
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn request(&mut self, _: &mut Context<'_>) -> Result<Request<Bytes>, Error> {
        Request::get(&self.url).body(Bytes::new()).map_err(|error| Error::invalid_input(error.to_string()))
    }

    fn response(self, response: Response<&[u8]>, _: &Exchange<'_>) -> Result<lti_ags::Answer<Self>, Error> {
        Ok(lti_ags::Answer::Done(response.body().to_vec()))
    }
}

/// 17.5 of 20 for the learner of the requirements.
pub fn graded() -> ScoreBuilder {
    Score::graded("u-1001", 17.5, 20.0)
}

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Everything an error shows of itself and of its sources.
pub fn shown(error: &Error) -> String {
    let mut shown = format!("{error} {error:?} {error:#?}");
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        shown += &format!(" {error} {error:?}");
        source = error.source();
    }
    shown
}

pub type Answer = Result<Response<Vec<u8>>, TransportError>;

/// An answer with a status and a body.
pub fn answer(status: u16, body: &str) -> Answer {
    answer_with(status, &[], body.as_bytes())
}

/// An answer with headers, as bytes.
#[allow(clippy::unnecessary_wraps, reason = "there are answers that do not come")]
pub fn answer_with(status: u16, headers: &[(&str, &[u8])], body: &[u8]) -> Answer {
    let mut response = Response::new(body.to_vec());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in headers {
        response
            .headers_mut()
            .append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_bytes(value).unwrap());
    }
    Ok(response)
}

/// No connection came about.
pub fn not_sent() -> Answer {
    Err(TransportError::not_sent(Cause::Connection, "connection refused"))
}

/// The connection broke when the request had left.
pub fn in_doubt() -> Answer {
    Err(TransportError::in_doubt(Cause::Connection, "connection reset"))
}

pub fn token_answer(body: &str) -> Answer {
    answer_with(200, &[("content-type", b"application/json")], body.as_bytes())
}

/// A tool with a session, and everything that it sent and waited for.
pub struct Tool {
    pub session: Session,
    pub endpoint: Endpoint,
    pub now: Timestamp,
    /// Answers to service requests, first first; when they are used up, 204.
    pub answers: VecDeque<Answer>,
    /// Answers to token requests; when they are used up, a token for an hour.
    pub token_answers: VecDeque<Answer>,
    pub token_requests: Vec<Request<Bytes>>,
    pub requests: Vec<Request<Bytes>>,
    pub waits: Vec<Duration>,
    /// How long the platform takes to answer.
    pub exchange_time: Duration,
}

impl Tool {
    pub fn new() -> Self {
        Self::with(registration(), Policy::default())
    }

    pub fn with_policy(policy: Policy) -> Self {
        Self::with(registration(), policy)
    }

    pub fn with(registration: Registration, policy: Policy) -> Self {
        Self {
            session: Session::new(registration, Seed::new(7)).with_policy(policy),
            endpoint: endpoint(),
            now: noon(),
            answers: VecDeque::new(),
            token_answers: VecDeque::new(),
            token_requests: Vec::new(),
            requests: Vec::new(),
            waits: Vec::new(),
            exchange_time: Duration::ZERO,
        }
    }

    #[must_use]
    pub fn at(mut self, endpoint: Endpoint) -> Self {
        self.endpoint = endpoint;
        self
    }

    #[must_use]
    pub fn answers(mut self, answers: impl IntoIterator<Item = Answer>) -> Self {
        self.answers.extend(answers);
        self
    }

    #[must_use]
    pub fn token_answers(mut self, answers: impl IntoIterator<Item = Answer>) -> Self {
        self.token_answers.extend(answers);
        self
    }

    /// Makes so many calls that as many as one likes may be in flight.
    pub fn warm(&mut self) {
        for _ in 0..64 {
            self.call(PostScore::new(graded().build().unwrap())).unwrap();
        }
        self.requests.clear();
    }

    /// Performs an operation to its end; waiting moves the clock.
    pub fn call<O: Operation>(&mut self, operation: O) -> Result<O::Output, Error> {
        let step = self.session.begin(&self.endpoint, operation, self.now);
        self.drive(step)
    }

    pub fn drive<O: Operation>(&mut self, mut step: Step<O>) -> Result<O::Output, Error> {
        loop {
            step = match step {
                Step::Done(result) => {
                    return result.inspect_err(|error| println!("{}", shown(error)));
                }
                Step::Send(request, in_flight) => {
                    // For those who look through all output of the tests for secrets.
                    println!("{in_flight:?}");
                    let outcome = self.outcome(request);
                    in_flight.receive(&mut self.session, self.now, outcome)
                }
                Step::Wait(delay, paused) => {
                    assert!(!delay.is_zero(), "a wait of nothing spins");
                    self.waits.push(delay);
                    self.now += delay;
                    paused.resume(&mut self.session, self.now)
                }
            };
        }
    }

    fn outcome(&mut self, request: Request<Bytes>) -> Answer {
        self.now += self.exchange_time;
        if request.uri().path().ends_with("/token") {
            self.token_requests.push(request);
            return self.token_answers.pop_front().unwrap_or_else(|| {
                token_answer(&format!(
                    r#"{{"access_token":"{TOKEN}","token_type":"bearer","expires_in":3600}}"#
                ))
            });
        }
        self.requests.push(request);
        self.answers.pop_front().unwrap_or_else(|| answer(204, ""))
    }

    /// The form of the `n`th token request.
    pub fn form(&self, n: usize) -> Vec<(String, String)> {
        url::form_urlencoded::parse(self.token_requests[n].body()).into_owned().collect()
    }

    /// One value of the form of the `n`th token request.
    pub fn form_value(&self, n: usize, name: &str) -> String {
        let form = self.form(n);
        form.into_iter().find(|(key, _)| key == name).unwrap_or_else(|| panic!("no {name} in the form")).1
    }

    /// Header and claims of the assertion in the `n`th token request.
    pub fn assertion(&self, n: usize) -> (serde_json::Value, serde_json::Value) {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let jwt = self.form_value(n, "client_assertion");
        let part = |n: usize| {
            let part = jwt.split('.').nth(n).unwrap();
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
        };
        (part(0), part(1))
    }

    /// How many token requests and how many service requests there were.
    pub fn counts(&self) -> (usize, usize) {
        (self.token_requests.len(), self.requests.len())
    }

    /// The body of the `n`th service request, as it went out.
    pub fn text(&self, n: usize) -> &str {
        std::str::from_utf8(self.requests[n].body()).unwrap()
    }

    /// The JSON body of the `n`th service request.
    pub fn body(&self, n: usize) -> serde_json::Value {
        serde_json::from_slice(self.requests[n].body()).unwrap()
    }
}
