//! `ags scores sync`: rows in, a line for each out, and what the platform holds in the end.

use std::collections::BTreeMap;
use std::time::Duration;

use lti_ags_testing::{Personality, Platform, Route, Script, Service};
use lti_ags_ureq::Timestamp;
use serde_json::{Value, json};

use crate::platform::folder;
use crate::server::{Reply, Server, TOKEN};
use crate::tool::{Ran, Tool};

pub(crate) const HEADER: &str = "user_id,score_given,score_maximum\n";

/// Syncs a file of this text, with JSON Lines.
pub(crate) fn sync(tool: &Tool, text: &str, flags: &[&str]) -> Ran {
    tool.write("grades.csv", text);
    tool.run(&[&["scores", "sync", "grades.csv", "--json"], flags].concat())
}

/// A score of so many points of 100 for each of these users.
pub(crate) fn grades<'a>(rows: impl IntoIterator<Item = (&'a str, u32)>) -> String {
    rows.into_iter().fold(HEADER.to_owned(), |text, (user, points)| format!("{text}{user},{points},100\n"))
}

/// The lines but for the last one, by row.
#[track_caller]
pub(crate) fn rows(ran: &Ran) -> BTreeMap<u64, Value> {
    let mut lines = ran.lines();
    let last = lines.pop().unwrap();
    assert!(last.get("summary").is_some(), "{ran:?}");
    let count = lines.len();
    let rows: BTreeMap<_, _> = lines.into_iter().map(|line| (line["row"].as_u64().unwrap(), line)).collect();
    assert_eq!(rows.len(), count, "a row is told of once");
    assert_eq!(last["summary"]["rows"], count);
    rows
}

/// What became of each row, in the order of the file.
#[track_caller]
pub(crate) fn outcomes(ran: &Ran) -> Vec<String> {
    rows(ran)
        .values()
        .map(|row| match row["reason"].as_str() {
            Some(reason) => format!("{} {reason}", row["outcome"].as_str().unwrap()),
            None => row["outcome"].as_str().unwrap().to_owned(),
        })
        .collect()
}

/// The last line.
pub(crate) fn summary(ran: &Ran) -> Value {
    ran.lines().pop().unwrap()["summary"].clone()
}

/// The scores that came to the platform, in their order: user and timestamp.
pub(crate) fn arrivals(platform: &Platform) -> Vec<(String, Timestamp)> {
    let ledger = platform.ledger();
    let scores = ledger.iter().filter(|exchange| exchange.service == Service::Scores);
    scores
        .map(|exchange| {
            let score: Value = serde_json::from_slice(&exchange.body).unwrap();
            (
                score["userId"].as_str().unwrap().to_owned(),
                score["timestamp"].as_str().unwrap().parse().unwrap(),
            )
        })
        .collect()
}

#[test]
fn every_row_gets_its_line_and_the_summary_counts_them() {
    let platform = Platform::start();
    let ran = sync(&folder(&platform), &grades([("u-1001", 10), ("u-1002", 20), ("u-1003", 30)]), &[]);
    assert_eq!((ran.code, &*ran.stderr), (0, ""), "{ran:?}");
    assert_eq!(
        rows(&ran).into_values().collect::<Vec<_>>(),
        [
            json!({"row": 1, "user_id": "u-1001", "outcome": "sent", "attempts": 1}),
            json!({"row": 2, "user_id": "u-1002", "outcome": "sent", "attempts": 1}),
            json!({"row": 3, "user_id": "u-1003", "outcome": "sent", "attempts": 1}),
        ]
    );
    let mut summary = summary(&ran);
    assert!(summary["seconds"].as_f64().unwrap() > 0.0);
    summary.as_object_mut().unwrap().remove("seconds");
    assert_eq!(
        summary,
        json!({"rows": 3, "sent": 3, "unchanged": 0, "superseded": 0, "skipped": 0, "rejected": 0, "gave_up": 0,
               "requests": 3, "token_requests": 1})
    );
    assert_eq!(platform.gradebook().result("li-1", "u-1003").unwrap().score, Some(30.0));
    platform.assert_no_violations();
}

