//! The CSV of `ags scores sync`: what is taken, and what is refused before anything is sent.

use std::fs;

use serde_json::json;

use crate::server::{Server, TOKEN};
use crate::sync::{HEADER, outcomes, sync};
use crate::tool::Tool;

/// Fails with exit code 2 and this row, and sends nothing, not even for a token.
#[track_caller]
fn assert_refused(bytes: &[u8], row: Option<u64>, words: &str) {
    let server = Server::willing();
    let tool = Tool::at(&server);
    fs::write(tool.path("grades.csv"), bytes).unwrap();
    let ran = tool.run(&["scores", "sync", "grades.csv", "--json", "--journal", "grades.journal"]);
    ran.assert_failed(2, "input_file");
    let error = ran.error();
    assert_eq!(error.get("row").cloned(), row.map(|row| json!(row)), "{error}");
    let message = error["message"].as_str().unwrap();
    assert!(message.contains(words) && message.contains("grades.csv"), "{message}");
    if let Some(row) = row {
        assert!(message.contains(&format!("row {row}:")), "{message}");
    }
    assert_eq!(server.requests().len(), 0);
    assert!(!tool.path("grades.journal").exists(), "a journal is of one input");
}

#[test]
fn a_file_that_cannot_be_right_as_a_whole_is_refused() {
    for (bytes, words) in [
        (&b""[..], "empty"),
        (b"\xEF\xBB\xBF", "empty"),
        (b"\n", "first row is empty"),
        (b"\r\nuser_id\n", "first row is empty"),
        (b"user_id,user_id\n", "\"user_id\" is there twice"),
        (b"user_id,comment,score_given,comment\n", "\"comment\" is there twice"),
        (b"User_Id,score_given\nu,1\n", "is it the one that is called \"User_Id\"?"),
        (b"user_id;score_given;score_maximum\nu;1;2\n", "semicolons"),
        (b"user_id\tscore_given\tscore_maximum\nu\t1\t2\n", "tabs"),
        (b"sep=;\nuser_id;score_given\n", "semicolons"),
        (b"u-1001,85,100\n", "no column user_id"),
        (b"\xFF\xFEu\0s\0e\0r\0", "UTF-16"),
        (b"\xFE\xFF\0u\0s\0e\0r", "UTF-16"),
        (b"u\0s\0e\0r\0_\0i\0d\0", "NUL"),
        (b"user_id,\xe9\n", "not UTF-8"),
        (b"\"user_id,score_given\nu,1\n", "never closed"),
    ] {
        assert_refused(bytes, None, words);
    }
}

#[test]
fn the_first_bad_row_is_named() {
    const HEADER: &str =
        "user_id,score_given,score_maximum,activity_progress,grading_progress,timestamp,comment";
    let cases: [(&str, u64, &str); 24] = [
        ("u,1,2,,,\n", 1, "6 cells"),
        ("u,1,2,,,,,\n", 1, "8 cells"),
        ("u,1,2,,,,\nu,1,2,,,,\nu\n", 3, "1 cell,"),
        ("u,1,2,,,,\n\nu,1,2,,,,\n", 2, "empty"),
        (",1,2,,,,\n", 1, "no user"),
        ("  ,1,2,,,,\n", 1, "no user"),
        ("u,1,2,,,,\nu,x,2,,,,\nu,x,2,,,,\n", 2, "score_given"),
        ("u,\"1,5\",2,,,,\n", 1, "write 85.5"),
        ("u, 1,2,,,,\n", 1, "score_given"),
        ("u,-1,2,,,,\n", 1, "0 or more"),
        ("u,NaN,2,,,,\n", 1, "score_given"),
        ("u,1e999,2,,,,\n", 1, "score_given"),
        ("u,1,0,,,,\n", 1, "above 0"),
        ("u,1,,,,,\n", 1, "score_maximum"),
        ("u,,2,,,,\n", 1, "score_given"),
        ("u,,,,,,\n", 1, "activity_progress and grading_progress"),
        ("u,,,Completed,,,\n", 1, "activity_progress and grading_progress"),
        ("u,1,2,completed,,,\n", 1, "activity_progress"),
        ("u,1,2,,,2026-03-02T09:00:00,\n", 1, "timestamp"),
        ("u,1,2,,,,\"open\nu,1,2,,,,\n", 1, "never closed"),
        ("u,1,2,,,,\nu,1,2,,,,fine \"quote\"\n", 2, "doubled"),
        ("u,1,2,,,,\"a\"b\n", 1, "closing quote"),
        ("u,1,2,,,,\ru,1,2,,,,\r", 1, "CR alone"),
        ("u,1,2,,,,\nu,1,2,,,,\0\n", 2, "NUL"),
    ];
    for (rows, row, words) in cases {
        assert_refused(format!("{HEADER}\n{rows}").as_bytes(), Some(row), words);
    }
    let latin = [HEADER.as_bytes(), b"\nu,1,2,,,,fine\nu,1,2,,,,caf\xe9\n"].concat();
    assert_refused(&latin, Some(2), "not UTF-8");
    let times = "user_id,score_given,score_maximum,started_at,submitted_at\n\
                 u,1,2,2026-03-02T09:00:01Z,2026-03-02T09:00:00Z\n";
    assert_refused(times.as_bytes(), Some(1), "before it was begun");
}

