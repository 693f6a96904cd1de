//! What a page of results costs that is read through the core, of ten results to ten thousand, beside a derived struct that
//! drops what the standard does not name: the time of each result, and the most memory that is held.
#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::hint::black_box;
use std::time::Instant;

use lti_ags::http::Response;
use lti_ags::{
    Algorithm, Endpoint, InFlight, ListResults, Registration, Seed, Session, Signer, SigningKey, Step,
    Timestamp,
};
use serde::Deserialize;

#[path = "plot/curves.rs"]
mod curves;

use curves::{Curve, Plot};

const RESULTS: [u32; 7] = [10, 30, 100, 300, 1_000, 3_000, 10_000];
/// Results that are read in one turn, whatever a page holds.
const TURN: u32 = 30_000;
const ROUNDS: usize = 21;
const TOKEN: &[u8] = br#"{"access_token":"8634088667c6db8e91196e76c268818f","token_type":"Bearer","expires_in":3600,"scope":"https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly"}"#;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "it is parsed, not used")]
struct Derived {
    id: String,
    score_of: Option<String>,
    user_id: String,
    result_score: Option<f64>,
    result_maximum: Option<f64>,
    comment: Option<String>,
    scoring_user_id: Option<String>,
}

struct Elsewhere;

impl Signer for Elsewhere {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(b"signature".to_vec())
    }
}

struct Bench {
    session: Session,
    endpoint: Endpoint,
    now: Timestamp,
}

impl Bench {
    fn new() -> Self {
        let key = SigningKey::external(Algorithm::Rs256, "k", Elsewhere);
        let registration = Registration::new("tool", "https://lms.example/token", key).unwrap();
        let endpoint = Endpoint::for_line_item("https://lms.example/line_items/9").unwrap();
        let now = "2026-03-02T09:00:00Z".parse().unwrap();
        let mut bench = Self { session: Session::new(registration, Seed::new(1)), endpoint, now };
        let answered = bench.begin().receive(&mut bench.session, now, Ok(Response::new(TOKEN)));
        assert!(matches!(answered, Step::Send(..)));
        bench
    }

    fn begin(&mut self) -> InFlight<ListResults> {
        match self.session.begin(&self.endpoint, ListResults::new(), self.now) {
            Step::Send(_, in_flight) => in_flight,
            other => unreachable!("{other:?}"),
        }
    }

    fn read(&mut self, page: &[u8]) {
        let in_flight = self.begin();
        let step = in_flight.receive(&mut self.session, self.now, Ok(Response::new(page)));
        assert!(matches!(black_box(step), Step::Done(Ok(_))));
    }
}

fn derive(page: &[u8]) {
    let results: Vec<Derived> = serde_json::from_slice(page).unwrap();
    black_box(results);
}

fn page(results: u32) -> Vec<u8> {
    let result = |n: u32| {
        format!(
            r#"{{"id":"https://lms.example/line_items/9/results/{n}","scoreOf":"https://lms.example/line_items/9","userId":"5323497-{n}","resultScore":83.33,"resultMaximum":100,"comment":"This is exceptional work.","scoringUserId":"instructor-1"}}"#
        )
    };
    format!("[{}]", (0..results).map(result).collect::<Vec<_>>().join(",")).into_bytes()
}

/// Nanoseconds a result.
fn timed(results: u32, mut read: impl FnMut()) -> f64 {
    let pages = TURN / results;
    let begun = Instant::now();
    for _ in 0..pages {
        read();
    }
    begun.elapsed().as_secs_f64() * 1e9 / f64::from(pages * results)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// In bytes a result.
fn most(results: u32, read: impl FnOnce()) -> f64 {
    let held = allocation_counter::measure(read).bytes_max;
    f64::from(u32::try_from(held).unwrap()) / f64::from(results)
}

fn main() {
    let mut bench = Bench::new();
    let (mut ours, mut derived) = (Vec::new(), Vec::new());
    for results in RESULTS {
        let page = page(results);
        let (mut times, mut floors) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            times.push(timed(results, || bench.read(&page)));
            floors.push(timed(results, || derive(&page)));
        }
        let (time, floor) = (median(&mut times), median(&mut floors));
        println!(
            "{results:5} results: {time:.0} ns each, derived {floor:.0} ns (ratio {:.2}); {:.0} bytes each at most, derived {:.0}",
            floor / time,
            most(results, || bench.read(&page)),
            most(results, || derive(&page)),
        );
        ours.push((f64::from(results), time));
        derived.push((f64::from(results), floor));
    }
    let curves = [
        Curve { name: "lti-ags", points: ours },
        Curve { name: "derived struct, from_slice", points: derived },
    ];
    let title = "Time of each result of a page that is read";
    let (across, up) = ("results in the page", "nanoseconds a result");
    Plot { name: "pages", title, across, up, curves: &curves }.draw();
}
