//! Bulk passback over loopback, with a journal and without, through each transport and through the HTTP client below it, which
//! sends the same bytes as many at a time. Short turns that alternate, each kind as often behind each other one, so that what
//! else the machine does, and how memory was left, falls on all alike; the ratio is that of the medians of all turns.
#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use futures_util::StreamExt as _;
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use lti_ags::http::Request;
use lti_ags::{
    Bytes, Endpoint, JournalHeader, Launch, Passback, Registration, Row, Score, SigningKey, Timestamp,
};
use lti_ags_testing::{Exchange, Platform};
use lti_ags_ureq::JournalFile;

/// At the same time.
const OVER_HYPER: usize = 64;
const OVER_UREQ: usize = 16;
/// In one turn.
const SCORES: usize = 2_000;
/// 100,000 scores of each in all.
const TURNS: usize = 50;

type Bare = HyperClient<HttpConnector, Full<Bytes>>;

struct Bench {
    platform: Platform,
    endpoint: Endpoint,
    /// Of the last scores: every later one is newer.
    now: Timestamp,
    journals: u32,
}

impl Bench {
    fn new() -> Self {
        let platform = Platform::builder().learners((0..SCORES).map(user)).ledger_limit(SCORES).start();
        let endpoint = Launch::from_claims(platform.claims(&user(0))).unwrap().endpoint().unwrap();
        Self { platform, endpoint, now: Timestamp::try_from(SystemTime::now()).unwrap(), journals: 0 }
    }

    fn registration(&self) -> Registration {
        let key = SigningKey::from_pem(self.platform.private_key_pem())
            .unwrap()
            .with_key_id(self.platform.key_id());
        Registration::new(self.platform.client_id(), &self.platform.token_endpoint(), key).unwrap()
    }

    fn rows(&mut self) -> Vec<Row> {
        self.now += Duration::from_secs(1);
        let score = |number| Score::graded(user(number), 85.0, 100.0).timestamp(self.now).build().unwrap();
        (0..SCORES).map(|number| score(number).into()).collect()
    }

    fn journal(&mut self) -> (JournalFile, PathBuf) {
        self.journals += 1;
        let name = format!("passback-bench-{}-{}.journal", std::process::id(), self.journals);
        let path = std::env::temp_dir().join(name);
        let header = JournalHeader::new("bench", [self.endpoint.line_item().unwrap()]);
        (JournalFile::open(&path, header).unwrap(), path)
    }

    /// What our client sent in the turn before, with later timestamps.
    fn requests(&mut self) -> Vec<Request<Bytes>> {
        let earlier = self.now;
        self.now += Duration::from_secs(1);
        let (earlier, later) = (lti_ags::format_timestamp(earlier), lti_ags::format_timestamp(self.now));
        let url = self.platform.base_url();
        let again = |exchange: &Exchange| {
            let target = std::str::from_utf8(&exchange.target).unwrap();
            let mut request =
                Request::builder().method(exchange.method.clone()).uri(format!("{url}{target}"));
            for (name, value) in &exchange.headers {
                if !name.eq_ignore_ascii_case(b"host") && !name.eq_ignore_ascii_case(b"content-length") {
                    request = request.header(name.as_slice(), value.as_slice());
                }
            }
            let body = std::str::from_utf8(&exchange.body).unwrap().replace(&earlier, &later);
            request.body(Bytes::from(body)).unwrap()
        };
        let ledger = self.platform.ledger();
        let requests: Vec<_> = ledger.iter().map(|exchange| again(exchange)).collect();
        assert_eq!(requests.len(), SCORES);
        requests
    }
}

fn user(number: usize) -> String {
    format!("s-{number:06}")
}

#[derive(Clone, Copy)]
enum Kind {
    Ours,
    Journaled,
    Floor,
}

/// What is measured in a turn, in an order that goes round. The first turn of all begins with ours, which the floor repeats.
fn order(turn: usize) -> [Kind; 3] {
    let mut order = [Kind::Ours, Kind::Journaled, Kind::Floor];
    order.rotate_left(turn % 3);
    order
}

/// What was measured of one transport.
#[derive(Default)]
struct Rates {
    ours: Vec<f64>,
    journaled: Vec<f64>,
    floor: Vec<f64>,
}

impl Rates {
    /// The first turn makes the connections.
    fn note(&mut self, turn: usize, kind: Kind, begun: Instant) {
        let rate = f64::from(u32::try_from(SCORES).unwrap()) / begun.elapsed().as_secs_f64();
        let rates = match kind {
            Kind::Ours => &mut self.ours,
            Kind::Journaled => &mut self.journaled,
            Kind::Floor => &mut self.floor,
        };
        if turn > 0 {
            rates.push(rate);
        }
    }

