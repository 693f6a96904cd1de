//! What is never shown, also where a server repeats it: the token, the assertion, the key, a comment.

use crate::server::{Reply, Request, Server, TOKEN};
use crate::tool::{KEY, Ran, Tool};

const COMMENT: &str = "Planted comment\nwith \"two\" lines";

/// Ways to put the token into what a platform answers.
fn echoes(request: &Request) -> Vec<String> {
    let escaped = TOKEN.replace('/', "\\/");
    let percent = TOKEN.replace('/', "%2F").replace('+', "%2B");
    let comment = serde_json::to_string(COMMENT).unwrap();
    vec![
        format!("you sent Bearer {TOKEN}"),
        format!("<html><title>token {TOKEN} is bad</title></html>"),
        format!(r#"{{"error":"the token {escaped} is bad"}}"#),
        format!(r#"{{"message":"see https://lms.example/?t={percent}"}}"#),
        format!(r#"{{"message":{comment}}}"#),
        format!("bad comment: {COMMENT}"),
        format!(r#"{{"errors":[{{"message":"in {}"}}]}}"#, request.body.replace('"', "'")),
        format!("\u{1b}]0;{TOKEN}\u{7}\u{1b}[31mno\u{1b}[0m {TOKEN}"),
    ]
}

fn assert_clean(ran: &Ran) {
    ran.assert_hides(&[
        TOKEN,
        "Planted",
        "eyJ",
        "\u{1b}",
        "\u{7}",
        &TOKEN.replace('/', "%2F"),
        &TOKEN.replace('/', "\\/"),
    ]);
    for line in KEY.lines().filter(|line| !line.starts_with('-')) {
        ran.assert_hides(&[line]);
    }
}

#[test]
fn a_platform_that_repeats_token_and_comment_is_not_repeated() {
    let policy = "[policy]\nmax_attempts = 2\nmax_retry_after_seconds = 0\n";
    for status in [200, 400, 401, 403, 404, 409, 422, 429, 500, 503] {
        for echo in 0..8 {
            let server = Server::start(move |request, _| {
                if request.is_token() {
                    return Reply::token();
                }
                let text = &echoes(request)[echo];
                Reply::new(status, text.clone())
                    .reason(&format!("no {TOKEN}"))
                    .header("retry-after", "0")
                    .header("location", format!("http://127.0.0.1:1/?access_token={TOKEN}"))
                    .header(
                        "www-authenticate",
                        format!("Bearer error=\"{TOKEN}\", error_description=\"{TOKEN}\""),
                    )
            });
            let tool = Tool::with(&server, policy);
            let flags = ["--comment", COMMENT, "--trace"];
            let ran = tool.post(&[&flags[..], &["--json"]].concat());
            // A web page is no success of a score, whatever its status.
            assert!(ran.code == 1 || status == 200 && ran.code == 0, "{ran:?}");
            assert_clean(&ran);
            if matches!(status, 400 | 503) {
                assert_clean(&tool.post(&flags));
            }
        }
    }
}

#[test]
fn a_platform_that_redirects_with_the_token_is_not_repeated() {
    let server =
        Server::answering(Reply::new(302, TOKEN).header("location", format!("https://lms.example/{TOKEN}")));
    let ran = Tool::at(&server).post(&["--json", "--trace"]);
    ran.assert_failed(1, "redirect");
    assert_clean(&ran);
}

#[test]
fn a_token_endpoint_that_repeats_the_assertion_is_not_repeated() {
    for status in [200, 302, 400, 401, 500] {
        for json in [true, false] {
            let server = Server::start(move |request, _| {
                let assertion = request.form("client_assertion").unwrap_or_default();
                let body = if json {
                    format!(r#"{{"error":"invalid_client","error_description":"bad {assertion}"}}"#)
                } else {
                    request.body.clone()
                };
                Reply::new(status, body)
                    .reason(&assertion)
                    .header("x-tsugi-lti13-error-detail", assertion.clone())
                    .header("location", format!("https://lms.example/?client_assertion={assertion}"))
            });
            let tool = Tool::with(&server, "[policy]\nmax_attempts = 1\n");
            for arguments in [&["token", "--trace", "--json"][..], &["token", "--trace"]] {
                let ran = tool.run(arguments);
                assert_eq!(ran.code, 1);
                assert_clean(&ran);
            }
        }
    }
}

#[test]
fn a_grant_that_repeats_the_token_is_not_repeated() {
    let server = Server::start(|request, _| {
        let assertion = request.form("client_assertion").unwrap_or_default();
        let scope = format!("{TOKEN} {assertion} https://lms.example/{TOKEN} \\u001b[31mred");
        Reply::new(200, format!(r#"{{"access_token":"{TOKEN}","expires_in":0,"scope":"{scope}"}}"#))
    });
    let tool = Tool::at(&server);
    for arguments in [&["token", "--trace", "--json"][..], &["token", "--trace"]] {
        let ran = tool.run(arguments);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_clean(&ran);
    }
}

#[test]
fn a_key_in_the_wrong_place_is_not_repeated() {
    let server = Server::willing();
    let tool = Tool::at(&server);
    let key = format!("'''\n{}'''", *KEY);
    let valid = std::fs::read_to_string(tool.path("ags.toml")).unwrap();
    for text in [
        valid.replace("\"tool.pem\"", &key),
        valid.replace("key_id", &format!("private_key = {key}\nkey_id")),
        valid.replace("\"k-2026-01\"", &format!("[{key}]")),
        valid.replace("[endpoint]", &format!("algorithm = {key}\n[endpoint]")),
        valid.replace("[endpoint]", &format!("[policy]\nmax_attempts = {key}\n[endpoint]")),
        valid.replace("lineitem = ", &format!("lineitem = {key} #")),
        KEY.clone(),
    ] {
        tool.write("ags.toml", &text);
        let ran = tool.run(&["token", "--json"]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert_clean(&ran);
        assert_clean(&tool.run(&["token"]));
    }
    tool.write("ags.toml", &valid);
    tool.write("claims.json", &KEY);
    assert_clean(&tool.run(&["token", "--json", "--claims", "claims.json"]));
    tool.write("broken.pem", &KEY.replace("MII", "MII!"));
    assert_clean(&tool.run(&["jwks", "--json", "broken.pem"]));
}

#[test]
fn a_password_in_a_url_is_not_repeated() {
    let server = Server::willing();
    let tool = Tool::at(&server);
    for url in ["https://me:Planted@lms.example/items/9", "https//me:Planted@lms.example/"] {
        let ran = tool.post(&["--json", "--line-item", url]);
        ran.assert_failed(2, "usage");
        ran.assert_hides(&["Planted"]);
    }
}

#[test]
fn a_token_in_a_url_is_not_traced() {
    let server = Server::willing();
    let escaped = TOKEN.replace('/', "%2F").replace('+', "%2b");
    for query in [format!("t={escaped}"), "access_token=Planted".to_owned()] {
        let url = server.url(&format!("/items/9?{query}"));
        let ran = Tool::at(&server).post(&["--json", "--trace", "--line-item", &url]);
        assert!(ran.code == 0 && ran.stderr.contains("/items/9/scores?"), "{ran:?}");
        assert_clean(&ran);
        ran.assert_hides(&[&escaped]);
    }
}

#[test]
fn what_is_hidden_is_said_to_be() {
    let server = Server::answering(Reply::new(422, format!("no {TOKEN}; {COMMENT}; bye")));
    let ran = Tool::at(&server).post(&["--comment", COMMENT]);
    assert!(ran.stderr.contains("422: no [redacted]; [redacted]; bye"), "{ran:?}");
}

#[test]
fn a_token_that_is_called_as_something_of_the_tools_own_breaks_no_line() {
    for (token, user_id) in
        [("resultScore", "u-1001"), ("outcome", "u-1001"), ("u-1001", "u-1001"), ("sent", "u-1001")]
    {
        let server = Server::start(move |request, _| match (&*request.method, &*request.path) {
            (_, "/token") => Reply::new(
                200,
                format!(r#"{{"access_token":"{token}","token_type":"bearer","expires_in":3600}}"#),
            ),
            ("GET", _) => Reply::new(
                200,
                format!(
                    r#"[{{"userId":"{user_id}x","resultScore":5,"comment":"see {token}","tool":{{"{token}x":["{token}"]}}}}]"#
                ),
            ),
            _ => Reply::new(200, ""),
        });
        let tool = Tool::at(&server);
        let told = tool.post(&["--json"]).json();
        assert_eq!((&told["outcome"], &told["user_id"]), (&"sent".into(), &"u-1001".into()), "{token}");
        let result = tool.run(&["results", "list", "--json"]).json();
        assert_eq!(
            (&result["resultScore"], &result["comment"]),
            (&5.into(), &"see [redacted]".into()),
            "{token}"
        );
        assert_eq!(result["tool"]["[redacted]x"][0], "[redacted]", "{token}");
        tool.write("grades.csv", "user_id,score_given,score_maximum\nu-1001,1,2\n");
        let lines = tool.run(&["scores", "sync", "grades.csv", "--json"]).lines();
        assert_eq!(
            (&lines[0]["outcome"], &lines[0]["user_id"]),
            (&"sent".into(), &"u-1001".into()),
            "{token}"
        );
        assert_eq!(lines[1]["summary"]["sent"], 1, "{token}");
    }
}

/// Whoever looks through all output of the tests for secrets must find these.
#[test]
fn what_must_not_be_shown_is_said_on_purpose() {
    println!("to be found: {TOKEN} {}", KEY.lines().next().unwrap());
}
