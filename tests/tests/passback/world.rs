//! A platform, a network with latency and faults, a disk and a clock, all of them values: an hour of grading takes no time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use fastrand::Rng;
use lti_ags::http::{Request, Response};
use lti_ags::{
    Bytes, Cause, Endpoint, Flight, History, JournalHeader, JournalReader, Launch, Passback, Policy,
    Registration, Row, Score, Seed, Session, Settlement, SigningKey, Summary, Timestamp, TransportError,
    Turn,
};
use lti_ags_testing::{Lms, Personality, Platform, ToolKey};

type Outcome = Result<Response<Vec<u8>>, TransportError>;

pub struct World {
    pub lms: Lms,
    pub endpoint: Endpoint,
    pub session: Session,
    pub now: Timestamp,
    pub rng: Rng,
    /// How often a request meets with a fault.
    pub faults: f64,
    /// How often all tokens are revoked, and how often that has happened.
    pub revoking: f64,
    pub revoked: usize,
    calm_until: Timestamp,
    /// In milliseconds, one way.
    pub slowest: u64,
    /// How many scores the platform takes in a minute by the clock.
    pub per_minute: Option<u64>,
    /// The last such minute, and the scores of it.
    minute: (i64, u64),
    /// Token requests that met with a fault.
    pub faulty_token_requests: usize,
    sky: Vec<Flying>,
    pub most_in_flight: usize,
}

/// A request under way.
struct Flying {
    /// When something happens to it next.
    at: Timestamp,
    flight: Option<Flight>,
    request: Option<Request<Bytes>>,
    outcome: Option<Outcome>,
    fault: Option<Fault>,
    user: Option<String>,
}

#[derive(Clone, Copy)]
enum Fault {
    NotSent,
    LostBefore,
    LostAfter,
    Unavailable,
    Throttled,
}

/// What a journal is written to.
#[derive(Clone)]
pub struct Disk {
    header: JournalHeader,
    pub written: Vec<u8>,
    /// So much of it survives a power cut.
    pub durable: usize,
}

impl Disk {
    /// For scores that go to the endpoint's line item.
    pub fn of(endpoint: &Endpoint) -> Self {
        let header = JournalHeader::new("the input", [endpoint.line_item().unwrap()]);
        let written = header.to_line();
        Self { durable: written.len(), written, header }
    }

    /// What a later run finds, its torn end cut off.
    pub fn recover(&mut self) -> History {
        let mut reader = JournalReader::new(self.header.clone());
        reader.feed(&self.written).unwrap();
        let recovered = reader.finish().unwrap();
        self.written.truncate(recovered.kept.try_into().unwrap());
        if self.written.is_empty() {
            self.written = self.header.to_line();
        }
        self.durable = self.written.len();
        recovered.history
    }
}

/// Where a run is broken off.
#[derive(Clone, Copy)]
pub struct Crash {
    /// Before this step.
    pub step: usize,
    /// In the middle of a write, after so many bytes of it.
    pub torn: usize,
}

#[derive(Default)]
pub struct Run {
    pub settlements: Vec<Settlement>,
    /// `None` where it was broken off.
    pub summary: Option<Summary>,
    pub was_writing: bool,
    pub steps: usize,
}

impl World {
    pub fn new(personality: Personality, users: usize, seed: u64) -> Self {
        let users: Vec<_> = (0..users).map(user).collect();
        let lms = Platform::builder().like(personality).learners(users).lms("https://lms.test");
        let now = "2026-03-02T09:00:00Z".parse().unwrap();
        let endpoint = Launch::from_claims(lms.claims(now, &user(0))).unwrap().endpoint().unwrap();
        let session = session(&lms, seed);
        Self {
            lms,
            endpoint,
            session,
            now,
            rng: Rng::with_seed(seed),
            faults: 0.0,
            revoking: 0.0,
            revoked: 0,
            calm_until: now,
            slowest: 150,
            per_minute: None,
            minute: (0, 0),
            faulty_token_requests: 0,
            sky: Vec::new(),
            most_in_flight: 0,
        }
    }

    /// The process dies, and another one begins, which finds its tokens.
    pub fn reboot(&mut self) {
        self.sky.clear();
        let tokens = self.session.tokens(self.now);
        self.session = session(&self.lms, self.rng.u64(..));
        for token in tokens {
            self.session.insert_token(&token, self.now).unwrap();
        }
        self.now += Duration::from_secs(5);
    }

