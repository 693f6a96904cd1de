//! `ags scores post` and `ags scores clear`: what is sent, what is told, what is refused before and by a platform.

use serde_json::json;

use crate::server::{Reply, Server};
use crate::tool::{Tool, registration};

const AGS: &str = "https://purl.imsglobal.org/spec/lti-ags/scope";

#[test]
fn a_score_is_posted_to_the_launchs_own_line_item() {
    let server = Server::willing();
    let ran = Tool::at(&server).post(&["--json"]);
    let told = ran.json();
    let sent = &server.service_requests()[0];
    assert_eq!((&*sent.method, &*sent.path), ("POST", "/items/9/scores"));
    assert_eq!(sent.header("content-type"), Some("application/vnd.ims.lis.v1.score+json"));
    let score = sent.json();
    assert_eq!(
        score,
        json!({"userId": "u-1001", "scoreGiven": 85, "scoreMaximum": 100, "activityProgress": "Completed",
               "gradingProgress": "FullyGraded", "timestamp": score["timestamp"]})
    );
    let expected =
        json!({"outcome": "sent", "user_id": "u-1001", "timestamp": score["timestamp"], "attempts": 1});
    assert_eq!(told, expected);
    assert!(ran.stdout.starts_with(r#"{"outcome":"sent","user_id":"u-1001","timestamp":""#));
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn every_flag_finds_its_member() {
    let server = Server::willing();
    let ran = Tool::at(&server).post(&[
        "--json",
        "--activity-progress",
        "Submitted",
        "--grading-progress",
        "PendingManual",
        "--comment",
        "-1 for <b>style</b>",
        "--scoring-user-id",
        "u-9",
        "--timestamp",
        "2026-03-02T10:00:00.5+01:00",
        "--started-at",
        "2026-03-02T08:00:00Z",
        "--submitted-at",
        "2026-03-02T08:30:00Z",
        "--extension",
        "https://tool.example/?a=b={ \"n\": 1.50 }",
        "--extension",
        "https://tool.example/late=true",
    ]);
    assert_eq!(ran.json()["timestamp"], "2026-03-02T09:00:00.500Z");
    let sent = &server.service_requests()[0];
    assert_eq!(
        sent.json(),
        json!({"userId": "u-1001", "scoringUserId": "u-9", "scoreGiven": 85, "scoreMaximum": 100,
               "comment": "-1 for <b>style</b>", "activityProgress": "Submitted", "gradingProgress": "PendingManual",
               "timestamp": "2026-03-02T09:00:00.500Z",
               "submission": {"startedAt": "2026-03-02T08:00:00.000Z", "submittedAt": "2026-03-02T08:30:00.000Z"},
               "https://tool.example/?a=b": {"n": 1.5}, "https://tool.example/late": true})
    );
    assert!(sent.body.contains(r#"{"n":1.50}"#), "{}", sent.body);
}

#[test]
fn a_status_alone_is_sent_with_both_of_its_halves() {
    let server = Server::willing();
    let tool = Tool::at(&server);
    let status = ["--activity-progress", "InProgress", "--grading-progress", "NotReady"];
    let ran = tool.run(&[&["scores", "post", "--json", "--user-id", "u-1001"][..], &status].concat());
    assert_eq!(ran.json()["outcome"], "sent");
    let sent = server.service_requests()[0].json();
    assert_eq!(
        (&sent["activityProgress"], &sent["gradingProgress"]),
        (&json!("InProgress"), &json!("NotReady"))
    );
    assert!(sent.get("scoreGiven").is_none() && sent.get("scoreMaximum").is_none());
}

#[test]
fn clearing_says_initialized_and_not_ready() {
    let server = Server::willing();
    let told = Tool::at(&server).run(&["scores", "clear", "--user-id", "-u_1001", "--json"]).json();
    assert_eq!((&told["outcome"], &told["attempts"]), (&json!("sent"), &json!(1)));
    let sent = server.service_requests()[0].json();
    let expected = json!({"userId": "-u_1001", "activityProgress": "Initialized", "gradingProgress": "NotReady",
                          "timestamp": told["timestamp"]});
    assert_eq!(sent, expected);
}

#[test]
fn people_read_a_sentence() {
    let server = Server::willing();
    let ran = Tool::at(&server).post(&["--timestamp", "2026-03-02T09:00:00Z"]);
    assert_eq!(ran.stdout, "The platform took the score of u-1001: 85 of 100 (2026-03-02T09:00:00.000Z).\n");
    assert_eq!((ran.code, &*ran.stderr), (0, ""));
}

#[test]
fn a_line_item_on_the_command_line_takes_the_place_of_the_launchs_own() {
    let server = Server::willing();
    let url = server.url("/items/12/lineitem?type_id=1");
    let ran = Tool::at(&server).post(&["--json", "--line-item", &url]);
    assert_eq!(ran.json()["outcome"], "sent");
    assert_eq!(server.service_requests()[0].path, "/items/12/lineitem/scores?type_id=1");
}

#[test]
fn a_url_on_the_command_line_is_trusted_only_where_no_other_is_known() {
    let (server, other) = (Server::willing(), Server::willing());
    let url = other.url("/items/3");
    // One is known: the other is foreign.
    Tool::at(&server).post(&["--json", "--line-item", &url]).assert_failed(1, "foreign_origin");
    assert_eq!((server.requests().len(), other.requests().len()), (0, 0));
    // It is allowed.
    let policy = format!("[policy]\nallow_origins = [\"{}\"]\n", other.origin);
    Tool::with(&server, &policy).post(&["--json", "--line-item", &url]).json();
    assert_eq!(other.requests().len(), 1);
    // None is known, whatever scopes are.
    for endpoint in [String::new(), format!("[endpoint]\nscope = [\"{AGS}/score\"]\n")] {
        Tool::configured(&server, &endpoint).post(&["--json", "--line-item", &url]).json();
    }
    assert_eq!(other.requests().len(), 3);
}

#[test]
fn without_a_line_item_the_service_is_not_available() {
    let server = Server::willing();
    let container = format!("[endpoint]\nlineitems = \"{}\"\n", server.url("/items"));
    for endpoint in ["", &container] {
        Tool::configured(&server, endpoint).post(&["--json"]).assert_failed(1, "service_not_available");
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_scope_that_is_missing_is_known_before_anything_is_sent() {
    let server = Server::willing();
    for scope in [format!("\"{AGS}/lineitem\""), String::new()] {
        let ran = Tool::with(&server, &format!("scope = [{scope}]\n")).post(&["--json"]);
        ran.assert_failed(1, "missing_scope");
        assert!(ran.error().get("status").is_none());
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_scope_that_was_not_granted_costs_no_service_request() {
    let server = Server::start(|_, _| {
        Reply::new(200, format!(r#"{{"access_token":"tk-1","scope":"{AGS}/lineitem"}}"#))
    });
    Tool::at(&server).post(&["--json"]).assert_failed(1, "missing_scope");
    assert_eq!(server.service_requests().len(), 0);
}

#[test]
fn scopes_that_are_refused_together_are_asked_for_one_by_one() {
    let server = Server::start(|request, _| match request.form("scope") {
        Some(scope) if scope.contains(' ') => Reply::new(400, r#"{"error":"invalid_scope"}"#),
        Some(_) => Reply::token(),
        None => Reply::new(200, ""),
    });
    assert_eq!(Tool::at(&server).post(&["--json"]).json()["attempts"], 1);
    let asked: Vec<_> = server.requests().iter().filter_map(|request| request.form("scope")).collect();
    assert_eq!((asked.len(), &*asked[1]), (2, &*format!("{AGS}/score")));
}

#[test]
fn plain_http_is_refused_away_from_loopback_unless_the_host_is_allowed_by_name() {
    let server = Server::willing();
    let endpoint = "[endpoint]\nlineitem = \"http://lms.invalid/items/9\"\n";
    Tool::configured(&server, endpoint).post(&["--json"]).assert_failed(1, "insecure_url");
    let tool = Tool::at(&server);
    let config = std::fs::read_to_string(tool.path("ags.toml")).unwrap();
    tool.write("ags.toml", &config.replace(&server.url("/token"), "http://lms.invalid/token"));
    tool.post(&["--json"]).assert_failed(1, "insecure_url");
    assert_eq!(server.requests().len(), 0);
    let allowed = format!("{endpoint}[policy]\nallow_http_hosts = [\"lms.invalid\"]\nmax_attempts = 1\n");
    Tool::configured(&server, &allowed).post(&["--json"]).assert_failed(1, "connection");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn what_a_platform_refuses_has_its_kind_and_status() {
    for (status, body, kind) in [
        (401, "", "unauthorized"),
        (403, "", "forbidden"),
        (404, "", "not_found"),
        (409, "", "stale_timestamp"),
        (
            422,
            r#"{"errors":{"message":"User not found in course or is not a student"}}"#,
            "user_not_gradable",
        ),
        (400, r#"{"error":"bad score"}"#, "score_refused"),
        (418, "", "refused"),
        (302, "", "redirect"),
    ] {
        let reply = Reply::new(status, body).header("location", "https://elsewhere.example/");
        let server = Server::answering(reply);
        let ran = Tool::at(&server).post(&["--json"]);
        ran.assert_failed(1, kind);
        assert_eq!(ran.error()["status"], status, "{ran:?}");
        assert_eq!(server.service_requests().len(), if status == 401 { 2 } else { 1 });
    }
}

#[test]
fn a_platform_in_trouble_is_asked_again_and_then_told_of() {
    let server = Server::answering(Reply::new(503, "").header("retry-after", "0"));
    let ran = Tool::with(&server, "[policy]\nmax_attempts = 3\n").post(&["--json"]);
    ran.assert_failed(1, "server_error");
    assert_eq!((ran.error()["status"].clone(), server.service_requests().len()), (json!(503), 3));

    let server = Server::answering(Reply::new(500, ""));
    Tool::at(&server).post(&["--json"]).assert_failed(1, "server_error");
    assert_eq!(server.service_requests().len(), 2, "a plain 500 is tried once more at most");

    let server = Server::answering(Reply::new(429, "").header("retry-after", "61"));
    Tool::at(&server).post(&["--json"]).assert_failed(1, "rate_limited");
    assert_eq!(server.service_requests().len(), 1, "longer than max_retry_after_seconds");
}

#[test]
fn a_retry_that_finds_the_score_there_is_superseded() {
    let server = Server::start(|request, before| match before {
        _ if request.is_token() => Reply::token(),
        0 => Reply::new(502, ""),
        _ => Reply::new(409, ""),
    });
    let told = Tool::at(&server).post(&["--json"]).json();
    assert_eq!((&told["outcome"], &told["attempts"]), (&json!("superseded"), &json!(2)));
    let sent = server.service_requests();
    assert_eq!(sent[0].body, sent[1].body, "the same bytes, timestamp included");
}

#[test]
fn a_server_that_is_not_there_is_a_connection_fault() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Server::willing();
    let more = format!("[endpoint]\nlineitem = \"http://{closed}/items/9\"\n[policy]\nmax_attempts = 2\n");
    let ran = Tool::configured(&server, &more).post(&["--json", "--trace"]);
    ran.assert_failed(1, "connection");
    assert!(ran.error().get("status").is_none());
    assert_eq!(ran.stderr.lines().filter(|line| line.contains("/items/9/scores")).count(), 2, "{ran:?}");
}

#[test]
fn limits_of_the_policy_hold() {
    let server = Server::answering(Reply::new(200, format!("{{\"x\":\"{}\"}}", "x".repeat(2000))));
    let policy = "[policy]\nmax_body_bytes = 1000\n";
    let ran = Tool::with(&server, policy).post(&["--json"]);
    ran.assert_failed(1, "response_too_large");
    assert_eq!(ran.error()["status"], 200);

    let slow = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("[endpoint]\nlineitem = \"http://{}/items/9\"\n", slow.local_addr().unwrap());
    let policy = "[policy]\nrequest_timeout_seconds = 0.2\nmax_attempts = 1\n";
    let ran = Tool::configured(&server, &format!("{endpoint}{policy}")).post(&["--json"]);
    ran.assert_failed(1, "timeout");
    let policy = "[policy]\nrequest_timeout_seconds = 0.2\ndeadline_seconds = 0.3\nmax_attempts = 100\n";
    let ran = Tool::configured(&server, &format!("{endpoint}{policy}")).post(&["--json"]);
    ran.assert_failed(1, "timeout");
}

#[test]
fn each_exchange_is_traced_on_a_line() {
    let server = Server::start(|request, before| match before {
        _ if request.is_token() => Reply::token(),
        0 => Reply::new(503, "busy").header("retry-after", "0"),
        _ => Reply::new(200, "{}"),
    });
    let ran = Tool::at(&server).post(&["--json", "--trace"]);
    assert_eq!(ran.json()["attempts"], 2);
    let lines: Vec<_> = ran.stderr.lines().collect();
    assert_eq!(lines.len(), 3, "{ran:?}");
    let scores = server.url("/items/9/scores");
    for (line, parts) in lines.iter().zip([
        ["POST", &*server.url("/token"), "200", " bytes", " ms", "attempt 1"],
        ["POST", &*scores, "503", "4 bytes", " ms", "attempt 1"],
        ["POST", &*scores, "200", "2 bytes", " ms", "attempt 2"],
    ]) {
        assert!(parts.iter().all(|part| line.contains(part)), "{parts:?} in {line}");
    }
}

#[test]
fn the_command_needs_no_trace_of_a_launch_but_its_line_item() {
    let server = Server::willing();
    let tool = Tool::bare();
    tool.write("tool.pem", &crate::tool::KEY);
    tool.write("ags.toml", &registration(&server));
    let ran = tool.post(&["--json", "--line-item", &server.url("/items/77")]);
    assert_eq!(ran.json()["user_id"], "u-1001");
}

#[test]
fn what_to_do_about_a_later_score_is_told_and_can_be_done() {
    let server = Server::answering(Reply::new(409, ""));
    let ran = Tool::at(&server).post(&["--json"]);
    ran.assert_failed(1, "stale_timestamp");
    let message = ran.error()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("post again later, or with a later --timestamp"), "{message}");
    assert!(!message.contains("none"), "{message}");
}
