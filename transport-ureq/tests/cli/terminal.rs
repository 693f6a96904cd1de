//! A platform, or a file of scores, whose text drives a terminal: `ags` shows it without what does.

use crate::server::{Reply, Request, Server};
use crate::tool::{Ran, Tool};

/// A title of the window, a colour, a cursor's move in one character (ECMA-48 §8.3), a return over what was written, a
/// backspace, a delete, a line of its own, text from right to left, and what nobody sees.
const TRICK: &str =
    "Lab\u{1b}]0;owned\u{7}\u{1b}[31m\u{9b}2J\rfake\u{8}\u{7f}\u{85}\u{2028}\u{202e}tfel\u{200b}\u{feff}!";

/// Names of JSON members, JSON strings and whole bodies, all with the trick.
fn tricked(request: &Request) -> Vec<Reply> {
    let trick = serde_json::to_string(TRICK).unwrap();
    let bare = trick.trim_matches('"');
    let url = format!("https://lms.example/items/{}", "%1b%5b31m");
    let item = format!(
        r#"{{"id":"{url}","label":{trick},"scoreMaximum":10,"tag":{trick},"resourceId":{trick},"{bare}":{trick}}}"#
    );
    let result = format!(
        r#"{{"id":{trick},"userId":{trick},"resultScore":1,"resultMaximum":2,"comment":{trick},"{bare}":{trick}}}"#
    );
    let list = if request.path.contains("results") { &result } else { &item };
    let header = TRICK.replace(|c: char| c.is_control() && c != '\t', "\t");
    vec![
        Reply::new(200, format!("[{list}]")),
        Reply::new(200, item.clone()),
        Reply::new(201, item.clone()).header("location", &header),
        Reply::new(400, format!(r#"{{"error":{trick},"error_description":{trick}}}"#)).header("x", &header),
        Reply::new(401, TRICK)
            .header("www-authenticate", format!("Bearer error=\"{header}\", scope=\"{header}\"")),
        Reply::new(403, format!("<html><title>{TRICK}</title><body>{TRICK}</body></html>"))
            .header("content-type", &header),
        Reply::new(422, format!("[{trick}]")).reason(&header),
        Reply::new(500, TRICK).reason(&header),
        Reply::new(200, format!("[{list}]")).header("link", format!("<{header}>; rel=\"next\"")),
        Reply::new(302, TRICK).header("location", &header),
    ]
}

#[track_caller]
fn assert_plain(ran: &Ran) {
    for shown in [&ran.stdout, &ran.stderr] {
        let drives = |c: char| c.is_control() && c != '\n' || "\u{2028}\u{202e}\u{200b}\u{feff}".contains(c);
        assert!(!shown.contains(drives), "{shown:?}");
    }
}

fn commands() -> [&'static [&'static str]; 8] {
    [
        &["line-items", "list"],
        &["line-items", "get"],
        &["line-items", "create", "--label", "Essay", "--score-maximum", "10"],
        &["line-items", "update", "--label", "Essay"],
        &["results", "list"],
        &["scores", "post", "--user-id", "u-1001", "--score-given", "1", "--score-maximum", "2"],
        &["scores", "clear", "--user-id", "u-1001"],
        &["check"],
    ]
}

#[test]
fn text_of_a_platform_drives_no_terminal() {
    for number in 0..10 {
        let server = Server::start(move |request, _| {
            if request.is_token() { Reply::token() } else { tricked(request).swap_remove(number) }
        });
        let tool = Tool::in_course_with(&server, "[policy]\nmax_attempts = 1\n");
        for command in commands() {
            for format in [&[][..], &["--json"]] {
                assert_plain(&tool.run(&[command, format].concat()));
            }
        }
    }
}

#[test]
fn text_of_a_token_endpoint_drives_no_terminal() {
    for number in 0..10 {
        let server = Server::start(move |request, _| tricked(request).swap_remove(number));
        let tool = Tool::in_course_with(&server, "[policy]\nmax_attempts = 1\n");
        for command in [&["token"][..], &["check"], &["scores", "clear", "--user-id", "u-1001"]] {
            for format in [&[][..], &["--json"]] {
                assert_plain(&tool.run(&[command, format].concat()));
            }
        }
    }
}

#[test]
fn a_file_of_scores_drives_no_terminal() {
    let server = Server::willing();
    let tool = Tool::in_course(&server);
    let cell = TRICK.replace('"', "\"\"");
    for csv in [
        format!("user_id,score_given,score_maximum,comment\n\"{cell}\",1,2,\"{cell}\"\n"),
        format!("user_id,score_given,score_maximum\nu-1001,\"{cell}\",2\n"),
        format!("\"{cell}\",score_given,score_maximum\nu-1001,1,2\n"),
        format!("user_id,score_given,score_maximum,\"{cell}\"\nu-1001,1,2,3\n"),
    ] {
        tool.write("scores.csv", &csv);
        for format in [&[][..], &["--json"]] {
            assert_plain(&tool.run(&[&["scores", "sync", "scores.csv"][..], format].concat()));
        }
    }
}
