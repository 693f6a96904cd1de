//! One score through the core alone, request made and answer read, beside what it cannot do without: the JSON of the same
//! members and an `http::Request` built from parts. Ratios of interleaved rounds, and allocations.
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use std::hint::black_box;
use std::time::Instant;

use lti_ags::http::{Request, Response};
use lti_ags::{
    Algorithm, Bytes, Endpoint, PostScore, Registration, Score, Seed, Session, Signer, SigningKey, Step,
    Timestamp,
};
use serde::Serialize;

const ROUNDS: usize = 41;
const CALLS: u32 = 20_000;

struct Elsewhere;

impl Signer for Elsewhere {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(b"signature".to_vec())
    }
}

/// What a score must say, as anyone would write it down.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Plain {
    user_id: String,
    score_given: f64,
    score_maximum: f64,
    activity_progress: &'static str,
    grading_progress: &'static str,
    timestamp: String,
}

fn core(session: &mut Session, endpoint: &Endpoint, now: Timestamp) {
    let score = Score::graded("u-1001", 85.5, 100.0).build().unwrap();
    let mut step = session.begin(endpoint, PostScore::new(score), now);
    loop {
        step = match step {
            Step::Send(request, in_flight) => {
                let request = black_box(request);
                let body: &[u8] = if request.uri().path() == "/token" {
                    br#"{"access_token":"8634088667c6db8e91196e76c268818f","expires_in":3600}"#
                } else {
                    b""
                };
                in_flight.receive(session, now, Ok(Response::new(body)))
            }
            Step::Wait(..) => unreachable!("nothing throttles"),
            Step::Done(receipt) => {
                black_box(receipt.unwrap());
                return;
            }
        };
    }
}

fn floor(now: Timestamp) {
    let score = Plain {
        user_id: "u-1001".to_owned(),
        score_given: 85.5,
        score_maximum: 100.0,
        activity_progress: "Completed",
        grading_progress: "FullyGraded",
        timestamp: format!("{now:.3}"),
    };
    let request = Request::post("https://lms.example/services.php/2/lineitems/12/lineitem/scores?type_id=1")
        .header("authorization", "Bearer 8634088667c6db8e91196e76c268818f")
        .header("content-type", "application/vnd.ims.lis.v1.score+json")
        .header("user-agent", "tool/1.0")
        .body(Bytes::from(serde_json::to_vec(&score).unwrap()))
        .unwrap();
    black_box(request);
}

fn nanoseconds(mut call: impl FnMut()) -> f64 {
    let begun = Instant::now();
    for _ in 0..CALLS {
        call();
    }
    begun.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() {
    let key = SigningKey::external(Algorithm::Rs256, "k", Elsewhere);
    let registration = Registration::new("tool", "https://lms.example/token", key).unwrap();
    let mut session = Session::new(registration, Seed::new(1));
    let line_item = "https://lms.example/services.php/2/lineitems/12/lineitem?type_id=1";
    let endpoint = Endpoint::for_line_item(line_item).unwrap();
    let now: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    core(&mut session, &endpoint, now);

    let ours = allocation_counter::measure(|| core(&mut session, &endpoint, now));
    let theirs = allocation_counter::measure(|| floor(now));
    println!("allocations per score: {} (floor {})", ours.count_total, theirs.count_total);
    println!("bytes allocated per score: {} (floor {})", ours.bytes_total, theirs.bytes_total);

    let (mut times, mut floors, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let time = nanoseconds(|| core(&mut session, &endpoint, now));
        let floor = nanoseconds(|| floor(now));
        ratios.push(time / floor);
        times.push(time);
        floors.push(floor);
    }
    let ratio = median(&mut ratios);
    println!(
        "time per score: {:.0} ns, floor {:.0} ns; ratio {ratio:.2} (spread {:.2} to {:.2})",
        median(&mut times),
        median(&mut floors),
        ratios[ROUNDS / 10],
        ratios[ROUNDS * 9 / 10],
    );
}
