//! The configuration and the claims: where they are looked for, what they mean, what is wrong with them.

use base64::Engine as _;
use serde_json::{Value, json};

use crate::server::Server;
use crate::tool::{KEY, Tool, registration};

const AGS: &str = "https://purl.imsglobal.org/spec/lti-ags";
const DEPLOYMENT_ID: &str = "https://purl.imsglobal.org/spec/lti/claim/deployment_id";

fn message(ran: &crate::tool::Ran) -> String {
    ran.error()["message"].as_str().unwrap().to_owned()
}

#[test]
fn the_configuration_is_named_by_flag_then_by_environment_then_found_here() {
    let server = Server::willing();
    let client = |name: &str| registration(&server).replace("tool-7f3a", name);
    let tool = Tool::bare();
    for (file, name) in
        [("here/ags.toml", "here"), ("there/env.toml", "environment"), ("there/flag.toml", "flag")]
    {
        tool.write(file, &client(name));
    }
    tool.write("here/tool.pem", &KEY);
    // The key is looked for beside the configuration.
    tool.write("there/tool.pem", &KEY);
    let (here, environment, flag) =
        (tool.path("here"), tool.path("there/env.toml"), tool.path("there/flag.toml"));
    let flag = ["--config", flag.to_str().unwrap()];
    let asked = |environment: &[(&str, &std::path::Path)], flags: &[&str]| {
        let ran = Tool::run_in(&here, environment, &[&["token", "--json"][..], flags].concat());
        ran.json();
        server.requests().pop().unwrap().assertion(1)["iss"].as_str().unwrap().to_owned()
    };
    assert_eq!(asked(&[], &[]), "here");
    assert_eq!(asked(&[("AGS_CONFIG", &environment)], &[]), "environment");
    assert_eq!(asked(&[("AGS_CONFIG", &environment)], &flag), "flag");
}

#[test]
fn a_configuration_that_is_not_there_is_named() {
    let tool = Tool::bare();
    tool.run(&["token", "--json"]).assert_failed(2, "configuration");
    let ran = tool.run(&["token", "--json", "--config", "other.toml"]);
    ran.assert_failed(2, "configuration");
    assert!(message(&ran).contains("other.toml"));
    let named = tool.path("env.toml");
    let ran = Tool::run_in(&tool.folder, &[("AGS_CONFIG", &named)], &["token", "--json"]);
    ran.assert_failed(2, "configuration");
    assert!(message(&ran).contains("env.toml"));
}