#[test]
fn timestamps_of_one_user_must_increase() {
    const HEADER: &str = "user_id,score_given,score_maximum,timestamp\n";
    for (rows, row) in [
        ("u,1,2,2026-03-02T09:00:00Z\nv,1,2,2026-03-02T09:00:00Z\nu,1,2,2026-03-02T09:00:00Z\n", Some(3)),
        ("u,1,2,2026-03-02T09:00:01Z\nu,1,2,2026-03-02T10:00:00+01:00\n", Some(2)),
        // The first gets the time of the run, and the second one is from before that.
        ("v,1,2,2026-03-02T09:00:00Z\nu,1,2,\nu,1,2,2026-03-02T09:00:00Z\n", Some(3)),
        ("u,1,2,\nu,1,2,2020-03-02T09:00:00Z\nv,x,2,\n", Some(2)),
    ] {
        assert_refused(format!("{HEADER}{rows}").as_bytes(), row, "timestamp");
    }
    let server = Server::willing();
    let tool = Tool::at(&server);
    let rows = "u,1,2,2026-03-02T09:00:00Z\nu,2,2,2026-03-02T09:00:00.001Z\nu,1,2,\nu,2,2,2199-01-01T00:00:00Z\nu,1,2,\n";
    let ran = sync(&tool, &format!("{HEADER}{rows}"), &[]);
    assert_eq!((ran.code, outcomes(&ran)), (0, vec!["sent".to_owned(); 5]), "{ran:?}");
    let times: Vec<lti_ags_ureq::Timestamp> = server
        .service_requests()
        .iter()
        .map(|request| request.json()["timestamp"].as_str().unwrap().parse().unwrap())
        .collect();
    assert!(times.is_sorted_by(|one, other| one < other), "{times:?}");
    assert_eq!(times[4].to_string(), "2199-01-01T00:00:01Z");
}

#[test]
fn every_form_of_rfc_4180_is_taken_and_cells_are_kept_as_they_are() {
    let comment = " fine, \"\"really\"\"\r\nyes ";
    let rows = format!(
        "comment,ignored,user_id,score_maximum,score_given\r\n\" {}\",x,u 1 ,1e2,85.50",
        comment.trim_start()
    );
    for text in [rows.clone(), format!("\u{feff}{rows}\r\n"), format!("{rows}\n\n\r\n")] {
        let server = Server::willing();
        let ran = sync(&Tool::at(&server), &text, &[]);
        assert_eq!(outcomes(&ran), ["sent"], "{ran:?}");
        assert!(ran.stderr.contains("note: the column \"ignored\" is ignored"), "{ran:?}");
        let score = server.service_requests()[0].json();
        assert_eq!(score["comment"], " fine, \"really\"\r\nyes ");
        assert_eq!(
            (&score["userId"], &score["scoreGiven"], &score["scoreMaximum"]),
            (&json!("u 1 "), &json!(85.5), &json!(100))
        );
        assert_eq!(
            (&score["activityProgress"], &score["gradingProgress"]),
            (&json!("Completed"), &json!("FullyGraded"))
        );
    }
}

