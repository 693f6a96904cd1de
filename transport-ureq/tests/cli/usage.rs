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
    for case in cases {
        for json in [[case, &["--json"][..]].concat(), [&["--json"][..], case].concat()] {
            tool.run(&json).assert_failed(2, "usage");
        }
        let ran = tool.run(case);
        assert_eq!((ran.code, &*ran.stdout), (2, ""), "{ran:?}");
        assert!(!ran.stderr.is_empty() && !ran.stderr.contains("{\"error\""), "{ran:?}");
    }
    assert_eq!(server.requests().len(), 0);
    assert!(!tool.path("new.pem").exists());
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
    for word in ["token", "scores", "keygen", "jwks", "--config", "--json", "--trace", "--claims"] {
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
