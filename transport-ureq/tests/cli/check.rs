//! `ags check` where something is wrong: what it says, and what it comes to.

use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;

use lti_ags_testing::{Platform, Route, ScopePolicy, Script, Service, ToolKey, names};
use serde_json::json;

use crate::platform::folder;
use crate::server::{Reply, Request, Server, TOKEN};
use crate::tool::{Ran, Tool};

/// The finding of this name.
#[track_caller]
pub(crate) fn finding(ran: &Ran, check: &str) -> (bool, String) {
    let lines = ran.lines();
    let found = lines.iter().find(|line| line["check"] == check);
    let found = found.unwrap_or_else(|| panic!("no finding {check} in {ran:?}"));
    assert_eq!(found.as_object().unwrap().len(), 3);
    (found["ok"].as_bool().unwrap(), found["detail"].as_str().unwrap().to_owned())
}

#[track_caller]
pub(crate) fn assert_says(ran: &Ran, check: &str, ok: bool, words: &[&str]) {
    let (is_ok, detail) = finding(ran, check);
    assert_eq!(is_ok, ok, "{detail}");
    for word in words {
        assert!(detail.contains(word), "{word:?} is not in: {detail}");
    }
}

/// The last line says what it comes to, and the counts are those of the lines before it.
#[track_caller]
fn assert_summed(ran: &Ran, usable: bool) {
    let lines = ran.lines();
    let (summary, findings) = lines.split_last().unwrap();
    let failed = findings.iter().filter(|finding| finding["ok"] == false).count();
    let expected = json!({"summary": {"usable": usable, "findings": findings.len(), "failed": failed}});
    assert_eq!((summary, ran.code), (&expected, i32::from(!usable)), "{ran:?}");
}

/// The failure on stderr, behind findings and summary.
#[track_caller]
fn assert_unusable(ran: &Ran, kind: &str) {
    assert_summed(ran, false);
    assert_eq!(ran.last_error()["kind"], kind, "{ran:?}");
}

fn check(tool: &Tool) -> Ran {
    tool.run(&["check", "--json"])
}

#[test]
fn a_sound_platform_is_only_read() {
    let platform = Platform::start();
    let ran = check(&folder(&platform));
    assert_summed(&ran, true);
    assert_eq!(ran.stderr, "");
    assert!(
        platform
            .ledger()
            .iter()
            .all(|exchange| exchange.method == "GET" || exchange.service == Service::Token)
    );
    platform.assert_no_violations();
}

#[test]
fn a_key_that_the_platform_does_not_have_is_named() {
    let platform = Platform::start();
    let tool = folder(&platform);
    tool.write("tool.pem", &crate::tool::KEY);
    let ran = check(&tool);
    let client_id = platform.client_id();
    assert_says(
        &ran,
        "token",
        false,
        &["key id", ToolKey::shared().id(), &client_id, "ags jwks", &platform.token_endpoint()],
    );
    assert_unusable(&ran, "token_refused");
    assert!(ran.last_error()["status"].is_number());
    let people = tool.run(&["check"]);
    assert!(people.code == 1 && people.stdout.contains("FAILS    token:"), "{people:?}");
    assert!(people.stderr.starts_with("ags: token request: "), "{people:?}");
}

#[test]
fn an_audience_that_the_platform_does_not_take_is_named() {
    let platform = Platform::start();
    let tool = folder(&platform);
    let text = std::fs::read_to_string(tool.path("ags.toml")).unwrap();
    tool.write("ags.toml", &text.replace("audience = \"", "audience = \"https://else.example/"));
    let ran = check(&tool);
    assert_says(&ran, "token", false, &["audience", "https://else.example/"]);
    assert_unusable(&ran, "token_refused");
}

