//! What must hold of every step that a call takes, whatever the platform, the clock and the other calls do.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use http::{Method, Request, Response, Uri};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::platform::{COMMENT, ORIGINS, TOKEN, TOKEN_ENDPOINT, check_error, check_secrets};
use super::probe::EXCHANGE;
use crate::{
    Bytes, Fate, InFlight, Inquiry, Operation, Paused, PostScore, Session, Step, StoreTerms, StoredToken,
    TransportError,
};

/// How long a token request is nobody else's to make.
const LEASE: Duration = Duration::from_secs(60);
/// Of one exchange, beyond the policy's attempts: redirects, and new tokens.
const REDIRECTS: u32 = 5;
const RENEWALS: u32 = 2;

pub(super) type Outcome = Result<Response<Vec<u8>>, TransportError>;

/// The session, and what the platform remembers of it.
pub(super) struct Platform {
    pub(super) session: Session,
    pub(super) now: Timestamp,
    /// Who is fetching a token for which scopes, and since when.
    fetching: BTreeMap<String, (usize, Timestamp)>,
    /// Every token that was ever given out.
    tokens: BTreeSet<String>,
    /// Those that were answered with a 401, and a new one asked for, since all was forgotten.
    pub(super) rejected: BTreeSet<String>,
    /// The token that was put into the store last.
    stored: Option<StoredToken>,
}

impl Platform {
    pub(super) fn new(session: Session) -> Self {
        let (fetching, tokens, rejected) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
        Self { session, now: super::nine(), fetching, tokens, rejected, stored: None }
    }

    fn since(&self, then: Timestamp) -> Option<Duration> {
        Duration::try_from(self.now.duration_since(then)).ok()
    }

    fn remember_token(&mut self, answer: &Response<Vec<u8>>) {
        let body = answer.body().strip_prefix(b"\xEF\xBB\xBF").unwrap_or(answer.body());
        let members = serde_json::from_slice::<Map<String, Value>>(body).unwrap_or_default();
        self.tokens.extend(members.get("access_token").and_then(Value::as_str).map(str::to_owned));
    }
}

/// What a call waits for.
pub(super) enum State {
    AwaitsToken,
    AwaitsAnswer,
    Waits(Duration),
    Over,
}

/// A call of any operation.
pub(super) trait Driven {
    fn state(&self) -> State;
    /// Tells the outcome of the request.
    fn receive(&mut self, platform: &mut Platform, outcome: Outcome);
    fn resume(&mut self, platform: &mut Platform);
    /// Adopts the token in the store; without one, leaves the fetching to another process.
    fn share(&mut self, platform: &mut Platform);
    /// Drops the call.
    fn leave(&mut self, platform: &mut Platform, releases: bool);
}

pub(super) struct Call<O: Operation> {
    number: usize,
    begun: Timestamp,
    /// Whether its first request may be sent again when its fate is unknown.
    replayed: bool,
    at: At<O>,
    exchanges: BTreeMap<String, Exchange>,
    /// The exchange of the request that was sent last.
    current: String,
    /// The token that went with it.
    token: String,
}

enum At<O: Operation> {
    /// With the scopes that are asked for.
    Token(InFlight<O>, String),
    Answer(InFlight<O>),
    Waiting(Duration, Paused<O>),
    Over,
}

/// What was sent of one exchange.
struct Exchange {
    request: Request<Bytes>,
    sent: u32,
    /// The last answer was a redirect: the next request may go elsewhere.
    redirected: bool,
    redirects: u32,
    /// It may have been acted on, and must not be twice.
    doubtful: bool,
}

