//! The server: connections, scripts, faults, state over HTTP, and its end.

mod support;

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lti_ags_testing::{Delivery, Platform, Route, Script};
use support::{Connection, TokenRequest, builder, platform, post, rules, score, score_headers, token};

const SCORES: &str = "/lineitems/li-1/scores";

#[test]
fn many_scores_go_over_one_connection() {
    let platform = platform();
    let headers = score_headers(&token(&platform));
    let mut connection = Connection::open(&platform);
    for millis in 1..=500 {
        let answer = connection.send("POST", SCORES, &headers, &score(20.0, millis).to_string()).unwrap();
        assert_eq!(answer.status, 204);
    }
    assert_eq!(platform.gradebook().result("li-1", "u-1001").unwrap().posts, 500);
    let ledger = platform.ledger();
    assert!(ledger.service_requests().iter().all(|exchange| exchange.connection == 2));
    assert_eq!(ledger.requests_to(SCORES).len(), 500);
    platform.assert_no_violations();
}

#[test]
fn the_ledger_keeps_requests_as_received() {
    let platform = platform();
    let mut connection = Connection::open(&platform);
    connection.write("POST /x?q=%2f HTTP/1.1\r\nHOST: h\r\nx-Odd: \u{e9}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
    assert_eq!(connection.read().unwrap().status, 404);
    let ledger = platform.ledger();
    let exchange = &ledger[0];
    assert_eq!((exchange.target.as_slice(), exchange.body.as_slice()), (&b"/x?q=%2f"[..], &b"ok"[..]));
    assert_eq!(exchange.headers[1], (b"x-Odd".to_vec(), "\u{e9}".as_bytes().to_vec()));
    assert_eq!((exchange.number, exchange.status, exchange.received_at), (1, Some(404), platform.now()));
}

#[test]
fn scripted_replies_come_first_byte_for_byte() {
    let platform = platform();
    let odd =
        Script::reply(400).reason(b"Schlecht \xff".to_vec()).header("Link", b"\xe2\x80\x9cx").body("[]");
    platform.script(Route::Token, Script::reply(503).header("Retry-After", "1").times(2).then(odd));
    let request = TokenRequest::new(&platform, "j");
    for _ in 0..2 {
        let answer = request.send(&platform);
        assert_eq!((answer.status, answer.header("retry-after").as_deref()), (503, Some("1")));
    }
    let answer = request.send(&platform);
    assert!(answer.head.starts_with(b"HTTP/1.1 400 Schlecht \xff\r\nLink: \xe2\x80\x9cx\r\n"));
    assert_eq!(answer.body, b"[]");
    // Nothing was acted on so far: the assertion still counts.
    assert_eq!(request.send(&platform).status, 200);
    assert_eq!(platform.ledger().token_requests().iter().filter(|exchange| exchange.acted).count(), 1);
}

#[test]
fn a_reset_loses_the_request_or_only_the_answer() {
    let platform = platform();
    let headers = score_headers(&token(&platform));
    platform.script(Route::Scores, Script::reset_before_acting().then(Script::reset_after_acting()));
    for (points, recorded) in [(10.0, None), (20.0, Some(100.0))] {
        let error = Connection::open(&platform).send("POST", SCORES, &headers, &score(points, 0).to_string());
        assert_eq!(error.unwrap_err().kind(), ErrorKind::ConnectionReset);
        let gradebook = platform.gradebook();
        assert_eq!(gradebook.result("li-1", "u-1001").and_then(|entry| entry.score), recorded);
    }
    assert_eq!(platform.ledger().last().unwrap().status, None);
}

#[test]
fn a_platform_can_hang_up_close_and_act_behind_an_error() {
    let platform = platform();
    let headers = score_headers(&token(&platform));
    let script = Script::hang_up()
        .then(Script::reply(502).after_acting().close())
        .then(Script::normal())
        .then(Script::reply(429));
    platform.script(Route::Prefix("/lineitems".into()), script);
    let send = |connection: &mut Connection, millis| {
        connection.send("POST", SCORES, &headers, &score(1.0, millis).to_string())
    };
    let error = send(&mut Connection::open(&platform), 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    let mut connection = Connection::open(&platform);
    let answer = send(&mut connection, 1).unwrap();
    assert_eq!((answer.status, answer.header("connection").as_deref()), (502, Some("close")));
    assert!(connection.read().is_err());
    assert_eq!(platform.gradebook().result("li-1", "u-1001").unwrap().posts, 1);
    let mut connection = Connection::open(&platform);
    assert_eq!(send(&mut connection, 2).unwrap().status, 204);
    assert_eq!(send(&mut connection, 3).unwrap().status, 429);
    assert_eq!(send(&mut connection, 4).unwrap().status, 204);
}

#[test]
fn a_delay_holds_the_answer_back_and_ends_with_the_platform() {
    let platform = platform();
    platform.script(
        Route::Any,
        Script::normal()
            .delay(Duration::from_millis(30))
            .then(Script::normal().delay(Duration::from_secs(60))),
    );
    let started = Instant::now();
    assert_eq!(Connection::open(&platform).send("GET", "/x", "", "").unwrap().status, 404);
    assert!(started.elapsed() >= Duration::from_millis(30));
    let mut waiting = Connection::open(&platform);
    waiting.write("GET /y HTTP/1.1\r\nHost: x\r\n\r\n");
    while platform.ledger().len() < 2 {
        std::thread::yield_now();
    }
    drop(platform);
    assert!(waiting.read().is_err());
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn dropping_it_ends_idle_connections_and_joins_every_thread() {
    let held = Arc::new(());
    let theirs = Arc::clone(&held);
    let platform = builder().on_exchange(move |_| assert!(Arc::strong_count(&theirs) > 1)).start();
    let mut idle = Connection::open(&platform);
    assert_eq!(idle.send("GET", "/x", "", "").unwrap().status, 404);
    let _fresh = Connection::open(&platform);
    drop(platform);
    assert!(idle.read().is_err());
    assert_eq!(Arc::strong_count(&held), 1);
}

#[test]
fn what_is_not_http_gets_400_and_the_end_of_the_connection() {
    let platform = platform();
    let mut connection = Connection::open(&platform);
    connection.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n");
    assert_eq!(connection.read().unwrap().status, 400);
    assert!(connection.read().is_err());
}

#[test]
fn scripts_of_other_languages_can_look_at_the_state() {
    let platform = platform();
    let token = token(&platform);
    post(&platform, &token, &score(10.0, 0).to_string());
    post(&platform, &token, "{}");
    let get = |target| Connection::open(&platform).send("GET", target, "", "").unwrap();
    let gradebook = get("/_/gradebook").json();
    assert_eq!((&gradebook[0]["userId"], &gradebook[0]["score"]), (&"u-1001".into(), &50.0.into()));
    assert_eq!(get("/_/violations").json()[0]["rule"], "AGS-SCORE-02");
    let ledger = get("/_/ledger");
    assert_eq!(
        (ledger.json()[1]["status"].as_u64(), ledger.json()[1]["path"].as_str()),
        (Some(204), Some(SCORES))
    );
    assert!(!String::from_utf8(ledger.body).unwrap().contains(&token));
    assert_eq!(get("/_/secrets").status, 404);
    assert_eq!(platform.ledger().len(), 3);
}

#[test]
fn an_observer_sees_each_exchange_once() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let platform = builder().on_exchange(move |exchange| drop(sender.send(exchange.to_string()))).start();
    Connection::open(&platform).send("GET", "/x?secret=1", "", "").unwrap();
    Connection::open(&platform).send("GET", "/_/ledger", "", "").unwrap();
    drop(platform);
    let seen: Vec<String> = receiver.iter().collect();
    assert_eq!(seen, ["GET /x 404 refused: there is nothing at this URL"]);
}

#[test]
fn the_clock_can_stand_run_and_jump() {
    let platform = platform();
    let noon = "2026-03-02T12:00:00Z".parse().unwrap();
    platform.set_now(noon);
    platform.advance(Duration::from_millis(1500));
    assert_eq!(platform.now(), noon + Duration::from_millis(1500));
    let running = Platform::start();
    running.advance(Duration::from_secs(3600));
    assert!(running.now() > jiff::Timestamp::now() + Duration::from_secs(3599));
}

#[test]
fn claims_are_those_of_a_launch() {
    let platform = platform();
    let claims = platform.claims("u-1001");
    let endpoint = &claims["https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"];
    assert_eq!(endpoint["lineitem"], platform.line_item_url());
    assert_eq!(endpoint["lineitems"], platform.line_items_url());
    assert_eq!(endpoint["scope"].as_array().unwrap().len(), 4);
    assert_eq!(
        (claims["iss"].as_str(), claims["sub"].as_str()),
        (Some(platform.issuer().as_str()), Some("u-1001"))
    );
    let roles =
        |claims: &serde_json::Value| claims["https://purl.imsglobal.org/spec/lti/claim/roles"].to_string();
    assert!(roles(&claims).contains("#Learner") && roles(&platform.claims("u-9")).contains("#Instructor"));
}

#[test]
fn the_heart_answers_without_a_socket() {
    let mut lms = Platform::builder().lms("https://lms.test");
    lms.script(Route::Any, Script::reset_before_acting());
    let now = support::NOW.parse().unwrap();
    let request = |uri: &str| http::Request::get(uri).body(Vec::new()).unwrap();
    let reply = lms.respond(now, &request("https://lms.test/token"));
    assert_eq!((reply.delivery, reply.into_response().is_none()), (Delivery::Reset, true));
    assert_eq!(lms.respond(now, &request("https://elsewhere.test/token")).status, 421);
    assert_eq!(lms.respond(now, &request("https://lms.test/lineitems/li-1/scores")).status, 401);
    assert_eq!(lms.ledger()[1].target, b"https://elsewhere.test/token");
    assert_eq!(lms.line_item_url("li-1").as_deref(), Some("https://lms.test/lineitems/li-1"));
}

#[test]
#[should_panic(expected = "AGS-TOKREQ-01 in exchange 1")]
fn violations_fail_a_test_by_name() {
    let platform = platform();
    Connection::open(&platform).send("POST", "/token", "", "").unwrap();
    assert!(!rules(&platform).is_empty());
    platform.assert_no_violations();
}
