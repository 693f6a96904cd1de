//! Scores over loopback, from 1 to 512 at a time, through the hyper transport and through hyper-util's client below it, which
//! sends the same bytes: 20,000 of each, as many at a time as are named. Short turns that alternate, so that what else the
//! machine does falls on both alike; the ratio is that of the medians of all turns.
#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use lti_ags::http::Request;
use lti_ags::{Bytes, Endpoint, Launch, PostScore, Registration, Score, SigningKey, Timestamp};
use lti_ags_hyper::{Client, Https};
use lti_ags_testing::Platform;

#[path = "plot/curves.rs"]
mod curves;

use curves::{Curve, Plot};

/// At the same time.
const CONCURRENT: [u32; 10] = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
/// In one turn.
const SCORES: usize = 2_000;
/// 20,000 scores of each in all.
const TURNS: usize = 10;

type Bare = HyperClient<HttpConnector, Full<Bytes>>;

struct Bench {
    platform: Platform,
    endpoint: Endpoint,
    users: Vec<String>,
    /// Of the last score: every later one is newer.
    now: Timestamp,
}

impl Bench {
    fn new() -> Self {
        let users: Vec<_> = (0..SCORES).map(|n| format!("s-{n:04}")).collect();
        let platform = Platform::builder().learners(users.clone()).ledger_limit(SCORES).start();
        let endpoint = Launch::from_claims(platform.claims("s-0000")).unwrap().endpoint().unwrap();
        Self { platform, endpoint, users, now: Timestamp::try_from(SystemTime::now()).unwrap() }
    }

    fn client(&self) -> Client<Https> {
        let key = SigningKey::from_pem(self.platform.private_key_pem())
            .unwrap()
            .with_key_id(self.platform.key_id());
        let registration =
            Registration::new(self.platform.client_id(), &self.platform.token_endpoint(), key).unwrap();
        Client::new(registration)
    }

    fn operations(&mut self) -> Vec<PostScore> {
        self.now += Duration::from_secs(1);
        let score = |user: &String| Score::graded(user, 85.0, 100.0).timestamp(self.now).build().unwrap();
        self.users.iter().map(|user| PostScore::new(score(user))).collect()
    }

    /// What our client sent in the turn before, with later timestamps.
    fn requests(&mut self) -> Vec<Request<Bytes>> {
        let earlier = self.now;
        self.now += Duration::from_secs(1);
        let (earlier, later) = (lti_ags::format_timestamp(earlier), lti_ags::format_timestamp(self.now));
        let url = self.platform.base_url();
        let again = |exchange: &lti_ags_testing::Exchange| {
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

/// Works through the jobs, so many at a time, and says how many a second.
async fn at_once<J, F>(concurrent: u32, jobs: Vec<J>, work: impl Fn(J) -> F + Clone + Send + 'static) -> f64
where
    J: Clone + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let jobs = Arc::new(jobs);
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let workers: Vec<_> = (0..concurrent)
        .map(|_| {
            let (jobs, next, work) = (Arc::clone(&jobs), Arc::clone(&next), work.clone());
            tokio::spawn(async move {
                while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    work(job.clone()).await;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    f64::from(u32::try_from(SCORES).unwrap()) / begun.elapsed().as_secs_f64()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Scores a second, of each turn.
struct Rates {
    ours: Vec<f64>,
    floor: Vec<f64>,
}

async fn throughput(concurrent: u32) -> Rates {
    let mut bench = Bench::new();
    let client = bench.client();
    client.authorize(&bench.endpoint).await.unwrap();
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let bare: Bare =
        HyperClient::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
    let mut rates = Rates { ours: Vec::new(), floor: Vec::new() };
    for turn in 0..=TURNS {
        let (client, endpoint) = (client.clone(), bench.endpoint.clone());
        let ours = at_once(concurrent, bench.operations(), move |operation| {
            let (client, endpoint) = (client.clone(), endpoint.clone());
            async move { drop(client.call(&endpoint, operation).await.unwrap()) }
        });
        let ours = ours.await;

        let bare = bare.clone();
        let floor = at_once(concurrent, bench.requests(), move |request| {
            let bare = bare.clone();
            async move {
                let response = bare.request(request.map(Full::new)).await.unwrap();
                assert!(response.status().is_success(), "{}", response.status());
                response.into_body().collect().await.unwrap();
            }
        });
        let floor = floor.await;
        // The first turn makes the connections.
        if turn > 0 {
            rates.ours.push(ours);
            rates.floor.push(floor);
        }
    }
    bench.platform.assert_no_violations();
    rates
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (mut ours, mut floors) = (Vec::new(), Vec::new());
    for concurrent in CONCURRENT {
        let mut rates = runtime.block_on(throughput(concurrent));
        let (rate, floor) = (median(&mut rates.ours), median(&mut rates.floor));
        println!(
            "{concurrent:3} at once: {rate:.0} scores a second ({:.0} to {:.0}), floor {floor:.0} ({:.0} to {:.0}); ratio {:.3}",
            rates.ours[0],
            rates.ours[TURNS - 1],
            rates.floor[0],
            rates.floor[TURNS - 1],
            rate / floor,
        );
        ours.push((f64::from(concurrent), rate));
        floors.push((f64::from(concurrent), floor));
    }
    let curves =
        [Curve { name: "lti-ags-hyper", points: ours }, Curve { name: "hyper-util alone", points: floors }];
    let title = "Scores a second, by how many are on their way at a time";
    let plot =
        Plot { name: "concurrent", title, across: "at a time", up: "scores a second", curves: &curves };
    plot.draw();
}
