//! Many workers on one session and a platform that throttles, in simulated time: nothing sleeps, and each run is the same.
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "times of a few hours"
)]

use std::collections::BTreeMap;
use std::time::Duration;

use lti_ags::http::{Request, Response};
use lti_ags::{
    Algorithm, Bytes, Endpoint, Error, InFlight, Paused, Policy, PostScore, Receipt, Registration, Score,
    Seed, Session, Signer, SigningKey, Step, Timestamp,
};

pub type Answer = Response<Vec<u8>>;

pub fn noon() -> Timestamp {
    "2026-03-02T09:00:00Z".parse().unwrap()
}

pub fn session(policy: Policy) -> Session {
    struct Elsewhere;
    impl Signer for Elsewhere {
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
            Ok(vec![1])
        }
    }
    let key = SigningKey::external(Algorithm::Rs256, "k", Elsewhere);
    let registration = Registration::new("tool", "https://lms.test/token", key).unwrap();
    Session::new(registration, Seed::new(7)).with_policy(policy)
}

pub fn post(user: usize) -> PostScore {
    PostScore::new(Score::graded(format!("u-{user}"), 1.0, 2.0).build().unwrap())
}

/// How a platform throttles.
pub trait Throttle {
    /// A request comes: whether it is let in.
    fn admits(&mut self, seconds: f64) -> bool;
    /// A request that was let in is done.
    fn done(&mut self, seconds: f64);
    /// What it says of its budget with an answer.
    fn headers(&mut self, seconds: f64) -> Vec<(&'static str, String)>;
    /// The answer to a request that was not let in.
    fn refusal(&mut self, seconds: f64) -> Answer;
}

/// How a bucket that is full says so.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// With 403, and with headers that tell what is left.
    Canvas,
    /// With 429, and with a `Retry-After` or without.
    Plain(Option<u64>),
}

/// A leaky bucket like that of Canvas, also without its headers.
#[derive(Clone)]
pub struct Bucket {
    pub mark: f64,
    pub brim: f64,
    pub drain: f64,
    pub reservation: f64,
    pub cost: f64,
    pub manner: Manner,
    /// What others take out of it, in units a second.
    pub others: f64,
    pub level: f64,
    pub touched: f64,
}

impl Bucket {
    pub fn canvas(drain: f64, cost: f64) -> Self {
        Self {
            mark: 600.0,
            brim: 800.0,
            drain,
            reservation: 50.0,
            cost,
            manner: Manner::Canvas,
            others: 0.0,
            level: 0.0,
            touched: 0.0,
        }
    }

    /// A bucket of so many requests, which lets `rate` a second through.
    pub fn plain(size: f64, rate: f64, retry_after: Option<u64>) -> Self {
        Self {
            mark: size,
            brim: size,
            reservation: 0.0,
            manner: Manner::Plain(retry_after),
            ..Self::canvas(rate, 1.0)
        }
    }

    fn pour(&mut self, seconds: f64, amount: f64) {
        let elapsed = (seconds - self.touched).max(0.0);
        self.touched = seconds;
        self.level = (self.level + elapsed * (self.others - self.drain)).max(0.0);
        self.level = (self.level + amount).clamp(0.0, self.brim);
    }
}

impl Throttle for Bucket {
    fn admits(&mut self, seconds: f64) -> bool {
        let taken = if self.manner == Manner::Canvas { self.reservation } else { self.cost };
        self.pour(seconds, taken);
        let admits = self.level < self.mark;
        if !admits {
            self.level -= taken;
        }
        admits
    }

    fn done(&mut self, seconds: f64) {
        if self.manner == Manner::Canvas {
            self.pour(seconds, self.cost - self.reservation);
        }
    }

    fn headers(&mut self, seconds: f64) -> Vec<(&'static str, String)> {
        self.pour(seconds, 0.0);
        if self.manner != Manner::Canvas {
            return Vec::new();
        }
        vec![
            ("x-request-cost", format!("{:?}", self.cost)),
            ("x-rate-limit-remaining", format!("{:?}", self.mark - self.level)),
        ]
    }

