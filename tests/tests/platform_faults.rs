//! How the platform fails: connections, bytes, tokens and clocks, over raw HTTP.

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use jiff::SignedDuration;
use lti_ags_testing::{Delivery, Plan, Platform, Route, Script};
use support::{Connection, NOW, builder, get, platform, post, score, score_headers, token};

/// Sends a right score, and reads to the end of the connection whatever comes.
fn posted(platform: &Platform, points: f64) -> std::io::Result<Vec<u8>> {
    let (token, body) = (token(platform), score(points, 0).to_string());
    let mut stream = TcpStream::connect(platform.address()).unwrap();
    let headers = score_headers(&token);
    write!(
        stream,
        "POST /lineitems/li-1/scores HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).map(|_| answer)
}

fn is_graded(platform: &Platform) -> bool {
    platform.gradebook().result("li-1", "u-1001").is_some()
}

#[test]
fn a_stalled_request_is_not_answered_and_ends_with_the_clients_connection() {
    for (script, acts) in [(Script::stall(), false), (Script::stall().after_acting(), true)] {
        let platform = platform();
        platform.script(Route::Scores, script);
        assert_eq!(posted(&platform, 10.0).unwrap(), b"");
        assert_eq!(is_graded(&platform), acts);
        assert_eq!(platform.ledger().last().unwrap().status, None);
    }
}

#[test]
fn a_platform_stops_while_a_client_is_stalled() {
    let platform = platform();
    platform.script(Route::Any, Script::stall());
    let mut connection = Connection::open(&platform);
    connection.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    let seen = std::thread::scope(|scope| {
        let reader = scope.spawn(move || connection.read().unwrap_err().kind());
        while platform.ledger().is_empty() {
            std::thread::yield_now();
        }
        drop(platform);
        reader.join().unwrap()
    });
    assert_eq!(seen, ErrorKind::UnexpectedEof);
}

#[test]
fn an_answer_may_close_the_connection() {
    let platform = platform();
    platform.script(Route::Any, Script::normal().close());
    let mut connection = Connection::open(&platform);
    let answer = connection.send("GET", "/nowhere", "", "").unwrap();
    assert_eq!((answer.status, answer.header("connection").as_deref()), (404, Some("close")));
    assert_eq!(connection.read().unwrap_err().kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn a_truncated_answer_lacks_its_last_byte() {
    let whole = posted(&platform(), 10.0).unwrap();
    let platform = platform();
    platform.script(Route::Scores, Script::truncated());
    assert_eq!(posted(&platform, 10.0).unwrap(), whole[..whole.len() - 1]);
    assert!(is_graded(&platform));
}

#[test]
fn a_dripping_answer_is_whole() {
    let whole = posted(&platform(), 10.0).unwrap();
    let platform = platform();
    platform.script(Route::Scores, Script::drip(Duration::from_micros(50)));
    assert_eq!(posted(&platform, 10.0).unwrap(), whole);
}

#[test]
fn an_oversized_answer_has_spaces_behind_its_body() {
    let platform = platform();
    let token = token(&platform);
    let url = platform.line_item_url();
    let media_type = lti_ags_testing::names::MEDIA_LINE_ITEM;
    let usual = get(&platform, &token, &url, media_type);
    platform.script(Route::LineItem, Script::oversized(100_000));
    let answer = get(&platform, &token, &url, media_type);
    assert_eq!(answer.body.len(), 100_000);
    assert_eq!(answer.body.trim_ascii_end(), usual.body);
    platform.script(Route::Scores, Script::oversized(100));
    let answer = post(&platform, &token, &score(10.0, 0).to_string());
    assert_eq!((answer.status, answer.body), (200, vec![b' '; 100]));
}

#[test]
fn an_answer_of_a_wrong_length_goes_on_behind_its_end() {
    let platform = platform();
    let token = token(&platform);
    platform.script(Route::LineItem, Script::wrong_length());
    let media_type = lti_ags_testing::names::MEDIA_LINE_ITEM;
    let cut = get(&platform, &token, &platform.line_item_url(), media_type);
    assert!(serde_json::from_slice::<serde_json::Value>(&cut.body).is_err());
    platform.script(Route::Scores, Script::wrong_length());
    let answer = String::from_utf8(posted(&platform, 10.0).unwrap()).unwrap();
    assert!(answer.ends_with("Content-Length: 0\r\n\r\n0"), "{answer}");
}

#[test]
fn garbage_is_no_http() {
    let platform = platform();
    platform.script(Route::Scores, Script::garbage());
    assert!(!posted(&platform, 10.0).unwrap().starts_with(b"HTTP"));
    assert!(!is_graded(&platform));
}

#[test]
fn a_platform_that_does_not_listen_refuses_and_breaks_connections() {
    let platform = platform();
    let mut kept = Connection::open(&platform);
    assert_eq!(kept.send("GET", "/nowhere", "", "").unwrap().status, 404);
    for _ in 0..3 {
        platform.stop_listening();
        kept.read().unwrap_err();
        assert_eq!(TcpStream::connect(platform.address()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        platform.listen_again();
        kept = Connection::open(&platform);
        assert_eq!(kept.send("GET", "/nowhere", "", "").unwrap().status, 404);
    }
}

#[test]
fn a_platform_that_is_not_there_can_be_stopped() {
    let platform = platform();
    platform.stop_listening();
    drop(platform);
}

#[test]
fn a_request_may_have_connections_refused_for_a_while() {
    let platform = platform();
    platform.script(Route::Scores, Script::refuse_connections(Duration::from_secs(3600)));
    assert_eq!(posted(&platform, 10.0).unwrap(), b"");
    assert_eq!(TcpStream::connect(platform.address()).unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert!(!is_graded(&platform));
    platform.listen_again();
    assert_eq!(post(&platform, &token(&platform), &score(10.0, 0).to_string()).status, 204);

    platform.script(Route::Any, Script::refuse_connections(Duration::from_millis(20)));
    Connection::open(&platform).send("GET", "/", "", "").unwrap_err();
    while TcpStream::connect(platform.address()).is_err() {
        std::thread::yield_now();
    }
}

#[test]
fn tokens_may_be_revoked_by_a_request_after_some_uses_or_before_their_time() {
    let post_twice = |platform: &Platform| {
        let token = token(platform);
        [1, 2].map(|millis| {
            let status = post(platform, &token, &score(10.0, millis).to_string()).status;
            platform.advance(Duration::from_secs(30));
            status
        })
    };
    assert_eq!(post_twice(&platform()), [204, 204]);
    assert_eq!(post_twice(&builder().token_uses(1).start()), [204, 401]);
    assert_eq!(post_twice(&builder().tokens_expire_after(Duration::from_secs(20)).start()), [204, 401]);
    let revoked = platform();
    revoked.script(Route::Scores, Script::normal().then(Script::revoke_tokens()));
    assert_eq!(post_twice(&revoked), [204, 401]);
}

#[test]
fn a_tool_is_told_the_lifetime_that_its_token_does_not_have() {
    let platform = builder().tokens_expire_after(Duration::from_secs(20)).start();
    let answer = support::TokenRequest::new(&platform, "jti-1").send(&platform);
    assert_eq!(answer.json()["expires_in"], 3600);
}

#[test]
fn a_platforms_clock_may_be_ahead_or_behind() {
    for seconds in [90, -90] {
        let platform = builder().clock_ahead(SignedDuration::from_secs(seconds)).start();
        let now: jiff::Timestamp = NOW.parse().unwrap();
        assert_eq!(platform.now().duration_since(now).as_secs(), seconds);
    }
}

#[test]
fn a_plan_fails_the_same_requests_again() {
    let run = || {
        let plan = Plan::new(7).with(0.3, Route::Any, Script::reset_after_acting()).with(
            0.2,
            Route::Scores,
            Script::reply(503).times(2),
        );
        let mut lms = Platform::builder().plan(plan).lms("https://lms.test");
        (0..100)
            .map(|_| {
                let request = http::Request::post("/lineitems/li-1/scores").body(Vec::new()).unwrap();
                let reply = lms.respond(NOW.parse().unwrap(), &request);
                (reply.status, reply.delivery)
            })
            .collect::<Vec<_>>()
    };
    let seen = run();
    assert_eq!(seen, run());
    for expected in [(401, Delivery::Send), (401, Delivery::Reset), (503, Delivery::Send)] {
        assert!(seen.contains(&expected), "{expected:?}");
    }
    let bursts = seen.split(|reply| reply.0 != 503).filter(|burst| !burst.is_empty());
    assert!(bursts.into_iter().all(|burst| burst.len() % 2 == 0), "{seen:?}");
}

#[test]
fn scripts_go_before_the_plan() {
    let platform = platform();
    let token = token(&platform);
    platform.plan(Plan::new(1).with(1.0, Route::Any, Script::reply(503)));
    platform.script(Route::Scores, Script::normal());
    assert_eq!(post(&platform, &token, &score(10.0, 0).to_string()).status, 204);
    assert_eq!(post(&platform, &token, &score(11.0, 1).to_string()).status, 503);
    platform.plan(Plan::new(1));
    assert_eq!(post(&platform, &token, &score(11.0, 1).to_string()).status, 204);
}