#[test]
fn people_read_a_table_and_why_rows_were_not_taken() {
    let platform = Platform::builder().like(Personality::Canvas).start();
    let tool = folder(&platform);
    let learners = platform.learners();
    tool.write("grades.csv", &grades([(&*learners[0], 10), ("nobody", 20), (&*learners[1], 30)]));
    let ran = tool.run(&["scores", "sync", "grades.csv"]);
    assert_eq!(ran.code, 1);
    let (line, table) = ran.stdout.split_once('\n').unwrap();
    assert!(
        line.starts_with("row 2, nobody: rejected: post score: the platform cannot grade this user"),
        "{line}"
    );
    assert!(table.starts_with("OUTCOME   ROWS  WHY\nsent         2  -\nrejected     1  user_not_gradable 1\n3 rows, 3 requests and 1 for tokens, in "), "{table}");
    assert!(
        ran.stderr.starts_with("ags: not all rows were taken: rejected (user_not_gradable 1)\n"),
        "{ran:?}"
    );
    assert!(!ran.stderr.contains('\r'), "no progress where nobody watches");
}

#[test]
fn rows_of_one_user_go_in_their_order_and_a_second_apart() {
    for personality in Personality::ALL {
        let platform = Platform::builder().like(personality).start();
        let learners = platform.learners();
        let file = (0..30).map(|row: usize| (&*learners[row % 3], u32::try_from(row).unwrap()));
        let ran = sync(&folder(&platform), &grades(file), &["--concurrency", "8"]);
        assert_eq!((ran.code, outcomes(&ran)), (0, vec!["sent".to_owned(); 30]), "{personality}: {ran:?}");
        let arrivals = arrivals(&platform);
        for learner in &learners[..3] {
            let times: Vec<_> =
                arrivals.iter().filter(|(user, _)| user == learner).map(|(_, time)| *time).collect();
            let are_apart =
                times.windows(2).all(|pair| pair[1].as_millisecond() - pair[0].as_millisecond() >= 1000);
            assert!(times.len() == 10 && are_apart, "{personality}: {times:?}");
        }
        for (index, learner) in learners[..3].iter().enumerate() {
            let score = platform.gradebook().result("li-1", learner).unwrap().score;
            assert_eq!(score, Some(27.0 + f64::from(u32::try_from(index).unwrap())), "{personality}");
        }
        platform.assert_no_violations();
    }
}

#[test]
fn rows_of_one_user_get_no_timestamp_in_the_future_that_would_hold_back_a_later_score() {
    for header in [HEADER, "user_id,score_given,score_maximum,timestamp\n"] {
        let platform = Platform::start();
        let tool = folder(&platform);
        let end = if header == HEADER { "" } else { "," };
        let row = |row: u32| format!("u-1001,{row},100{end}\n");
        let rows: String = (0..30).map(row).collect();
        let begun = Timestamp::now();
        let ran = sync(&tool, &format!("{header}{rows}"), &[]);
        assert_eq!((ran.code, outcomes(&ran)), (0, vec!["sent".to_owned(); 30]), "{ran:?}");
        let times: Vec<_> = arrivals(&platform).into_iter().map(|(_, time)| time).collect();
        assert!(*times.last().unwrap() <= Timestamp::now(), "{times:?}");
        assert!(times.last().unwrap().as_millisecond() >= begun.as_millisecond(), "{times:?}");
        assert_eq!(tool.post(&["--json"]).json()["outcome"], "sent");
    }
}

#[test]
fn another_line_item_is_named_by_its_url() {
    let platform = Platform::builder()
        .line_item(lti_ags_testing::LineItem::new("li-1", 100.0))
        .line_item(lti_ags_testing::LineItem::new("li-2", 50.0))
        .start();
    let url = platform.line_item_url_of("li-2").unwrap();
    let ran = sync(&folder(&platform), &grades([("u-1001", 10)]), &["--line-item", &url]);
    assert_eq!(outcomes(&ran), ["sent"]);
    assert!(platform.gradebook().result("li-1", "u-1001").is_none());
    assert_eq!(platform.gradebook().result("li-2", "u-1001").unwrap().score, Some(5.0));

    let server = Server::willing();
    let foreign = sync(&Tool::at(&server), &grades([("u", 1)]), &["--line-item", "https://lms.example/9"]);
    assert_eq!((foreign.code, outcomes(&foreign)), (1, vec!["skipped foreign_origin".to_owned()]));
    assert!(foreign.stderr.contains("add the origin to allow_origins of [policy]"), "{foreign:?}");
    assert_eq!(server.requests().len(), 0);
    sync(&Tool::configured(&server, ""), &grades([("u", 1)]), &[]).assert_failed(1, "service_not_available");
}