#[test]
fn what_is_wrong_in_the_configuration_is_named_by_its_key() {
    let server = Server::willing();
    let tool = Tool::bare();
    tool.write("tool.pem", &KEY);
    let valid = registration(&server);
    let with = |lines: &str| format!("{valid}{lines}\n");
    for (text, key) in [
        ("[registration".to_owned(), "line 1"),
        (String::new(), "registration"),
        (valid.replace("client_id = \"tool-7f3a\"", ""), "client_id"),
        (valid.replace("token_endpoint", "#"), "token_endpoint"),
        (valid.replace("private_key_file", "#"), "private_key_file"),
        (valid.replace("key_id", "#"), "key_id"),
        (valid.replace("\"tool-7f3a\"", "\" \""), "client_id"),
        (valid.replace("\"tool-7f3a\"", "7"), "client_id"),
        (valid.replace("\"k-2026-01\"", "\"\""), "key_id"),
        (valid.replace("http://", ""), "token_endpoint"),
        (valid.replace("/token", "/token#here"), "token_endpoint"),
        (with("secret = \"x\""), "secret"),
        (with("audience = []"), "audience"),
        (with("audience = 5"), "audience"),
        (with("deployment_id = \"\""), "deployment_id"),
        (with("algorithm = \"HS256\""), "algorithm"),
        (with("algorithm = \"ES256\""), "algorithm"),
        (with("[endpoint]\nline_item = \"x\""), "line_item"),
        (with("[endpoint]\nlineitem = \"x\""), "lineitem"),
        (with("[endpoint]\nlineitems = \"ftp://lms.example/\""), "lineitems"),
        (with("[endpoint]\nscope = 5"), "scope"),
        (with("[endpoints]"), "endpoints"),
        (with("[policy]\nmax_attempt = 5"), "max_attempt"),
        (with("[policy]\nmax_attempts = 0"), "max_attempts"),
        (with("[policy]\nmax_attempts = -1"), "max_attempts"),
        (with("[policy]\nmax_body_bytes = 0"), "max_body_bytes"),
        (with("[policy]\nmax_pages = \"many\""), "max_pages"),
        (with("[policy]\nmax_pages = 0"), "max_pages"),
        (with("[policy]\nrequest_timeout_seconds = 0"), "request_timeout_seconds"),
        (with("[policy]\nrequest_timeout_seconds = nan"), "request_timeout_seconds"),
        (with("[policy]\ndeadline_seconds = inf"), "deadline_seconds"),
        (with("[policy]\nmax_retry_after_seconds = -1"), "max_retry_after_seconds"),
        (with("[policy]\nallow_origins = [\"lms.example\"]"), "allow_origins"),
        (with("[policy]\nallow_http_hosts = [\"http://lms.example\"]"), "allow_http_hosts"),
    ] {
        tool.write("ags.toml", &text);
        let ran = tool.run(&["token", "--json"]);
        ran.assert_failed(2, "configuration");
        assert!(
            message(&ran).contains(key) && message(&ran).contains("ags.toml"),
            "{key}: {}",
            message(&ran)
        );
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn every_key_of_the_contract_is_taken() {
    let server = Server::willing();
    let more = format!(
        "issuer = \"https://lms.example\"\naudience = \"a\"\ndeployment_id = \"dep-42\"\nalgorithm = \"PS256\"\n\
         [endpoint]\nlineitems = \"{0}/items\"\nlineitem = \"{0}/items/9\"\nscope = [\"{AGS}/scope/score\"]\n\
         [policy]\nallow_http_hosts = [\"lms.internal\"]\nallow_origins = [\"https://lms-2.example\"]\n\
         max_body_bytes = 8388608\nmax_pages = 1000\nrequest_timeout_seconds = 30\ndeadline_seconds = 120\n\
         max_attempts = 5\nmax_retry_after_seconds = 60\n",
        server.origin
    );
    Tool::configured(&server, &more).run(&["token", "--json"]).json();
    let request = &server.requests()[0];
    assert_eq!(request.assertion(0)["alg"], "PS256");
    assert_eq!(
        (&request.assertion(1)["aud"], &request.assertion(1)[DEPLOYMENT_ID]),
        (&json!("a"), &json!("dep-42"))
    );
}

#[test]
fn a_key_that_cannot_be_used_is_a_bad_input_file() {
    let server = Server::willing();
    let tool = Tool::configured(&server, "");
    let public = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
    for (pem, words) in [("not a key", "not PEM"), (public, "public key"), (&*rsa_1024(), "1024 bits")] {
        tool.write("tool.pem", pem);
        let ran = tool.run(&["token", "--json"]);
        ran.assert_failed(2, "input_file");
        assert!(message(&ran).contains(words) && message(&ran).contains("tool.pem"), "{}", message(&ran));
    }
    std::fs::remove_file(tool.path("tool.pem")).unwrap();
    tool.run(&["token", "--json"]).assert_failed(2, "input_file");
    assert_eq!(server.requests().len(), 0);
}

/// A PKCS#1 structure whose modulus has 1024 bits; its numbers are no real key.
fn rsa_1024() -> String {
    let integer = |bytes: &[u8]| [&[2, 0x82, 0, u8::try_from(bytes.len()).unwrap()][..], bytes].concat();
    let modulus = [&[0, 0xC1][..], &[0x55; 127]].concat();
    let half = [0x55; 64];
    let numbers: Vec<u8> = [&[0][..], &modulus, &[1, 0, 1], &modulus, &half, &half, &half, &half, &half]
        .iter()
        .flat_map(|number| integer(number))
        .collect();
    let length = u16::try_from(numbers.len()).unwrap().to_be_bytes();
    let der = [&[0x30, 0x82][..], &length, &numbers].concat();
    let base64 = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN RSA PRIVATE KEY-----\n{base64}\n-----END RSA PRIVATE KEY-----\n")
}

fn claims(endpoint: &Value) -> Value {
    json!({"iss": "https://lms.example", "aud": "tool-7f3a", "sub": "u-1001", DEPLOYMENT_ID: "dep-7",
           "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint": endpoint})
}

#[test]
fn claims_replace_the_endpoint_wholly() {
    let (server, launched) = (Server::willing(), Server::willing());
    let tool = Tool::at(&server);
    let scope = [format!("{AGS}/scope/score")];
    let endpoint = json!({"scope": scope, "lineitem": launched.url("/items/4")});
    tool.write("claims.json", &claims(&endpoint).to_string());
    tool.post(&["--json", "--claims", "claims.json"]).json();
    assert_eq!(launched.requests()[0].path, "/items/4/scores");
    let token = &server.requests()[0];
    assert_eq!(token.form("scope").unwrap(), scope[0], "not the scopes of [endpoint]");
    assert_eq!(token.assertion(1)[DEPLOYMENT_ID], "dep-7");
    // The configured line item is none of this launch.
    tool.write(
        "claims.json",
        &claims(&json!({"scope": scope, "lineitems": launched.url("/items")})).to_string(),
    );
    tool.post(&["--json", "--claims", "claims.json"]).assert_failed(1, "service_not_available");
    let url = server.url("/items/9");
    tool.post(&["--json", "--claims", "claims.json", "--line-item", &url]).assert_failed(1, "foreign_origin");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn a_registrations_own_deployment_id_stands_before_the_launchs() {
    let server = Server::willing();
    let tool = Tool::configured(&server, "deployment_id = \"dep-42\"\nissuer = \"https://lms.example\"\n");
    tool.write("claims.json", &claims(&json!({"scope": [format!("{AGS}/scope/score")]})).to_string());
    let ran = tool.run(&["token", "--json", "--claims", "claims.json"]);
    assert_eq!(
        (ran.json()["granted_scopes"].clone(), &*ran.stderr),
        (json!([format!("{AGS}/scope/score")]), "")
    );
    assert_eq!(server.requests()[0].assertion(1)[DEPLOYMENT_ID], "dep-42");
}

#[test]
fn claims_that_cannot_be_used_are_a_bad_input_file() {
    let server = Server::willing();
    let tool = Tool::at(&server);
    let mut other = claims(&json!({}));
    other["aud"] = json!(["tool-8", "tool-9"]);
    let mut party = claims(&json!({}));
    party["aud"] = json!(["tool-7f3a", "tool-9"]);
    party["azp"] = json!("tool-9");
    let broken = claims(&json!({"lineitem": "items/9"}));
    for text in [
        "",
        "{",
        "[]",
        "eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
        &other.to_string(),
        &party.to_string(),
        &broken.to_string(),
        r#"{"sub":"u-1001"}"#,
    ] {
        tool.write("claims.json", text);
        let ran = tool.post(&["--json", "--claims", "claims.json"]);
        ran.assert_failed(2, "input_file");
        assert!(message(&ran).contains("claims.json") && !message(&ran).contains("eyJ"), "{ran:?}");
    }
    tool.post(&["--json", "--claims", "none.json"]).assert_failed(2, "input_file");
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn a_launch_without_the_service_is_no_bad_file() {
    let server = Server::willing();
    let tool = Tool::at(&server);
    tool.write("claims.json", r#"{"aud":["tool-7f3a"],"sub":"u-1001"}"#);
    tool.post(&["--json", "--claims", "claims.json"]).assert_failed(1, "service_not_available");
    tool.write("claims.json", &claims(&json!({"lineitem": server.url("/items/9")})).to_string());
    tool.post(&["--json", "--claims", "claims.json"]).assert_failed(1, "missing_scope");
    assert_eq!(server.requests().len(), 0);
}
