//! A passback over hyper, 64 at a time, with a journal: from a thousand scores to a million, how long it takes and the most
//! memory that it holds. Each is run twice, since counting slows every allocation.
#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::time::{Duration, Instant, SystemTime};

use futures_util::StreamExt as _;
use lti_ags::{Endpoint, JournalHeader, Launch, Passback, Registration, Score, SigningKey, Timestamp};
use lti_ags_hyper::{Client, JournalFile};
use lti_ags_testing::Platform;

#[path = "plot/curves.rs"]
mod curves;

use curves::{Curve, Plot};

const SCORES: [u32; 7] = [1_000, 3_000, 10_000, 30_000, 100_000, 300_000, 1_000_000];
const AT_ONCE: usize = 64;

struct Bench {
    platform: Platform,
    endpoint: Endpoint,
    scores: u32,
    began: Timestamp,
}

fn user(number: u32) -> String {
    format!("s-{number:07}")
}

impl Bench {
    fn new(scores: u32) -> Self {
        let platform = Platform::builder().learners((0..scores).map(user)).ledger_limit(16).start();
        let endpoint = Launch::from_claims(platform.claims(&user(0))).unwrap().endpoint().unwrap();
        Self { platform, endpoint, scores, began: Timestamp::try_from(SystemTime::now()).unwrap() }
    }

    fn client(&self) -> Client<lti_ags_hyper::Https> {
        let key = SigningKey::from_pem(self.platform.private_key_pem())
            .unwrap()
            .with_key_id(self.platform.key_id());
        Client::new(
            Registration::new(self.platform.client_id(), &self.platform.token_endpoint(), key).unwrap(),
        )
    }

    /// All of it happens on the one thread of the runtime, but for the writing of the journal.
    fn run(&self, runtime: &tokio::runtime::Runtime, round: u32) {
        let timestamp = self.began + Duration::from_secs(round.into());
        let score =
            move |number| Score::graded(user(number), 85.0, 100.0).timestamp(timestamp).build().unwrap();
        let path = std::env::temp_dir().join(format!("bulk-bench-{}-{round}.journal", std::process::id()));
        let header = JournalHeader::new("bench", [self.endpoint.line_item().unwrap()]);
        let journal = JournalFile::open(&path, header).unwrap();
        let client = self.client();
        let sent = runtime.block_on(async {
            let plan = Passback::new(&self.endpoint).concurrency(AT_ONCE);
            let mut settlements = client.pass_back_with_journal(plan, (0..self.scores).map(score), journal);
            while settlements.next().await.is_some() {}
            settlements.summary().sent
        });
        assert_eq!(sent, u64::from(self.scores));
        std::fs::remove_file(path).unwrap();
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (mut times, mut memories) = (Vec::new(), Vec::new());
    for scores in SCORES {
        let bench = Bench::new(scores);
        let begun = Instant::now();
        bench.run(&runtime, 1);
        let seconds = begun.elapsed().as_secs_f64();
        let held = allocation_counter::measure(|| bench.run(&runtime, 2)).bytes_max;
        bench.platform.assert_no_violations();

        let count = f64::from(scores);
        #[expect(clippy::cast_precision_loss, reason = "it is far from 2 to the 53rd")]
        let (held, each) = (held as f64 / 1_048_576.0, held as f64 / count);
        let microseconds = seconds * 1e6 / count;
        println!(
            "{scores:7} scores: {seconds:.2} s, {microseconds:.1} µs each; {held:.1} MiB at most, {each:.0} bytes each"
        );
        times.push((count, microseconds));
        memories.push((count, each));
    }
    let plot = |name, title, up, points| {
        let curves = [Curve { name: "lti-ags-hyper, with a journal", points }];
        Plot { name, title, across: "scores", up, curves: &curves }.draw();
    };
    plot("bulk-time", "Time of each score of a passback", "microseconds a score", times);
    plot("bulk-memory", "Most memory that a passback holds, by its scores", "bytes a score", memories);
}