impl<O: Operation + 'static> Call<O> {
    pub(super) fn begun(
        platform: &mut Platform,
        number: usize,
        replayed: bool,
        step: Step<O>,
    ) -> Box<dyn Driven> {
        let (exchanges, current, token) = (BTreeMap::new(), String::new(), String::new());
        let begun = platform.now;
        let mut call = Self { number, begun, replayed, at: At::Over, exchanges, current, token };
        call.take(platform, step);
        Box::new(call)
    }

    fn take(&mut self, platform: &mut Platform, step: Step<O>) {
        let policy = platform.session.policy();
        let deadline = policy.deadline;
        self.at = match step {
            Step::Send(request, in_flight) => {
                let late = platform.since(self.begun).is_some_and(|elapsed| elapsed >= deadline);
                assert!(!late, "a request after the deadline");
                check_secrets(&format!("{in_flight:?}"), self.secrets());
                if in_flight.lease().is_some() {
                    let scopes = self.check_token_request(platform, &request);
                    At::Token(in_flight, scopes)
                } else {
                    self.check_request(platform, request);
                    At::Answer(in_flight)
                }
            }
            Step::Wait(delay, paused) => {
                let longest = policy.max_retry_after.max(policy.max_backoff).max(LEASE).min(deadline);
                assert!(!delay.is_zero() && delay <= longest, "a wait of {delay:?}");
                check_secrets(&format!("{paused:?}"), self.secrets());
                At::Waiting(delay, paused)
            }
            Step::Done(Ok(_)) => At::Over,
            Step::Done(Err(error)) => {
                let of_token = error.operation() == Some("token request");
                assert!(of_token || error.operation() == Some(O::NAME), "{error:?}");
                check_error(&error, self.secrets());
                At::Over
            }
        };
    }

    /// One token request at a time, to the token endpoint alone; gives the scopes that it asks for.
    fn check_token_request(&self, platform: &mut Platform, request: &Request<Bytes>) -> String {
        assert_eq!((request.method(), request.uri().to_string()), (&Method::POST, TOKEN_ENDPOINT.to_owned()));
        assert!(!request.headers().contains_key("authorization"));
        let form = url::form_urlencoded::parse(request.body());
        let scopes = form.into_owned().find_map(|(name, value)| (name == "scope").then_some(value)).unwrap();
        let now = platform.now;
        if let Some((other, since)) = platform.fetching.insert(scopes.clone(), (self.number, now)) {
            let over = platform.since(since).is_none_or(|elapsed| elapsed >= LEASE);
            assert!(over, "calls {other} and {} fetch a token for {scopes} at the same time", self.number);
        }
        scopes
    }

    /// A token that the platform gave goes where it may; a request that is sent again is the same.
    fn check_request(&mut self, platform: &Platform, mut request: Request<Bytes>) {
        let authorization = request.headers_mut().remove("authorization").unwrap();
        let token = authorization.to_str().unwrap().strip_prefix("Bearer ").unwrap();
        assert!(authorization.is_sensitive() && platform.tokens.contains(token), "a token of nobody's");
        token.clone_into(&mut self.token);
        check_destination(platform, request.uri());

        let exchange = request.headers().get(EXCHANGE);
        exchange.map_or("", |exchange| exchange.to_str().unwrap()).clone_into(&mut self.current);
        let sent = match self.exchanges.get_mut(&self.current) {
            None => {
                let exchange =
                    Exchange { request, sent: 1, redirected: false, redirects: 0, doubtful: false };
                self.exchanges.insert(self.current.clone(), exchange);
                1
            }
            Some(first) => {
                assert!(!first.doubtful, "a write that may have been acted on is sent again");
                if first.redirected {
                    first.redirects += 1;
                    assert!(first.redirects <= REDIRECTS, "redirected in a circle");
                    assert_eq!(request.method(), Method::GET);
                    assert_eq!(origin(first.request.uri()), origin(request.uri()));
                } else {
                    assert_eq!(first.request.uri(), request.uri());
                }
                assert_eq!(first.request.method(), request.method());
                assert_eq!(first.request.headers(), request.headers());
                assert_eq!(first.request.body(), request.body());
                (first.redirected, first.request) = (false, request);
                first.sent += 1;
                first.sent
            }
        };
        assert!(sent <= platform.session.policy().max_attempts + REDIRECTS + RENEWALS, "sent {sent} times");
    }

    /// What a platform must not make the call show.
    fn secrets(&self) -> &'static [&'static str] {
        match (&*self.token == TOKEN, O::NAME == PostScore::NAME) {
            (true, true) => &[TOKEN, COMMENT],
            (true, false) => &[TOKEN],
            (false, true) => &[COMMENT],
            (false, false) => &[],
        }
    }

    /// Notes what the outcome allows the next request to be.
    fn note(&mut self, outcome: &Outcome) {
        let writes = !self.replayed;
        let Some(exchange) = self.exchanges.get_mut(&self.current) else { return };
        match outcome {
            Ok(answer) => {
                let status = answer.status();
                exchange.redirected = status.is_redirection();
                exchange.doubtful = status.is_success()
                    || writes
                        && exchange.request.method() != Method::GET
                        && (status.is_server_error() || status == 408);
            }
            Err(error) => {
                exchange.doubtful =
                    writes && exchange.request.method() != Method::GET && error.fate() == Fate::InDoubt;
            }
        }
    }
}