    fn report(mut self, name: &str) {
        let (ours, journaled, floor) =
            (median(&mut self.ours), median(&mut self.journaled), median(&mut self.floor));
        println!(
            "{name}: {ours:.0} scores a second, with a journal {journaled:.0}, floor {floor:.0} ({:.0} to {:.0}); \
             ratio {:.3}, with a journal {:.3}",
            self.floor[0],
            self.floor[self.floor.len() - 1],
            ours / floor,
            journaled / floor,
        );
    }
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn over_hyper() {
    let mut bench = Bench::new();
    let client = lti_ags_hyper::Client::new(bench.registration());
    client.authorize(&bench.endpoint).await.unwrap();
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let bare: Bare =
        HyperClient::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
    let mut rates = Rates::default();
    let send = |request: Request<Bytes>| async {
        let response = bare.request(request.map(Full::new)).await.unwrap();
        assert!(response.status().is_success(), "{}", response.status());
        response.into_body().collect().await.unwrap()
    };
    for (turn, kind) in (0..=TURNS).flat_map(|turn| order(turn).map(|kind| (turn, kind))) {
        let passback = Passback::new(&bench.endpoint).concurrency(OVER_HYPER);
        match kind {
            Kind::Ours => {
                let rows = bench.rows();
                let begun = Instant::now();
                let mut settlements = client.pass_back(passback, rows);
                while settlements.next().await.is_some() {}
                rates.note(turn, kind, begun);
                assert_eq!(settlements.summary().sent, SCORES as u64);
            }
            Kind::Journaled => {
                let (rows, (journal, path)) = (bench.rows(), bench.journal());
                let begun = Instant::now();
                let mut settlements = client.pass_back_with_journal(passback, rows, journal);
                while settlements.next().await.is_some() {}
                rates.note(turn, kind, begun);
                assert_eq!(settlements.summary().sent, SCORES as u64);
                std::fs::remove_file(path).unwrap();
            }
            Kind::Floor => {
                let requests = bench.requests();
                let begun = Instant::now();
                let mut responses =
                    futures_util::stream::iter(requests).map(send).buffer_unordered(OVER_HYPER);
                while responses.next().await.is_some() {}
                rates.note(turn, kind, begun);
            }
        }
    }
    bench.platform.assert_no_violations();
    rates.report(&format!("hyper, {OVER_HYPER} at once"));
}

fn over_ureq() {
    let mut bench = Bench::new();
    let client = lti_ags_ureq::Client::new(bench.registration());
    client.authorize(&bench.endpoint).unwrap();
    // With as many connections as there are threads, and a limit for each phase but the lookup of the host, for which ureq
    // would make a new thread each time.
    let limit = Some(Duration::from_secs(30));
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
    let config = config.max_idle_connections(OVER_UREQ).max_idle_connections_per_host(OVER_UREQ);
    let config = config.timeout_connect(limit).timeout_send_request(limit).timeout_send_body(limit);
    let bare: ureq::Agent = config.timeout_recv_response(limit).timeout_recv_body(limit).build().into();
    let mut rates = Rates::default();
    let send = |request: Request<Bytes>| {
        let (parts, body) = request.into_parts();
        let response = bare.run(Request::from_parts(parts, &*body)).unwrap();
        assert!(response.status().is_success(), "{}", response.status());
        response.into_body().read_to_vec().unwrap();
    };
    for (turn, kind) in (0..=TURNS).flat_map(|turn| order(turn).map(|kind| (turn, kind))) {
        let passback = Passback::new(&bench.endpoint).concurrency(OVER_UREQ);
        match kind {
            Kind::Ours => {
                let rows = bench.rows();
                let begun = Instant::now();
                assert_eq!(client.pass_back(passback, rows).count(), SCORES);
                rates.note(turn, kind, begun);
            }
            Kind::Journaled => {
                let (rows, (journal, path)) = (bench.rows(), bench.journal());
                let begun = Instant::now();
                assert_eq!(client.pass_back(passback, rows).journal(journal).count(), SCORES);
                rates.note(turn, kind, begun);
                std::fs::remove_file(path).unwrap();
            }
            Kind::Floor => {
                let requests = Mutex::new(bench.requests());
                let next = || requests.lock().unwrap().pop();
                let begun = Instant::now();
                std::thread::scope(|scope| {
                    for _ in 0..OVER_UREQ {
                        scope.spawn(|| {
                            while let Some(request) = next() {
                                send(request);
                            }
                        });
                    }
                });
                rates.note(turn, kind, begun);
            }
        }
    }
    bench.platform.assert_no_violations();
    rates.report(&format!("ureq, {OVER_UREQ} at once"));
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(over_hyper());
    over_ureq();
}