    fn refusal(&mut self, seconds: f64) -> Answer {
        let mut builder = Response::builder();
        for (name, value) in self.headers(seconds) {
            builder = builder.header(name, value);
        }
        match self.manner {
            Manner::Canvas => {
                builder.status(403).body(b"403 Forbidden (Rate Limit Exceeded)\n".to_vec()).unwrap()
            }
            Manner::Plain(None) => builder.status(429).body(Vec::new()).unwrap(),
            Manner::Plain(Some(after)) => {
                builder.status(429).header("retry-after", after).body(Vec::new()).unwrap()
            }
        }
    }
}

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// When the last call ended.
    pub seconds: f64,
    /// Service requests, and how many of them were refused.
    pub requests: usize,
    pub refused: usize,
    pub token_requests: usize,
    /// Calls that failed.
    pub failed: Vec<String>,
    /// The longest that a call took.
    pub longest: f64,
    /// How often a call was looked at.
    pub turns: usize,
    /// The most requests that were in flight at a time.
    pub most_in_flight: usize,
}

impl Outcome {
    pub fn refused_share(&self) -> f64 {
        self.refused as f64 / self.requests.max(1) as f64
    }
}

pub struct Simulation<T> {
    pub session: Session,
    pub throttle: T,
    pub workers: usize,
    pub posts: usize,
    /// The least and the most time that an exchange takes.
    pub latency: (f64, f64),
    pub refuses_token: bool,
}

enum Event {
    Resume(u64),
    Arrive { is_token: bool },
    Done { is_token: bool, admitted: bool },
}

enum Worker {
    Idle,
    Sending(InFlight<PostScore>, Timestamp),
    Waiting(Paused<PostScore>, u64, Timestamp),
}

impl<T: Throttle> Simulation<T> {
    pub fn new(throttle: T, workers: usize, posts: usize, latency: (f64, f64)) -> Self {
        let mut policy = Policy::default();
        policy.deadline = Duration::from_secs(100_000);
        policy.max_attempts = 50;
        Self { session: session(policy), throttle, workers, posts, latency, refuses_token: false }
    }

    pub fn run(self) -> Outcome {
        Run {
            endpoint: Endpoint::for_line_item("https://lms.test/lineitems/4").unwrap(),
            outcome: Outcome::default(),
            events: BTreeMap::new(),
            workers: Vec::new(),
            sequence: 0,
            posted: 0,
            in_flight: 0,
            random: fastrand::Rng::with_seed(11),
            simulation: self,
        }
        .run()
    }
}

struct Run<T> {
    simulation: Simulation<T>,
    endpoint: Endpoint,
    outcome: Outcome,
    /// By nanosecond, and then in order.
    events: BTreeMap<(u64, u64), (usize, Event)>,
    workers: Vec<Worker>,
    sequence: u64,
    posted: usize,
    in_flight: usize,
    random: fastrand::Rng,
}

fn at(nanos: u64) -> Timestamp {
    noon() + Duration::from_nanos(nanos)
}

impl<T: Throttle> Run<T> {
    fn run(mut self) -> Outcome {
        for worker in 0..self.simulation.workers {
            self.workers.push(Worker::Idle);
            self.begin(worker, 0);
        }
        while let Some(((nanos, _), (worker, event))) = self.events.pop_first() {
            let seconds = nanos as f64 / 1e9;
            match event {
                Event::Resume(ticket) => {
                    if matches!(&self.workers[worker], Worker::Waiting(_, other, _) if *other == ticket) {
                        self.resume(worker, nanos);
                    }
                }
                Event::Arrive { is_token } => {
                    let admitted = is_token || self.simulation.throttle.admits(seconds);
                    let half = self.half();
                    self.after(nanos, half, worker, Event::Done { is_token, admitted });
                }
                Event::Done { is_token, admitted } => self.answer(worker, nanos, is_token, admitted),
            }
        }
        assert_eq!(self.posted, self.simulation.posts, "a call was never ended: {:?}", self.outcome);
        self.outcome
    }

    fn half(&mut self) -> f64 {
        let (least, most) = self.simulation.latency;
        (least + (most - least) * self.random.f64()) * 0.5
    }