    /// Drives a passback to its end, or until it breaks off.
    pub fn run(
        &mut self,
        mut passback: Passback,
        rows: impl IntoIterator<Item = Row>,
        disk: &mut Disk,
        crash: Option<Crash>,
    ) -> Run {
        let mut rows = rows.into_iter();
        let mut run = Run::default();
        loop {
            let is_last = crash.is_some_and(|crash| crash.step == run.steps);
            run.steps += 1;
            self.pass_time(&mut passback);
            let turn = passback.next(&mut self.session, self.now);
            if is_last && !matches!(turn, Turn::Record(_)) {
                return run;
            }
            match turn {
                Turn::Record(batch) => {
                    if is_last {
                        let length = crash.map_or(0, |crash| crash.torn).min(batch.line().len());
                        disk.written.extend_from_slice(&batch.line()[..length]);
                        run.was_writing = true;
                        return run;
                    }
                    disk.written.extend_from_slice(batch.line());
                    if batch.durable() {
                        disk.durable = disk.written.len();
                    }
                    passback.recorded(batch);
                }
                Turn::Settled(settlement) => run.settlements.push(settlement),
                Turn::Done(summary) => {
                    run.summary = Some(summary);
                    return run;
                }
                turn => self.take(turn, &mut passback, &mut rows),
            }
        }
    }

    /// Takes a turn that concerns the network, the input or the clock.
    pub fn take(&mut self, turn: Turn, passback: &mut Passback, rows: &mut impl Iterator<Item = Row>) {
        match turn {
            Turn::Feed => match rows.next() {
                Some(row) => passback.feed(row),
                None => passback.finish(),
            },
            Turn::Send(request, flight) => self.send(request, flight),
            Turn::Wait(delay) => self.wait(delay, passback),
            Turn::Record(_) | Turn::Settled(_) | Turn::Done(_) => {}
        }
    }

    fn send(&mut self, request: Request<Bytes>, flight: Flight) {
        let user = flight.row().map(|_| {
            let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
            body["userId"].as_str().unwrap().to_owned()
        });
        if let Some(user) = &user {
            let twice = self.sky.iter().any(|flying| flying.user.as_ref() == Some(user));
            assert!(!twice, "two requests for {user} at the same time");
        }
        let fault = (self.rng.f64() < self.faults).then(|| match self.rng.u8(..5) {
            0 => Fault::NotSent,
            1 => Fault::LostBefore,
            2 => Fault::LostAfter,
            3 => Fault::Unavailable,
            _ => Fault::Throttled,
        });
        self.faulty_token_requests += usize::from(fault.is_some() && flight.lease().is_some());
        let at = self.now + self.latency();
        self.sky.push(Flying {
            at,
            flight: Some(flight),
            request: Some(request),
            outcome: None,
            fault,
            user,
        });
        self.most_in_flight = self.most_in_flight.max(self.sky.len());
    }

    fn latency(&mut self) -> Duration {
        Duration::from_millis(self.rng.u64(1..self.slowest))
    }

    /// Something may happen between any two turns.
    fn pass_time(&mut self, passback: &mut Passback) {
        if !self.sky.is_empty() && self.rng.u8(..4) == 0 {
            self.land(self.next_to_happen(), passback);
        }
    }

    fn next_to_happen(&self) -> Option<usize> {
        (0..self.sky.len()).min_by_key(|index| self.sky[*index].at)
    }

    /// Lets time pass until something happens.
    fn wait(&mut self, delay: Option<Duration>, passback: &mut Passback) {
        let until = delay.map(|delay| self.now + delay);
        let next = self.next_to_happen();
        let next = next.filter(|index| until.is_none_or(|until| self.sky[*index].at <= until));
        if next.is_none() {
            self.now = until.expect("it waits for nothing");
        }
        self.land(next, passback);
    }

    fn land(&mut self, next: Option<usize>, passback: &mut Passback) {
        let Some(index) = next else { return };
        self.now = self.now.max(self.sky[index].at);
        if let Some(outcome) = self.sky[index].outcome.take() {
            let flight = self.sky.swap_remove(index).flight.take().unwrap();
            passback.receive(&mut self.session, self.now, flight, outcome);
        } else {
            let (request, fault) = (self.sky[index].request.take().unwrap(), self.sky[index].fault);
            self.sky[index].outcome = Some(self.arrive(request, fault));
            self.sky[index].at = self.now + self.latency();
        }
    }

