//! `ags token`: what was granted, never the token.

use serde_json::json;

use crate::server::{Reply, Server, TOKEN};
use crate::tool::{Tool, registration};

const AGS: &str = "https://purl.imsglobal.org/spec/lti-ags/scope";

#[test]
fn it_prints_what_was_granted() {
    let server = Server::start(|_, _| {
        Reply::new(
            200,
            format!(
                r#"{{"access_token":"{TOKEN}","token_type":"BEARER","expires_in":"1799.9","scope":"{AGS}/score {AGS}/lineitem"}}"#
            ),
        )
    });
    let ran = Tool::at(&server).run(&["token", "--json"]);
    let granted = ran.json();
    assert_eq!(granted["granted_scopes"], json!([format!("{AGS}/lineitem"), format!("{AGS}/score")]));
    assert_eq!((&granted["expires_in"], &granted["token_type"]), (&json!(1799), &json!("bearer")));
    assert_eq!(granted.as_object().unwrap().len(), 3);
    ran.assert_hides(&[TOKEN]);
}

#[test]
fn what_the_platform_leaves_out_is_filled_in() {
    let server = Server::start(|_, _| Reply::new(200, format!(r#"{{"access_token":"{TOKEN}"}}"#)));
    let granted = Tool::at(&server).run(&["token", "--json"]).json();
    let scopes =
        ["lineitem", "lineitem.readonly", "result.readonly", "score"].map(|name| format!("{AGS}/{name}"));
    assert_eq!(granted, json!({"granted_scopes": scopes, "expires_in": 3600, "token_type": "bearer"}));
}

#[test]
fn people_are_told_what_was_not_granted() {
    let server = Server::start(|_, _| {
        Reply::new(
            200,
            format!(r#"{{"access_token":"{TOKEN}","token_type":"bearer","scope":"{AGS}/score"}}"#),
        )
    });
    let ran = Tool::at(&server).run(&["token"]);
    let (granted, missing) = ran.stdout.split_once("not granted").unwrap();
    assert!(ran.code == 0 && granted.contains("3600 seconds") && granted.contains("/score"), "{ran:?}");
    assert!(missing.contains("/result.readonly") && !missing.contains("/score"), "{ran:?}");
    ran.assert_hides(&[TOKEN]);
}

#[test]
fn all_scopes_of_the_endpoint_are_asked_for_at_once() {
    let server = Server::willing();
    Tool::at(&server).run(&["token"]);
    let asked = server.requests()[0].form("scope").unwrap();
    assert_eq!(asked.split(' ').count(), 4);

    let tool = Tool::with(&server, &format!("scope = [\"{AGS}/score\"]\n"));
    let granted = tool.run(&["token", "--json"]).json();
    assert_eq!(granted["granted_scopes"], json!([format!("{AGS}/score")]));
    assert_eq!(server.requests()[1].form("scope").unwrap(), format!("{AGS}/score"));
}

#[test]
fn a_token_needs_no_endpoint() {
    let server = Server::willing();
    let tool = Tool::configured(&server, "");
    assert_eq!(tool.run(&["token", "--json"]).json()["granted_scopes"].as_array().unwrap().len(), 4);
}

#[test]
fn a_refusal_is_token_refused_with_its_status_and_words() {
    let server = Server::start(|_, _| {
        Reply::new(401, r#"{"error":"invalid_client","error_description":"no such tool"}"#)
    });
    let tool = Tool::at(&server);
    let ran = tool.run(&["token", "--json"]);
    ran.assert_failed(1, "token_refused");
    assert_eq!(ran.error()["status"], 401);
    assert!(ran.error()["message"].as_str().unwrap().contains("no such tool"));
    assert_eq!(server.requests().len(), 1);
    let ran = tool.run(&["token"]);
    assert!(
        ran.code == 1 && ran.stderr.starts_with("ags: ") && ran.stderr.contains("invalid_client"),
        "{ran:?}"
    );
}

#[test]
fn an_answer_that_is_no_token_is_malformed_and_tells_its_status() {
    for body in ["", "<html><title>Log in</title></html>", "{}", r#"{"access_token":"x y"}"#, "[1]"] {
        let body = body.to_owned();
        let ran =
            Tool::at(&Server::start(move |_, _| Reply::new(200, body.clone()))).run(&["token", "--json"]);
        ran.assert_failed(1, "malformed_response");
        assert_eq!(ran.error()["status"], 200);
    }
}

#[test]
fn scopes_that_are_refused_together_are_refused_for_a_bare_token() {
    let server = Server::start(|_, _| Reply::new(400, r#"{"error":"invalid_scope"}"#));
    let ran = Tool::at(&server).run(&["token", "--json"]);
    ran.assert_failed(1, "token_refused");
    assert_eq!(ran.error()["status"], 400);
}

#[test]
fn the_assertion_is_made_of_the_registration() {
    let server = Server::willing();
    let audience = |line: &str| {
        let tool = Tool::bare();
        tool.write("tool.pem", &crate::tool::KEY);
        tool.write("ags.toml", &format!("{}{line}", registration(&server)));
        tool.run(&["token", "--json"]).json();
        server.requests().pop().unwrap().assertion(1)["aud"].clone()
    };
    assert_eq!(audience(""), server.url("/token"));
    assert_eq!(audience("audience = \"https://lms.example/aud/\""), "https://lms.example/aud/");
    assert_eq!(audience("audience = [\"a\", \"b\"]"), json!(["a", "b"]));
    let claims = server.requests()[0].assertion(1);
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!("tool-7f3a"), &json!("tool-7f3a")));
    let header = server.requests()[0].assertion(0);
    assert_eq!((&header["kid"], &header["alg"]), (&json!("k-2026-01"), &json!("RS256")));
}