#[test]
fn scopes_that_are_missing_do_not_count_unless_they_were_named() {
    let platform = Platform::builder()
        .scopes([names::SCOPE_SCORE, names::SCOPE_LINE_ITEM_READONLY])
        .scope_policy(ScopePolicy::GrantSubset)
        .start();
    let tool = folder(&platform);
    let ran = check(&tool);
    assert_says(
        &ran,
        "scopes",
        false,
        &["post scores", "read line items", "result.readonly (read results)", "lineitem ("],
    );
    assert_says(&ran, "results", true, &["Not checked"]);
    assert_summed(&ran, true);

    let named = format!("scope = [\"{}\", \"{}\"]\n", names::SCOPE_SCORE, names::SCOPE_RESULT_READONLY);
    let text = std::fs::read_to_string(tool.path("ags.toml")).unwrap();
    tool.write("ags.toml", &format!("{text}{named}"));
    assert_unusable(&check(&tool), "missing_scope");
    // A line item cannot be made without its scope, and nothing is tried.
    let ran = tool.run(&["check", "--write", "--json"]);
    assert_says(&ran, "create", true, &["Not tried"]);
}

#[test]
fn scopes_that_are_refused_together_are_tried_one_by_one() {
    let platform = Platform::builder()
        .scopes([names::SCOPE_SCORE, names::SCOPE_LINE_ITEM_READONLY])
        .scope_policy(ScopePolicy::RefuseAll)
        .start();
    let ran = check(&folder(&platform));
    assert_says(&ran, "token", false, &["one by one"]);
    assert_says(&ran, "scopes", false, &["post scores", "result.readonly"]);
    assert_says(&ran, "line_item", true, &["out of 100"]);
    assert_summed(&ran, true);
}

#[test]
fn a_server_that_is_not_there_is_told_with_its_url() {
    let tool = Tool::at(&Server::willing());
    let text = std::fs::read_to_string(tool.path("ags.toml")).unwrap();
    let dead = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let config = text.lines().map(|line| match line.split_once(" = ") {
        Some(("token_endpoint", _)) => format!("token_endpoint = \"http://{dead}/token\"\n"),
        _ => format!("{line}\n"),
    });
    tool.write(
        "ags.toml",
        &(config.collect::<String>() + "[policy]\nmax_attempts = 1\ndeadline_seconds = 1\n"),
    );
    let ran = check(&tool);
    assert_says(&ran, "token", false, &["no connection", &dead.to_string()]);
    assert_eq!(ran.lines().len(), 2, "nothing else is checked without a token");
    assert_unusable(&ran, "connection");
}