#[test]
fn all_columns_reach_the_platform() {
    let text = "submitted_at,started_at,scoring_user_id,timestamp,grading_progress,activity_progress,user_id,score_given,score_maximum,comment\n\
                2026-03-02T08:00:00Z,2026-03-02T07:00:00Z,t-1,2026-03-02T09:00:00Z,Pending,Submitted,u-1,0,5,ok\n";
    let server = Server::willing();
    assert_eq!(outcomes(&sync(&Tool::at(&server), text, &[])), ["sent"]);
    assert_eq!(
        server.service_requests()[0].json(),
        json!({
            "userId": "u-1", "scoringUserId": "t-1", "scoreGiven": 0, "scoreMaximum": 5, "comment": "ok",
            "activityProgress": "Submitted", "gradingProgress": "Pending", "timestamp": "2026-03-02T09:00:00.000Z",
            "submission": {"startedAt": "2026-03-02T07:00:00.000Z", "submittedAt": "2026-03-02T08:00:00.000Z"},
        })
    );
}

#[test]
fn a_header_alone_is_nothing_to_do() {
    let server = Server::willing();
    let ran = sync(&Tool::at(&server), "user_id,score_given,score_maximum\n", &[]);
    assert_eq!((ran.code, server.requests().len()), (0, 0), "{ran:?}");
    assert_eq!(ran.json()["summary"]["rows"], 0);
}

#[test]
fn a_file_that_is_not_there_or_none_is_refused() {
    let server = Server::willing();
    let tool = Tool::at(&server);
    assert!(std::process::Command::new("mkfifo").arg(tool.path("pipe")).status().unwrap().success());
    for file in ["nowhere.csv", ".", "pipe", "/dev/null", "/dev/zero"] {
        let ran = tool.run(&["scores", "sync", file, "--json"]);
        ran.assert_failed(2, "input_file");
        assert!(ran.error().get("row").is_none());
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn neither_a_comment_nor_a_secret_is_repeated() {
    let server = Server::willing();
    let ran = sync(&Tool::at(&server), "user_id,score_given,score_maximum\nu,Planted comment,100\n", &[]);
    ran.assert_failed(2, "input_file");
    ran.assert_hides(&["Planted"]);
    let header = format!("{TOKEN} Bearer abcdefgh,name\n");
    let ran = sync(&Tool::at(&server), &header, &[]);
    ran.assert_failed(2, "input_file");
    ran.assert_hides(&["abcdefgh"]);
}

#[test]
fn misspelled_columns_are_noted_with_what_may_be_meant() {
    let server = Server::willing();
    let text = "user_id,score_given,score_maximum,Coment,\u{1b}[31mx\nu,1,2,a,b\n";
    let ran = sync(&Tool::at(&server), text, &[]);
    assert_eq!(outcomes(&ran), ["sent"]);
    assert!(ran.stderr.contains("the columns \"Coment\" (is comment meant?), \"x\" are ignored"), "{ran:?}");
}

#[test]
fn a_long_file_is_checked_to_its_end_before_anything_is_sent() {
    let server = Server::willing();
    let row = |row: u32| format!("learner-{row},{},100\n", row % 100);
    let rows: String = (0..200_000).map(row).collect();
    let ran = sync(&Tool::at(&server), &format!("{HEADER}{rows}u,x,100\n"), &[]);
    ran.assert_failed(2, "input_file");
    assert_eq!((ran.error()["row"].as_u64(), server.requests().len()), (Some(200_001), 0));
}