    /// A request arrives at the platform, or does not.
    fn arrive(&mut self, request: Request<Bytes>, fault: Option<Fault>) -> Outcome {
        let lost = || Err(TransportError::in_doubt(Cause::Timeout, "lost"));
        let status = |status| Ok(Response::builder().status(status).body(Vec::new()).unwrap());
        match fault {
            Some(Fault::NotSent) => return Err(TransportError::not_sent(Cause::Connection, "refused")),
            Some(Fault::LostBefore) => return lost(),
            Some(Fault::Unavailable) => return status(503),
            Some(Fault::Throttled) => return status(429),
            Some(Fault::LostAfter) | None => {}
        }
        // Not twice in one call: a platform that refuses the new token as well means it.
        if self.rng.f64() < self.revoking && self.now > self.calm_until {
            self.lms.revoke_tokens();
            self.revoked += 1;
            self.calm_until = self.now + Duration::from_secs(5);
        }
        if self.is_over_limit(&request) {
            let left = 60 - self.now.as_second() % 60;
            return Ok(Response::builder().status(429).header("retry-after", left).body(Vec::new()).unwrap());
        }
        let reply = self.lms.respond(self.now, &request.map(|body| body.to_vec()));
        match (fault, reply.into_response()) {
            (None, Some(response)) => Ok(response),
            _ => lost(),
        }
    }

    fn is_over_limit(&mut self, request: &Request<Bytes>) -> bool {
        let Some(limit) = self.per_minute.filter(|_| request.uri().path().ends_with("/scores")) else {
            return false;
        };
        let minute = self.now.as_second() / 60;
        let taken = if self.minute.0 == minute { self.minute.1 } else { 0 };
        self.minute = (minute, limit.min(taken + 1));
        taken >= limit
    }

    /// The gradebook holds the last score of each user, and nothing the platform saw broke a rule.
    #[track_caller]
    pub fn assert_holds_the_last_of(&self, rows: &[Row]) {
        self.assert_gradebook(rows);
        self.lms.assert_no_violations();
    }

    /// The gradebook holds the last score of each user.
    #[track_caller]
    pub fn assert_gradebook(&self, rows: &[Row]) {
        let mut last = BTreeMap::new();
        for score in rows.iter().map(score) {
            last.insert(score.user_id(), score);
        }
        for (user, score) in last {
            let entry = self.lms.gradebook().result("li-1", user);
            let given = entry.and_then(|entry| entry.given);
            assert_eq!(given, score.score_given().zip(score.score_maximum()), "{user}");
        }
    }

    /// What was sent of each score, which are all told apart by their points: with which timestamps.
    pub fn timestamps(&self) -> BTreeMap<(String, String), BTreeSet<String>> {
        let mut sent = BTreeMap::<_, BTreeSet<String>>::new();
        for exchange in self.lms.ledger().service_requests() {
            let Some(score) = exchange.json().filter(|json| json.get("scoreMaximum").is_some()) else {
                continue;
            };
            let key = (score["userId"].as_str().unwrap().to_owned(), score["scoreGiven"].to_string());
            sent.entry(key).or_default().insert(score["timestamp"].as_str().unwrap().to_owned());
        }
        sent
    }

    #[track_caller]
    pub fn assert_one_timestamp_each(&self) {
        for (score, timestamps) in self.timestamps() {
            assert_eq!(timestamps.len(), 1, "{score:?}: {timestamps:?}");
        }
    }
}

pub fn score(row: &Row) -> &Score {
    row.score()
}

pub fn user(number: usize) -> String {
    (5_001 + number).to_string()
}

/// Rows for these users, in turn and in no order, each with points of its own.
pub fn rows(count: usize, users: usize, rng: &mut Rng) -> Vec<Row> {
    let row = |number: usize| {
        let points = f64::from(u32::try_from(number + 1).unwrap()) / 100.0;
        Score::graded(user(rng.usize(..users)), points, 100.0).build().unwrap().into()
    };
    (0..count).map(row).collect()
}

fn session(lms: &Lms, seed: u64) -> Session {
    let tool = ToolKey::shared();
    let key = SigningKey::from_pem(tool.private_key_pem()).unwrap().with_key_id(tool.id());
    let registration = Registration::new(lms.client_id(), &lms.token_endpoint(), key)
        .unwrap()
        .with_deployment_id(lms.deployment_id());
    Session::new(registration, Seed::new(seed.into())).with_policy(Policy::default())
}