impl<O: Operation + 'static> Driven for Call<O> {
    fn state(&self) -> State {
        match &self.at {
            At::Token(..) => State::AwaitsToken,
            At::Answer(_) => State::AwaitsAnswer,
            At::Waiting(delay, _) => State::Waits(*delay),
            At::Over => State::Over,
        }
    }

    fn receive(&mut self, platform: &mut Platform, outcome: Outcome) {
        let in_flight = match std::mem::replace(&mut self.at, At::Over) {
            At::Token(in_flight, scopes) => {
                if let Ok(answer) = &outcome {
                    platform.remember_token(answer);
                }
                platform.forget(&scopes, self.number);
                in_flight
            }
            At::Answer(in_flight) => {
                self.note(&outcome);
                let renewals = platform.renewals();
                let token = self.token.clone();
                let step = in_flight.receive(&mut platform.session, platform.now, outcome);
                if platform.renewals() > renewals {
                    platform.rejected.insert(token);
                }
                return self.take(platform, step);
            }
            At::Waiting(..) | At::Over => return,
        };
        let step = in_flight.receive(&mut platform.session, platform.now, outcome);
        self.take(platform, step);
    }

    fn resume(&mut self, platform: &mut Platform) {
        if let At::Waiting(_, paused) = std::mem::replace(&mut self.at, At::Over) {
            let step = paused.resume(&mut platform.session, platform.now);
            self.take(platform, step);
        }
    }

    fn share(&mut self, platform: &mut Platform) {
        let (in_flight, scopes) = match std::mem::replace(&mut self.at, At::Over) {
            At::Token(in_flight, scopes) => (in_flight, scopes),
            other => return self.at = other,
        };
        let stored = platform.stored.clone();
        let lease = in_flight.lease().unwrap();
        let mut inquiry = Inquiry::begin(lease, StoreTerms::new(Duration::from_secs(10)));
        loop {
            inquiry = match inquiry {
                Inquiry::Load(loading) => {
                    let answer = Ok::<_, ()>(stored.clone());
                    let next = loading.loaded(&mut platform.session, platform.now, answer);
                    if let (Inquiry::Withdraw(_), Some(stored)) = (&next, &stored) {
                        assert!(!platform.rejected.contains(stored.exposed()), "a rejected token is adopted");
                        let left = platform.now.duration_until(stored.expires());
                        assert!(left.is_positive(), "an expired token is adopted");
                        // Where a token was found, nobody's answer is waited for any more.
                        platform.fetching.remove(&scopes);
                    }
                    next
                }
                // Another client has it, and never gives it back.
                Inquiry::TryLock(locking) => {
                    locking.answered(&mut platform.session, platform.now, Ok::<_, ()>(false))
                }
                Inquiry::Send(_) => return self.at = At::Token(in_flight, scopes),
                Inquiry::Withdraw(_) => break,
            };
        }
        let step = in_flight.withdraw(&mut platform.session, platform.now);
        platform.forget(&scopes, self.number);
        self.take(platform, step);
    }

    fn leave(&mut self, platform: &mut Platform, releases: bool) {
        if let At::Token(in_flight, scopes) = std::mem::replace(&mut self.at, At::Over)
            && releases
        {
            platform.session.release(in_flight.lease().unwrap());
            platform.forget(&scopes, self.number);
        }
    }
}

impl Platform {
    /// Puts the session's newest token into the store.
    pub(super) fn store(&mut self) {
        self.stored = self.session.tokens(self.now).pop().or(self.stored.take());
    }

    fn renewals(&self) -> usize {
        self.session.tokens.rejections()
    }

    /// A token request of this call is over.
    fn forget(&mut self, scopes: &str, call: usize) {
        if self.fetching.get(scopes).is_some_and(|(fetching, _)| *fetching == call) {
            self.fetching.remove(scopes);
        }
    }
}

fn origin(uri: &Uri) -> (String, String, u16) {
    let scheme = uri.scheme_str().unwrap();
    let port = uri.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
    (scheme.to_owned(), uri.host().unwrap().to_ascii_lowercase(), port)
}

fn check_destination(platform: &Platform, uri: &Uri) {
    let (scheme, host, port) = origin(uri);
    let may_leave = !platform.session.policy().allow_origins.is_empty();
    let allowed = ORIGINS.contains(&(&scheme, &host, port))
        || may_leave && (&*scheme, &*host, port) == ("https", "lms-2.northfield.test", 443);
    assert!(allowed && !uri.authority().unwrap().as_str().contains('@'), "the token goes to {uri}");
}
