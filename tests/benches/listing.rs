//! A million results over loopback in pages of a thousand, read one by one through each transport, beside a bare client
//! that reads the same pages into a derived struct; and the most memory that our side held at a time.
#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::hint::black_box;
use std::pin::Pin;
use std::time::Instant;

use futures_core::Stream;
use lti_ags::{Endpoint, Launch, ListResults, Registration, SigningKey};
use lti_ags_testing::Platform;
use serde::Deserialize;

const PAGE: u64 = 1_000;

/// What a result holds, for whoever needs no more.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it is parsed, not used")]
struct Plain {
    id: Option<String>,
    score_of: Option<String>,
    user_id: String,
    result_score: Option<f64>,
    result_maximum: Option<f64>,
    comment: Option<String>,
    scoring_user_id: Option<String>,
}

struct Bench {
    platform: Platform,
    endpoint: Endpoint,
    results: u64,
}

impl Bench {
    fn new(results: u64) -> Self {
        let platform =
            Platform::builder().results_for("li-1", results).page_size(PAGE, PAGE).ledger_limit(16).start();
        let endpoint = Launch::from_claims(platform.claims("u-1001")).unwrap().endpoint().unwrap();
        Self { platform, endpoint, results }
    }

    fn registration(&self) -> Registration {
        let key = SigningKey::from_pem(self.platform.private_key_pem())
            .unwrap()
            .with_key_id(self.platform.key_id());
        Registration::new(self.platform.client_id(), &self.platform.token_endpoint(), key).unwrap()
    }

    fn policy(&self) -> lti_ags::Policy {
        let mut policy = lti_ags::Policy::default();
        policy.max_pages = u32::try_from(self.results / PAGE).unwrap() + 2;
        policy
    }

    fn over_ureq(&self) -> u64 {
        let client = lti_ags_ureq::Client::builder(self.registration()).policy(self.policy()).build();
        let mut count = 0;
        for result in client.items(&self.endpoint, ListResults::new()) {
            black_box(result.unwrap());
            count += 1;
        }
        count
    }

    fn over_hyper(&self) -> u64 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = lti_ags_hyper::Client::builder(self.registration()).policy(self.policy()).build();
            let mut results = client.items(&self.endpoint, ListResults::new());
            let mut count = 0;
            while let Some(result) =
                std::future::poll_fn(|context| Pin::new(&mut results).poll_next(context)).await
            {
                black_box(result.unwrap());
                count += 1;
            }
            count
        })
    }

    /// ureq, a derived struct, and a `next` link cut out by hand.
    fn bare(&self, token: &str) -> u64 {
        let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
        let mut next = Some(format!("{}/results", self.platform.line_item_url()));
        let mut count = 0;
        while let Some(url) = next.take() {
            let response = agent
                .get(&url)
                .header("authorization", format!("Bearer {token}"))
                .header("accept", "application/vnd.ims.lis.v2.resultcontainer+json")
                .call()
                .unwrap();
            let link = response.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
            let body = response.into_body().read_to_vec().unwrap();
            let results: Vec<Plain> = serde_json::from_slice(&body).unwrap();
            for result in results {
                black_box(result);
                count += 1;
            }
            next = link.and_then(|link| {
                let next = link.split(',').find(|link| link.contains("rel=\"next\""))?;
                Some(next.split_once('<')?.1.split_once('>')?.0.to_owned())
            });
        }
        count
    }

    /// A token for the bare client: what the platform gave ours.
    fn token(&self) -> String {
        let client = lti_ags_ureq::Client::new(self.registration());
        client.call(&self.endpoint, ListResults::new()).unwrap();
        let ledger = self.platform.ledger();
        let header = ledger.service_requests().last().unwrap().header("authorization").unwrap().to_vec();
        String::from_utf8(header).unwrap().trim_start_matches("Bearer ").to_owned()
    }
}

fn timed(count: impl FnOnce() -> u64, expected: u64) -> f64 {
    let begun = Instant::now();
    assert_eq!(count(), expected);
    begun.elapsed().as_secs_f64()
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let million = Bench::new(1_000_000);
    for (name, list) in [
        ("ureq", Box::new(|| assert_eq!(million.over_ureq(), 1_000_000)) as Box<dyn Fn()>),
        ("hyper", Box::new(|| assert_eq!(million.over_hyper(), 1_000_000))),
    ] {
        let memory = allocation_counter::measure(list);
        println!(
            "{name}: a million results held {:.1} MiB at most",
            f64::from(u32::try_from(memory.bytes_max).unwrap()) / 1_048_576.0
        );
    }

    let bench = Bench::new(20_000);
    let token = bench.token();
    let (mut ureq, mut hyper, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..15 {
        ureq.push(timed(|| bench.over_ureq(), bench.results));
        bare.push(timed(|| bench.bare(&token), bench.results));
        hyper.push(timed(|| bench.over_hyper(), bench.results));
    }
    let bare = median(&mut bare);
    for (name, times) in [("ureq", &mut ureq), ("hyper", &mut hyper)] {
        let time = median(times);
        println!("{name}: {:.0} results a second, {:.2} of the bare client's", 20_000.0 / time, bare / time);
    }
    bench.platform.assert_no_violations();
}
