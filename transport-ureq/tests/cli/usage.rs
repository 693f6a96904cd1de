//! Wrong usage: exit code 2, nothing sent.

use crate::server::Server;
use crate::tool::Tool;

#[test]
fn what_is_wrong_on_the_command_line_is_usage() {
    let server = Server::willing();
    let tool = Tool::at(&server);
    let score = ["--score-given", "85", "--score-maximum", "100"];
    let user = ["scores", "post", "--user-id", "u-1001"];
    let cases: &[&[&str]] = &[
        &[],
        &["bogus"],
        &["token", "--bogus"],
        &["token", "--claims"],
        &["scores"],
        &["scores", "post", "--score-given", "85", "--score-maximum", "100"],
        &["scores", "post", "--user-id", "", "--score-given", "85", "--score-maximum", "100"],
        &["scores", "post", "--user-id", " ", "--score-given", "85", "--score-maximum", "100"],
        &["scores", "clear"],
        &["scores", "clear", "--user-id", " "],
        &["scores", "clear", "--user-id", "--trace"],
        &["scores", "clear", "--user-id", "u-1001", "--comment", "x"],
        &["scores", "clear", "--user-id", "u-1001", "--score-given", "1", "--score-maximum", "1"],
        &user,
        &[&user[..], &["--score-given", "85"]].concat(),
        &[&user[..], &["--score-maximum", "85"]].concat(),
        &[&user[..], &["--activity-progress", "Completed"]].concat(),
        &[&user[..], &["--grading-progress", "Pending"]].concat(),
        &[
            &user[..],
            &["--score-maximum", "9", "--activity-progress", "Completed", "--grading-progress", "Pending"],
        ]
        .concat(),
        &[&user[..], &["--score-given", "NaN", "--score-maximum", "100"]].concat(),
        &[&user[..], &["--score-given", "inf", "--score-maximum", "100"]].concat(),
        &[&user[..], &["--score-given", "-1", "--score-maximum", "100"]].concat(),
        &[&user[..], &["--score-given", "1", "--score-maximum", "0"]].concat(),
        &[&user[..], &["--score-given", "1", "--score-maximum", "-5"]].concat(),
        &[&user[..], &["--score-given", "eighty", "--score-maximum", "100"]].concat(),
        &[&user[..], &score, &["--activity-progress", "completed"]].concat(),
        &[&user[..], &score, &["--grading-progress", "Done"]].concat(),
        &[&user[..], &score, &["--timestamp", "2026-03-02T09:00:00"]].concat(),
        &[&user[..], &score, &["--timestamp", "2026-03-02 09:00:00Z"]].concat(),
        &[&user[..], &score, &["--timestamp", "yesterday"]].concat(),
        &[&user[..], &score, &["--started-at", "2026-03-02"]].concat(),
        &[&user[..], &score, &["--submitted-at", "1772442000"]].concat(),
        &[
            &user[..],
            &score,
            &["--started-at", "2026-03-02T09:00:01Z", "--submitted-at", "2026-03-02T09:00:00Z"],
        ]
        .concat(),
        &[&user[..], &score, &["--scoring-user-id", " "]].concat(),
        &[&user[..], &score, &["--extension", "https://a.example/x"]].concat(),
        &[&user[..], &score, &["--extension", "https://a.example/x=text"]].concat(),
        &[&user[..], &score, &["--extension", "userId=\"u-2\""]].concat(),
        &[
            &user[..],
            &score,
            &["--extension", "https://a.example/x=1", "--extension", "https://a.example/x=2"],
        ]
        .concat(),
        &[&user[..], &score, &["--line-item", "items/9"]].concat(),
        &[&user[..], &score, &["--line-item", "ftp://lms.example/items/9"]].concat(),
        &["keygen"],
        &["keygen", "--out", "new.pem", "--key-id", " "],
        &["jwks"],
        &["jwks", "tool.pem", "tool.pem", "--key-id", "k"],
    ];
    assert_usage(&tool, cases);
    assert_eq!(server.requests().len(), 0);
    assert!(!tool.path("new.pem").exists());
}

