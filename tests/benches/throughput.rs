//! Scores one after another over loopback, through each transport and through the HTTP client below it, which sends the
//! same bytes over a connection that is kept alive. A hundred of each in a turn, and a hundred turns, so that what else
//! the machine does falls on both alike; the ratio is that of the medians of all turns.
#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use lti_ags::http::{Request, Response};
use lti_ags::{
    Bytes, Endpoint, Launch, PostScore, Registration, Score, Seed, Session, SigningKey, Step, Timestamp,
    TransportError,
};
use lti_ags_testing::Platform;

/// Scores in one turn.
const SCORES: usize = 100;
const ROUNDS: usize = 100;

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
        let platform = Platform::builder().learners(users.clone()).start();
        let endpoint = Launch::from_claims(platform.claims("s-0000")).unwrap().endpoint().unwrap();
        Self { platform, endpoint, users, now: now() }
    }

    fn registration(&self) -> Registration {
        let key = SigningKey::from_pem(self.platform.private_key_pem())
            .unwrap()
            .with_key_id(self.platform.key_id());
        Registration::new(self.platform.client_id(), &self.platform.token_endpoint(), key).unwrap()
    }

    fn operations(&mut self) -> Vec<PostScore> {
        self.now += Duration::from_secs(1);
        let score = |user: &String| Score::graded(user, 85.0, 100.0).timestamp(self.now).build().unwrap();
        self.users.iter().map(|user| PostScore::new(score(user))).collect()
    }

    /// The requests that the core makes, without sending any but that for the token.
    fn requests(&mut self) -> Vec<Request<Bytes>> {
        let agent = agent();
        let mut session =
            Session::new(self.registration(), Seed::new(self.now.as_nanosecond().unsigned_abs()));
        let operations = self.operations();
        let mut request_of = |operation| {
            let mut step = session.begin(&self.endpoint, operation, now());
            loop {
                step = match step {
                    Step::Send(request, in_flight) if request.uri().path().ends_with("/token") => {
                        let body = send_by_ureq(&agent, request);
                        let response: Result<_, TransportError> = Ok(Response::new(body));
                        in_flight.receive(&mut session, now(), response)
                    }
                    Step::Send(request, _) => return request,
                    _ => unreachable!("nothing throttles"),
                }
            }
        };
        operations.into_iter().map(&mut request_of).collect()
    }
}

fn now() -> Timestamp {
    Timestamp::try_from(std::time::SystemTime::now()).unwrap()
}

/// With a limit for each phase but the lookup of the host: the quickest that ureq has.
fn agent() -> ureq::Agent {
    let limit = Some(Duration::from_secs(30));
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
    let config = config.timeout_connect(limit).timeout_send_request(limit).timeout_send_body(limit);
    config.timeout_recv_response(limit).timeout_recv_body(limit).build().into()
}

/// With one limit for a whole request, as it is mostly set: for it ureq looks the host up on a new thread, each time.
fn limited_agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0);
    config.timeout_global(Some(Duration::from_secs(30))).build().into()
}

fn send_by_ureq(agent: &ureq::Agent, request: Request<Bytes>) -> Vec<u8> {
    let (parts, body) = request.into_parts();
    let response = agent.run(Request::from_parts(parts, &*body)).unwrap();
    assert!(response.status().is_success(), "{}", response.status());
    response.into_body().read_to_vec().unwrap()
}

fn per_second(begun: Instant) -> f64 {
    f64::from(u32::try_from(SCORES).unwrap()) / begun.elapsed().as_secs_f64()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn report(name: &str, ours: &mut [f64], floor: &mut [f64]) {
    let (ratio, mid, floor_mid) = (median(ours) / median(floor), median(ours), median(floor));
    let spread = |values: &[f64]| format!("{:.0} to {:.0}", values[ROUNDS / 10], values[ROUNDS * 9 / 10]);
    println!(
        "{name}: {mid:.0} scores a second ({}), floor {floor_mid:.0} ({}); ratio {ratio:.3}",
        spread(ours),
        spread(floor),
    );
}

fn over_ureq() {
    let mut bench = Bench::new();
    let client = lti_ags_ureq::Client::new(bench.registration());
    client.authorize(&bench.endpoint).unwrap();
    let (quickest, limited) = (agent(), limited_agent());
    let (mut ours, mut floor, mut limited_floor) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let operations = bench.operations();
        let begun = Instant::now();
        for operation in operations {
            client.call(&bench.endpoint, operation).unwrap();
        }
        ours.push(per_second(begun));

        for (agent, floor) in [(&quickest, &mut floor), (&limited, &mut limited_floor)] {
            let requests = bench.requests();
            let begun = Instant::now();
            for request in requests {
                send_by_ureq(agent, request);
            }
            floor.push(per_second(begun));
        }
    }
    bench.platform.assert_no_violations();
    report("ureq", &mut ours, &mut floor);
    report("ureq, of one with a limit for the whole request", &mut ours, &mut limited_floor);
}

async fn over_hyper() {
    let mut bench = Bench::new();
    let client = lti_ags_hyper::Client::new(bench.registration());
    client.authorize(&bench.endpoint).await.unwrap();
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let floor_client: HyperClient<_, Full<Bytes>> =
        HyperClient::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let operations = bench.operations();
        let begun = Instant::now();
        for operation in operations {
            client.call(&bench.endpoint, operation).await.unwrap();
        }
        ours.push(per_second(begun));

        let requests = bench.requests();
        let begun = Instant::now();
        for request in requests {
            let response = floor_client.request(request.map(Full::new)).await.unwrap();
            assert!(response.status().is_success(), "{}", response.status());
            response.into_body().collect().await.unwrap();
        }
        floor.push(per_second(begun));
    }
    bench.platform.assert_no_violations();
    report("hyper", &mut ours, &mut floor);
}

fn main() {
    over_ureq();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(over_hyper());
}