#[test]
fn what_the_platform_refuses_is_rejected_and_the_rest_goes_on() {
    let platform = Platform::builder().like(Personality::Canvas).start();
    let (tool, learners) = (folder(&platform), platform.learners());
    assert_eq!(sync(&tool, &grades([(&*learners[1], 5)]), &[]).code, 0);
    let old = format!(
        "user_id,score_given,score_maximum,timestamp\n{},1,2,\nnobody,1,2,\n{},1,2,2026-03-02T09:00:00Z\n",
        learners[0], learners[1]
    );
    let ran = sync(&tool, &old, &[]);
    assert_eq!(outcomes(&ran), ["sent", "rejected user_not_gradable", "superseded"]);
    assert_eq!((ran.code, &ran.last_error()["kind"]), (1, &json!("rows_failed")));
    let message = ran.last_error()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("rejected (user_not_gradable 1)"), "{message}");
    assert_eq!((&summary(&ran)["rejected"], &summary(&ran)["superseded"]), (&json!(1), &json!(1)));
}

#[test]
fn programs_are_told_the_first_refusals_in_the_platforms_words() {
    let server = Server::answering(Reply::new(422, format!("no such course section {TOKEN}")));
    let ran = sync(&Tool::at(&server), &grades((0..10).map(|row| ("u", row))), &[]);
    let notes: Vec<_> = ran.stderr.lines().filter(|line| line.contains("no such course section")).collect();
    assert_eq!(notes.len(), 3, "{ran:?}");
    assert!(notes[0].starts_with("ags: note: row 1: rejected: post score: "), "{notes:?}");
    assert_eq!(ran.last_error()["kind"], "rows_failed");
    ran.assert_hides(&[TOKEN]);
}

#[test]
fn a_throttled_row_is_tried_again_and_its_attempts_are_counted() {
    let platform = Platform::start();
    platform.script(Route::Scores, Script::reply(429).header("Retry-After", "0").times(2));
    let ran = sync(&folder(&platform), &grades([("u-1001", 1)]), &[]);
    assert_eq!((outcomes(&ran), &rows(&ran)[&1]["attempts"]), (vec!["sent".to_owned()], &json!(3)));
    assert_eq!(summary(&ran)["requests"], 3);
}

#[test]
fn a_row_that_arrived_although_its_answer_was_lost_is_superseded() {
    let platform = Platform::start();
    platform.script(Route::Scores, Script::reset_after_acting());
    let ran = sync(&folder(&platform), &grades([("u-1001", 7)]), &[]);
    assert_eq!((ran.code, outcomes(&ran)), (0, vec!["superseded".to_owned()]), "{ran:?}");
    assert_eq!(platform.gradebook().result("li-1", "u-1001").unwrap().score, Some(7.0));
}

#[test]
fn what_takes_too_long_is_given_up_and_the_others_are_not() {
    let server = Server::start(|request, _| match &*request.path {
        "/token" => Reply::token(),
        _ if request.body.contains("\"slow\"") => Reply::new(503, ""),
        _ => Reply::new(200, ""),
    });
    let tool = Tool::with(&server, "[policy]\nmax_attempts = 2\n");
    let ran = sync(&tool, &grades([("u-1", 1), ("slow", 2), ("u-3", 3)]), &[]);
    assert_eq!(outcomes(&ran), ["sent", "gave_up server_error", "sent"]);
    assert_eq!(
        (ran.code, &rows(&ran)[&2]["attempts"], &ran.last_error()["kind"]),
        (1, &json!(2), &json!("rows_failed"))
    );
    let hurried = Tool::with(&server, "[policy]\ndeadline_seconds = 0.3\n");
    assert!(outcomes(&sync(&hurried, &grades([("slow", 2)]), &[]))[0].starts_with("gave_up "));
}

