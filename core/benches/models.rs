//! What reading a page of 1,000 entries costs, against `#[derive(Deserialize)]` on a struct of the same members,
//! without and with `#[serde(flatten)]`. Ratios are of throughput, ours to theirs: above 1 we are faster.
#![allow(
    missing_docs,
    dead_code,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark reads the clock and prints; the derived structs are only filled"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;

use lti_ags::{LineItem, UserResult};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

const ENTRIES: usize = 1_000;
const ROUNDS: usize = 41;
const READS: usize = 10;

macro_rules! derived {
    ($name:ident, $flattened:ident { $($field:ident: $type:ty),* $(,)? }) => {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct $name { $($field: $type),* }

        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct $flattened {
            $($field: $type,)*
            #[serde(flatten)]
            extensions: BTreeMap<String, Value>,
        }
    };
}

derived!(PlainLineItem, FlattenedLineItem {
    id: String,
    label: String,
    score_maximum: f64,
    resource_link_id: Option<String>,
    resource_id: Option<String>,
    tag: Option<String>,
    start_date_time: Option<String>,
    end_date_time: Option<String>,
    grades_released: Option<bool>,
});

derived!(PlainResult, FlattenedResult {
    id: String,
    score_of: Option<String>,
    user_id: String,
    result_score: Option<f64>,
    result_maximum: Option<f64>,
    comment: Option<String>,
    scoring_user_id: Option<String>,
});

fn main() {
    let standard_items = page(|i| {
        json!({
            "id": format!("https://lms.example/api/lti/courses/7/line_items/{i}"), "label": format!("Quiz {i}: waves"),
            "scoreMaximum": 100, "resourceLinkId": format!("0f3c-{i}"), "resourceId": format!("quiz-{i}"),
            "tag": "grade", "startDateTime": "2026-03-01T08:00:00Z", "endDateTime": "2026-04-01T08:00:00Z",
            "gradesReleased": true,
        })
    });
    let canvas_items = page(|i| {
        json!({
            "id": format!("https://lms.example/api/lti/courses/7/line_items/{i}"), "label": format!("Quiz {i}: waves"),
            "scoreMaximum": 50.0, "resourceLinkId": format!("0f3c-{i}"), "resourceId": format!("quiz-{i}"),
            "tag": "grade", "endDateTime": "2026-04-01T08:00:00Z",
            "https://canvas.instructure.com/lti/submission_type":
                {"type": "external_tool", "external_tool_url": "https://tool.example/launch"},
        })
    });
    let moodle_items = page(|i| {
        json!({
            "id": format!("https://moodle.example/mod/lti/services.php/2/lineitems/{i}/lineitem?type_id=1"),
            "label": format!("Quiz {i}"), "scoreMaximum": 100, "resourceId": "", "tag": "",
            "resourceLinkId": format!("{i}"), "ltiLinkId": format!("{i}"),
        })
    })
    .replace('/', "\\/");
    let standard_results = page(|i| {
        json!({
            "id": format!("https://lms.example/api/lti/courses/7/line_items/9/results/{i}"),
            "scoreOf": "https://lms.example/api/lti/courses/7/line_items/9", "userId": format!("5323497-{i}"),
            "resultScore": 83.33, "resultMaximum": 100, "comment": "This is exceptional work.",
            "scoringUserId": "instructor-1",
        })
    });
    let bare_results = page(|i| {
        json!({"id": format!("https://lms.example/line_items/9/results/{i}"), "userId": format!("{i}"),
               "resultScore": i % 101, "resultMaximum": 100})
    });
    let moodle_results = page(|i| {
        json!({
            "id": format!("https://moodle.example/mod/lti/services.php/2/lineitems/9/lineitem/results?type_id=1&user_id={i}"),
            "userId": format!("{i}"), "resultScore": 83.33, "resultMaximum": 100,
            "scoreOf": "https://moodle.example/mod/lti/services.php/2/lineitems/9/lineitem?type_id=1",
            "timestamp": "2026-03-06T20:05:02+00:00",
        })
    })
    .replace('/', "\\/");

    println!("a page of {ENTRIES}: median of {ROUNDS} interleaved rounds; ratio = our throughput / theirs");
    let items = derive_checked::<LineItem>;
    compare(
        "line items, standard members",
        &standard_items,
        items,
        derive::<PlainLineItem>,
        derive_checked::<PlainLineItem>,
        derive::<FlattenedLineItem>,
    );
    compare(
        "line items, like Canvas",
        &canvas_items,
        items,
        derive::<PlainLineItem>,
        derive_checked::<PlainLineItem>,
        derive::<FlattenedLineItem>,
    );
    compare(
        "line items, like Moodle",
        &moodle_items,
        items,
        derive::<PlainLineItem>,
        derive_checked::<PlainLineItem>,
        derive::<FlattenedLineItem>,
    );
    let results = derive_checked::<UserResult>;
    compare(
        "results, standard members",
        &standard_results,
        results,
        derive::<PlainResult>,
        derive_checked::<PlainResult>,
        derive::<FlattenedResult>,
    );
    compare(
        "results, four members",
        &bare_results,
        results,
        derive::<PlainResult>,
        derive_checked::<PlainResult>,
        derive::<FlattenedResult>,
    );
    compare(
        "results, like Moodle",
        &moodle_results,
        results,
        derive::<PlainResult>,
        derive_checked::<PlainResult>,
        derive::<FlattenedResult>,
    );
}

fn page(entry: impl Fn(usize) -> Value) -> String {
    Value::from((0..ENTRIES).map(entry).collect::<Vec<_>>()).to_string()
}

fn derive<T: DeserializeOwned>(body: &[u8]) -> usize {
    serde_json::from_slice::<Vec<T>>(body).unwrap().len()
}

/// As [`derive`], with our trick: one UTF-8 check for the whole body.
fn derive_checked<T: DeserializeOwned>(body: &[u8]) -> usize {
    serde_json::from_str::<Vec<T>>(std::str::from_utf8(body).unwrap()).unwrap().len()
}

type Reader<'a> = &'a dyn Fn(&[u8]) -> usize;

fn compare(
    name: &str,
    body: &str,
    ours: impl Fn(&[u8]) -> usize,
    plain: impl Fn(&[u8]) -> usize,
    checked: impl Fn(&[u8]) -> usize,
    flattened: impl Fn(&[u8]) -> usize,
) {
    let readers: [Reader<'_>; 4] = [&ours, &plain, &checked, &flattened];
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..ROUNDS {
        for (reader, times) in readers.iter().zip(&mut times) {
            let start = Instant::now();
            for _ in 0..READS {
                assert_eq!(reader(black_box(body.as_bytes())), ENTRIES);
            }
            times.push(start.elapsed().as_secs_f64() * 1e6 / f64::from(u32::try_from(READS).unwrap()));
        }
    }
    let [ours, plain, checked, flattened] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    });
    println!(
        "{name:29} {:4} KB: ours {ours:6.0} µs, derived {plain:6.0} µs ({:.2}), from_str {checked:6.0} µs ({:.2}), flattened {flattened:6.0} µs ({:.2})",
        body.len() / 1_000,
        plain / ours,
        checked / ours,
        flattened / ours,
    );
}