/// A server with a certificate that nobody vouches for, to one caller; it says whether it got a request.
fn self_signed() -> (String, std::thread::JoinHandle<bool>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let served = std::thread::spawn(move || {
        let mut connection = rustls::ServerConnection::new(Arc::new(config)).unwrap();
        let (mut socket, _) = listener.accept().unwrap();
        let mut stream = rustls::Stream::new(&mut connection, &mut socket);
        stream.read(&mut [0; 1024]).is_ok_and(|length| length > 0)
    });
    (url, served)
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_told() {
    let (url, request) = self_signed();
    let server = Server::willing();
    let tool = Tool::at(&server);
    let text = std::fs::read_to_string(tool.path("ags.toml")).unwrap().replace(&server.origin, &url);
    tool.write("ags.toml", &(text + "[policy]\nmax_attempts = 1\n"));
    let ran = check(&tool);
    assert!(!request.join().unwrap(), "no request was sent");
    assert_says(&ran, "token", false, &["certificate", &url]);
    assert_unusable(&ran, "tls");
}

#[test]
fn what_a_launch_does_not_offer_is_said() {
    let platform = Platform::builder().without_line_items().start();
    let tool = folder(&platform);
    let text = std::fs::read_to_string(tool.path("ags.toml")).unwrap();
    let without =
        |key: &str| text.lines().filter(|line| !line.starts_with(key)).collect::<Vec<_>>().join("\n");
    tool.write("ags.toml", &without("lineitems"));
    let ran = tool.run(&["check", "--write", "--json"]);
    assert_says(&ran, "endpoint", true, &["no container"]);
    assert_says(&ran, "create", true, &["Not tried"]);
    assert_summed(&ran, true);
    tool.write("ags.toml", &without("lineitem"));
    let ran = check(&tool);
    assert_says(&ran, "endpoint", false, &["[endpoint]", "--claims"]);
    assert_unusable(&ran, "service_not_available");
}

/// A course as it is scripted: a token, a container, a line item and its results.
fn course(container: impl Fn(&Request) -> Reply + Send + 'static) -> Server {
    Server::start(move |request, _| match &*request.path {
        "/token" => Reply::token(),
        "/items/9" => item_reply(r#"{"id":"x","label":"Quiz","scoreMaximum":10}"#),
        "/items/9/results" => typed("lis.v2.resultcontainer", "[]"),
        _ => container(request),
    })
}

fn typed(of: &str, body: impl Into<String>) -> Reply {
    Reply::new(200, body).header("content-type", format!("application/vnd.ims.{of}+json"))
}

fn item_reply(body: &str) -> Reply {
    typed("lis.v2.lineitem", body)
}

fn items(request: &Request, ids: &[&str]) -> Reply {
    let host = request.header("host").unwrap();
    let item = |id: &&str| {
        let (id, tag) = (id.replace("HOST", host), id.rsplit('/').next().unwrap_or_default());
        json!({"id": id, "label": "Lab", "scoreMaximum": 1, "tag": tag, "resourceId": tag}).to_string()
    };
    typed("lis.v2.lineitemcontainer", format!("[{}]", ids.iter().map(item).collect::<Vec<_>>().join(",")))
}

const TWO: [&str; 2] = ["http://HOST/items/1", "http://HOST/items/2"];

#[test]
fn links_to_plain_http_are_not_followed_and_said() {
    for link in ["http://lms.example/items?page=2", "https://other.example/items?page=2"] {
        let server =
            course(move |request| items(request, &TWO).header("link", format!("<{link}>; rel=\"next\"")));
        let ran = check(&Tool::in_course(&server));
        assert_says(&ran, "paging", false, &["lead elsewhere", "not followed"]);
        assert_unusable(&ran, if link.starts_with("https") { "foreign_origin" } else { "insecure_url" });
    }
}

#[test]
fn line_items_at_another_origin_cannot_be_used() {
    let server = course(|request| items(request, &["https://lms.example/items/1", TWO[1]]));
    let ran = check(&Tool::in_course(&server));
    assert_says(&ran, "line_item_ids", false, &["https://lms.example", "allow_origins"]);
    assert_unusable(&ran, "foreign_origin");
    let allowing = "[policy]\nallow_origins = [\"https://lms.example\"]\n";
    assert_summed(&check(&Tool::in_course_with(&server, allowing)), true);
}

#[test]
fn filters_and_limits_that_are_ignored_are_deviations_that_do_not_count() {
    let server = course(|request| items(request, &TWO));
    let ran = check(&Tool::in_course(&server));
    for name in ["tag", "resource_id"] {
        assert_says(&ran, &format!("filter_{name}"), false, &[name, "2 line items came back where 1 is"]);
    }
    assert_says(&ran, "filter_resource_link_id", true, &["Not judged"]);
    assert_says(&ran, "paging", false, &["ignores --limit"]);
    assert_says(&ran, "line_item_listed", false, &["does not list"]);
    assert_summed(&ran, true);
}

#[test]
fn lists_that_are_cut_short_are_told() {
    let server =
        course(|request| items(request, if request.path.contains("limit=1") { &TWO[..1] } else { &TWO }));
    assert_says(
        &check(&Tool::in_course(&server)),
        "paging",
        false,
        &["1 of 2 line items", "no link to the rest"],
    );
}

#[test]
fn pages_in_a_circle_are_told() {
    let server = course(|request| items(request, &TWO).header("link", format!("<{}>; rel=next", "/items")));
    let ran = check(&Tool::in_course(&server));
    assert_says(&ran, "paging", false, &["do not come to an end"]);
    assert_unusable(&ran, "page_loop");
}

#[test]
fn throttling_is_waited_out_and_told() {
    let platform = Platform::start();
    platform.script(Route::LineItems, Script::reply(429).header("Retry-After", "0").times(2));
    let ran = check(&folder(&platform));
    assert_says(&ran, "retries", false, &["throttles", "2 of"]);
    assert_summed(&ran, true);

    let platform = Platform::start();
    platform.script(Route::LineItems, Script::reply(429).header("Retry-After", "3600"));
    let ran = check(&folder(&platform));
    assert_says(&ran, "line_items", false, &["longer than is allowed"]);
    assert_unusable(&ran, "rate_limited");
}

#[test]
fn web_pages_in_place_of_answers_are_told() {
    let server = Server::start(|_, _| Reply::new(200, "<html><title>Sign in</title></html>"));
    let ran = check(&Tool::in_course(&server));
    assert_says(&ran, "token", false, &["Sign in", "/token"]);
    assert_unusable(&ran, "malformed_response");

    let server = Server::answering(Reply::new(200, "<html><title>Sign in</title></html>"));
    let ran = check(&Tool::in_course(&server));
    for name in ["line_items", "line_item", "results"] {
        assert_says(&ran, name, false, &["HTML"]);
    }
    assert_unusable(&ran, "malformed_response");
}

#[test]
fn a_clock_that_is_off_is_told() {
    let server = course(|request| items(request, &TWO).header("date", "Mon, 02 Mar 2020 09:00:00 GMT"));
    assert_says(&check(&Tool::in_course(&server)), "clock", false, &["behind", "NTP"]);
}

#[test]
fn a_hostile_platform_is_not_repeated() {
    let hostile = format!("\u{1b}]0;x\u{7}\u{1b}[31m{TOKEN}\u{202e}");
    let label = serde_json::to_string(&hostile).unwrap();
    let server = Server::start(move |request, _| match &*request.path {
        "/token" => Reply::token(),
        "/items/9" => item_reply(&format!(r#"{{"label":{label},"scoreMaximum":10,"tag":{label}}}"#))
            .header("content-type", "x"),
        "/items/9/results" => {
            Reply::new(500, format!(r#"{{"message":{label},"comment":"Planted comment of u-1001"}}"#))
        }
        _ => Reply::new(200, format!(r#"[{{"id":{label},"label":{label},"scoreMaximum":1,"tag":{label}}}]"#))
            .header("content-type", format!("text/{TOKEN}")),
    });
    for json in [&["--json"][..], &[]] {
        let ran =
            Tool::in_course_with(&server, "[policy]\nmax_attempts = 1\n").run(&[&["check"], json].concat());
        assert_eq!(ran.code, 1, "{ran:?}");
        ran.assert_hides(&[TOKEN, "Planted", "\u{1b}", "\u{7}", "\u{202e}", "\\u001b"]);
    }
}

#[test]
fn claims_are_checked_like_a_configuration() {
    let platform = Platform::start();
    let tool = folder(&platform);
    assert_summed(&tool.run(&["check", "--json", "--claims", "claims.json"]), true);
    let mut claims = platform.claims("u-1001");
    let endpoint = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint";
    for (offered, check, kind) in [
        (json!({}), "token", "missing_scope"),
        // Open edX, where its grades are disabled for the unit.
        (json!(null), "endpoint", "service_not_available"),
    ] {
        claims[endpoint] = offered;
        tool.write("claims.json", &claims.to_string());
        let ran = tool.run(&["check", "--json", "--claims", "claims.json"]);
        assert_says(&ran, check, false, &["administrator"]);
        assert_unusable(&ran, kind);
    }
}