    fn after(&mut self, nanos: u64, seconds: f64, worker: usize, event: Event) {
        self.sequence += 1;
        self.events.insert((nanos + (seconds * 1e9) as u64, self.sequence), (worker, event));
    }

    fn begin(&mut self, worker: usize, nanos: u64) {
        if self.posted >= self.simulation.posts {
            return;
        }
        self.posted += 1;
        let operation = post(self.posted);
        self.turn(worker, nanos, at(nanos), |run| {
            run.simulation.session.begin(&run.endpoint, operation, at(nanos))
        });
    }

    fn resume(&mut self, worker: usize, nanos: u64) {
        let Worker::Waiting(paused, _, begun) = std::mem::replace(&mut self.workers[worker], Worker::Idle)
        else {
            panic!()
        };
        self.turn(worker, nanos, begun, |run| paused.resume(&mut run.simulation.session, at(nanos)));
    }

    fn answer(&mut self, worker: usize, nanos: u64, is_token: bool, admitted: bool) {
        let seconds = nanos as f64 / 1e9;
        let Worker::Sending(in_flight, begun) = std::mem::replace(&mut self.workers[worker], Worker::Idle)
        else {
            panic!()
        };
        let answer = if is_token && self.simulation.refuses_token {
            Response::builder().status(400).body(br#"{"error":"invalid_client"}"#.to_vec()).unwrap()
        } else if is_token {
            Response::new(br#"{"access_token":"t","expires_in":3600}"#.to_vec())
        } else if admitted {
            self.in_flight -= 1;
            self.simulation.throttle.done(seconds);
            let mut builder = Response::builder().status(204);
            for (name, value) in self.simulation.throttle.headers(seconds) {
                builder = builder.header(name, value);
            }
            builder.body(Vec::new()).unwrap()
        } else {
            self.in_flight -= 1;
            self.outcome.refused += 1;
            self.simulation.throttle.refusal(seconds)
        };
        self.turn(worker, nanos, begun, |run| {
            in_flight.receive(&mut run.simulation.session, at(nanos), Ok(answer))
        });
    }

    fn turn(
        &mut self,
        worker: usize,
        nanos: u64,
        begun: Timestamp,
        turn: impl FnOnce(&mut Self) -> Step<PostScore>,
    ) {
        let before = self.simulation.session.revision();
        self.outcome.turns += 1;
        match turn(self) {
            Step::Send(request, in_flight) => self.send(worker, nanos, begun, &request, in_flight),
            Step::Wait(delay, paused) => {
                assert!(!delay.is_zero());
                self.sequence += 1;
                let ticket = self.sequence;
                self.workers[worker] = Worker::Waiting(paused, ticket, begun);
                self.after(nanos, delay.as_secs_f64() + 1e-6, worker, Event::Resume(ticket));
            }
            Step::Done(result) => self.end(worker, nanos, begun, result),
        }
        if self.simulation.session.revision() != before {
            for other in 0..self.workers.len() {
                if let Worker::Waiting(_, ticket, _) = self.workers[other] {
                    self.after(nanos, 0.0, other, Event::Resume(ticket));
                }
            }
        }
    }

    fn send(
        &mut self,
        worker: usize,
        nanos: u64,
        begun: Timestamp,
        request: &Request<Bytes>,
        in_flight: InFlight<PostScore>,
    ) {
        let is_token = request.uri().path() == "/token";
        if is_token {
            self.outcome.token_requests += 1;
        } else {
            self.outcome.requests += 1;
            self.in_flight += 1;
            self.outcome.most_in_flight = self.outcome.most_in_flight.max(self.in_flight);
        }
        self.workers[worker] = Worker::Sending(in_flight, begun);
        let half = self.half();
        self.after(nanos, half, worker, Event::Arrive { is_token });
    }

    fn end(&mut self, worker: usize, nanos: u64, begun: Timestamp, result: Result<Receipt, Error>) {
        if let Err(error) = result {
            self.outcome.failed.push(error.to_string());
        }
        self.outcome.seconds = nanos as f64 / 1e9;
        self.outcome.longest = self.outcome.longest.max(at(nanos).duration_since(begun).as_secs_f64());
        self.begin(worker, nanos);
    }
}