#[test]
fn when_nothing_more_can_be_sent_every_row_left_is_skipped_with_that_kind() {
    let server = Server::start(|_, _| Reply::new(401, r#"{"error":"invalid_client"}"#));
    let ran = sync(&Tool::at(&server), &grades((0..50).map(|row| ("u", row))), &[]);
    assert_eq!(outcomes(&ran), vec!["skipped token_refused"; 50]);
    assert_eq!((ran.code, server.requests().len(), &summary(&ran)["token_requests"]), (1, 1, &json!(1)));
    let message = ran.last_error()["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("skipped (token_refused 50)") && message.contains("invalid_client"),
        "{message}"
    );
    assert!(message.contains("when that is mended, run again") && message.contains("--journal"), "{message}");

    // In the middle: the token expires, and there is no other.
    let server = Server::start(|request, before| match (&*request.path, before) {
        ("/token", 0) => Reply::token(),
        ("/token", _) => Reply::new(400, r#"{"error":"invalid_client"}"#),
        (_, 0..3) => Reply::new(200, ""),
        _ => Reply::new(401, ""),
    });
    let ran = sync(&Tool::at(&server), &grades((0..20).map(|row| ("u", row))), &[]);
    let outcomes = outcomes(&ran);
    assert_eq!(
        (&outcomes[..3], &outcomes[3..]),
        (&vec!["sent".to_owned(); 3][..], &vec!["skipped token_refused".to_owned(); 17][..])
    );
}

#[test]
fn a_line_item_that_is_gone_ends_it() {
    let server = Server::answering(Reply::new(404, ""));
    let users: Vec<String> = (0..40).map(|row| format!("u-{row}")).collect();
    let file = grades(users.iter().map(|user| (&**user, 1)));
    let ran = sync(&Tool::at(&server), &file, &[]);
    assert_eq!(outcomes(&ran), vec!["skipped not_found"; 40]);
    assert!(ran.code == 1 && server.service_requests().len() < 12, "{}", server.service_requests().len());
}

#[test]
fn a_dry_run_sends_no_score() {
    let platform = Platform::start();
    let tool = folder(&platform);
    let ran = sync(&tool, &grades([("u-1001", 1), ("u-1002", 2)]), &["--dry-run"]);
    assert_eq!((ran.code, outcomes(&ran)), (0, vec!["skipped dry_run".to_owned(); 2]), "{ran:?}");
    assert!(arrivals(&platform).is_empty());
    assert_eq!(sync(&tool, &grades([("u-1001", 1)]), &[]).code, 0);
    let ran = sync(&tool, &grades([("u-1001", 1), ("u-1002", 2)]), &["--dry-run", "--only-changed"]);
    assert_eq!((ran.code, outcomes(&ran)), (0, vec!["unchanged".to_owned(), "skipped dry_run".to_owned()]));
    assert_eq!(arrivals(&platform).len(), 1);
    // That results cannot be read is no success.
    platform.script(Route::Results, Script::reply(400).times(9));
    assert_eq!(sync(&tool, &grades([("u-1001", 1)]), &["--dry-run", "--only-changed"]).code, 1);
}

#[test]
fn only_what_changed_is_sent() {
    for personality in Personality::ALL {
        let platform = Platform::builder().like(personality).start();
        let tool = folder(&platform);
        let learners = platform.learners();
        // Two runs within a second would be one to Moodle.
        let file = |points: [u32; 3], timestamp| {
            let rows = learners
                .iter()
                .zip(points)
                .map(|(learner, points)| format!("{learner},{points},80,{timestamp}\n"));
            "user_id,score_given,score_maximum,timestamp\n".to_owned() + &rows.collect::<String>()
        };
        assert_eq!(sync(&tool, &file([10, 21, 33], "2026-03-02T09:00:00Z"), &[]).code, 0, "{personality}");
        let before = arrivals(&platform).len();
        let ran = sync(&tool, &file([10, 22, 33], ""), &["--only-changed"]);
        assert_eq!(
            (ran.code, outcomes(&ran)),
            (0, ["unchanged", "sent", "unchanged"].map(str::to_owned).to_vec()),
            "{personality}"
        );
        assert_eq!(arrivals(&platform).len(), before + 1, "{personality}");
        let commented =
            "user_id,score_given,score_maximum,comment\n".to_owned() + &learners[0] + ",10,80,new\n";
        assert_eq!(outcomes(&sync(&tool, &commented, &["--only-changed"])), ["sent"], "{personality}");
    }
}

#[test]
fn a_row_is_compared_with_what_the_platform_will_hold_when_its_turn_comes() {
    let platform = Platform::start();
    let tool = folder(&platform);
    let earlier = "user_id,score_given,score_maximum,timestamp\nu-1001,10,100,2026-03-02T09:00:00Z\n";
    assert_eq!(sync(&tool, earlier, &[]).code, 0);
    let ran = sync(
        &tool,
        &grades([("u-1001", 10), ("u-1001", 20), ("u-1001", 10), ("u-1001", 10)]),
        &["--only-changed"],
    );
    assert_eq!(outcomes(&ran), ["unchanged", "sent", "sent", "unchanged"]);
    assert_eq!(platform.gradebook().result("li-1", "u-1001").unwrap().score, Some(10.0));
}

#[test]
fn standard_output_holds_nothing_but_json_lines_and_no_secret() {
    let server = Server::start(|request, _| match &*request.path {
        "/token" => Reply::token(),
        _ => Reply::new(422, format!("\u{1b}[31mno {TOKEN}: {}", request.body)),
    });
    let tool = Tool::at(&server);
    let text = "user_id,score_given,score_maximum,comment\nu-\u{1b}[31m,1,2,Planted comment\n".to_owned();
    for flags in [&["--trace"][..], &[]] {
        let ran = sync(&tool, &text, flags);
        assert_eq!((ran.code, outcomes(&ran)), (1, vec!["rejected score_refused".to_owned()]), "{ran:?}");
        ran.assert_hides(&[TOKEN, "Planted", "\u{1b}"]);
    }
    let ran = tool.run(&["scores", "sync", "grades.csv"]);
    ran.assert_hides(&[TOKEN, "Planted", "\u{1b}"]);
}

#[test]
fn what_is_wrong_with_the_flags_is_usage() {
    let server = Server::willing();
    let tool = Tool::at(&server);
    tool.write("grades.csv", &grades([("u", 1)]));
    for flags in [
        &["scores", "sync"][..],
        &["scores", "sync", "grades.csv", "--concurrency", "0"],
        &["scores", "sync", "grades.csv", "--concurrency", "65"],
        &["scores", "sync", "grades.csv", "--concurrency", "x"],
        &["scores", "sync", "grades.csv", "--line-item", "items/9"],
        &["scores", "sync", "grades.csv", "other.csv"],
        &["scores", "sync", "grades.csv", "--journal"],
    ] {
        tool.run(&[flags, &["--json"]].concat()).assert_failed(2, "usage");
    }
    assert_eq!(server.requests().len(), 0);
    for concurrency in ["1", "64"] {
        assert_eq!(sync(&tool, &grades([("u", 1)]), &["--concurrency", concurrency]).code, 0);
    }
}

#[test]
fn no_more_than_so_many_are_on_their_way() {
    const DELAY: Duration = Duration::from_millis(20);
    let platform = Platform::start();
    let (tool, learners) = (folder(&platform), platform.learners());
    for (flags, most) in [(&[][..], 4), (&["--concurrency", "1"], 1), (&["--concurrency", "16"], 16)] {
        platform.script(Route::Scores, Script::normal().delay(DELAY).times(40));
        let before = platform.ledger().len();
        let ran = sync(&tool, &grades(learners[..40].iter().map(|learner| (&**learner, 1))), flags);
        assert_eq!(ran.code, 0);
        let ledger = platform.ledger();
        let scores = ledger.iter().skip(before).filter(|exchange| exchange.service == Service::Scores);
        let received: Vec<_> = scores.map(|exchange| exchange.received_at).collect();
        assert_eq!(received.len(), 40);
        // The answer takes so long: one more comes only behind one of those before it.
        let are_apart = received.windows(most + 1).all(|window| window[most] >= window[0] + DELAY);
        assert!(are_apart, "{flags:?}: {received:?}");
    }
}

#[test]
fn a_reader_that_has_seen_enough_does_not_keep_scores_from_being_sent() {
    let platform = Platform::start();
    let tool = folder(&platform);
    let learners = platform.learners();
    tool.write("grades.csv", &grades(learners.iter().map(|learner| (&**learner, 1))));
    let mut child = tool.spawn(&["scores", "sync", "grades.csv", "--json"]);
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
    assert_eq!(arrivals(&platform).len(), learners.len());
}