#[test]
fn what_is_wrong_with_a_line_item_or_a_list_is_usage() {
    let server = Server::willing();
    let tool = Tool::in_course(&server);
    let own = server.url("/items/9");
    let item = ["line-items", "create", "--label", "Lab", "--score-maximum", "20"];
    let cases: &[&[&str]] = &[
        &["line-items"],
        &["line-items", "list", "--limit", "0"],
        &["line-items", "list", "--limit", "x"],
        &["line-items", "list", "--tag", ""],
        &["line-items", "list", "--resource-id", "--trace"],
        &["line-items", "get", "items/9"],
        &["line-items", "create"],
        &["line-items", "create", "--label", "Lab"],
        &["line-items", "create", "--score-maximum", "20"],
        &[&item[..], &["--label", "again"]].concat(),
        &["line-items", "create", "--label", " ", "--score-maximum", "20"],
        &["line-items", "create", "--label", "Lab", "--score-maximum", "0"],
        &["line-items", "create", "--label", "Lab", "--score-maximum", "-1"],
        &["line-items", "create", "--label", "Lab", "--score-maximum", "NaN"],
        &[&item[..], &["--tag", ""]].concat(),
        &[&item[..], &["--end-date-time", ""]].concat(),
        &[&item[..], &["--end-date-time", "2026-03-02T09:00:00"]].concat(),
        &[&item[..], &["--start-date-time", "tomorrow"]].concat(),
        &[&item[..], &["--grades-released", "yes"]].concat(),
        &[&item[..], &["--grades-released", ""]].concat(),
        &[&item[..], &["--extension", "https://a.example/x="]].concat(),
        &[&item[..], &["--extension", "https://a.example/x=text"]].concat(),
        &[&item[..], &["--extension", "tag=\"x\""]].concat(),
        &[&item[..], &["--extension", "https://a.example/x=1", "--extension", "https://a.example/x=2"]]
            .concat(),
        &["line-items", "ensure", "--label", "Lab", "--score-maximum", "20"],
        &["line-items", "ensure", "--label", "Lab", "--score-maximum", "20", "--tag", " "],
        &["line-items", "update"],
        &["line-items", "update", &own],
        &["line-items", "update", "items/9", "--label", "x"],
        &["line-items", "update", "--label", ""],
        &["line-items", "update", "--score-maximum", "0"],
        &["line-items", "update", "--score-maximum", ""],
        &["line-items", "update", "--resource-link-id", "rl-2"],
        &["line-items", "update", "--extension", "https://a.example/x"],
        &["line-items", "update", "--extension", "tag="],
        &[
            "line-items",
            "update",
            "--extension",
            "https://a.example/x=1",
            "--extension",
            "https://a.example/x=",
        ],
        &["line-items", "delete"],
        &["line-items", "delete", ""],
        &["line-items", "delete", "items/9"],
        &["results"],
        &["results", "list", "--limit", "-1"],
        &["results", "list", "--user-id", " "],
        &["results", "list", "--line-item", "items/9"],
    ];
    assert_usage(&tool, cases);
    assert_eq!(server.requests().len(), 0);
}

/// Wrong usage is told as JSON to who asks for it anywhere, and else as text.
#[track_caller]
fn assert_usage(tool: &Tool, cases: &[&[&str]]) {
    for case in cases {
        for json in [[case, &["--json"][..]].concat(), [&["--json"][..], case].concat()] {
            tool.run(&json).assert_failed(2, "usage");
        }
        let ran = tool.run(case);
        assert_eq!((ran.code, &*ran.stdout), (2, ""), "{ran:?}");
        assert!(!ran.stderr.is_empty() && !ran.stderr.contains("{\"error\""), "{ran:?}");
    }
}

#[test]
fn a_usage_error_says_what_is_missing() {
    let ran = Tool::bare().run(&["--json", "scores", "post", "--user-id", "u-1001"]);
    let message = ran.error()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("--activity-progress") && message.contains("--grading-progress"), "{message}");
    assert!(ran.error().get("status").is_none());
}

#[test]
fn help_and_version_are_told_on_stdout() {
    let tool = Tool::bare();
    let help = tool.run(&["--help"]);
    assert_eq!(help.code, 0);
    for word in [
        "token",
        "line-items",
        "scores",
        "scores sync",
        "results",
        "check",
        "keygen",
        "jwks",
        "--config",
        "--json",
        "--trace",
        "--claims",
    ] {
        assert!(help.stdout.contains(word), "{word}");
    }
    let version = tool.run(&["--version"]);
    assert_eq!((version.code, version.stdout), (0, format!("ags {}\n", env!("CARGO_PKG_VERSION"))));
    assert!(tool.run(&["scores", "post", "--help"]).stdout.contains("--scoring-user-id"));
}

#[test]
fn global_flags_stand_before_or_after_the_command() {
    let server = Server::willing();
    let tool = Tool::at(&server);
    let config = tool.path("ags.toml");
    let config = config.to_str().unwrap();
    for arguments in [
        ["--json", "--config", config, "scores", "clear", "--user-id", "u-1001"],
        ["scores", "--json", "clear", "--user-id", "u-1001", "--config", config],
        ["scores", "clear", "--user-id", "u-1001", "--config", config, "--json"],
    ] {
        let ran = Tool::run_in(&std::env::temp_dir(), &[], &arguments);
        assert_eq!(ran.json()["outcome"], "sent");
    }
}
