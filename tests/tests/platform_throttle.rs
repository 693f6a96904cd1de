//! A platform that throttles as Canvas does, with a socket and without one.

mod support;

use std::time::Duration;

use lti_ags_testing::{Personality, Platform, Route, Script, Throttle, names};
use support::{NOW, builder, get, post, score, token};

#[test]
fn every_answer_tells_its_cost_and_what_is_left() {
    let platform = builder().throttle(Throttle::canvas().cost(0.25)).start();
    let token = token(&platform);
    for (millis, left) in [(1, "599.75"), (2, "599.5")] {
        let answer = post(&platform, &token, &score(10.0, millis).to_string());
        assert_eq!(answer.header("x-request-cost").as_deref(), Some("0.25"));
        assert_eq!(answer.header("x-rate-limit-remaining").as_deref(), Some(left));
    }
}

#[test]
fn a_full_bucket_refuses_without_acting_and_leaks() {
    for personality in [Personality::Spec, Personality::Canvas] {
        let platform = builder().like(personality).throttle(Throttle::canvas().cost(275.0)).start();
        let token = token(&platform);
        let url = platform.line_items_url();
        let list = || get(&platform, &token, &url, names::MEDIA_LINE_ITEMS);
        assert_eq!([list().status, list().status], [200, 200]);
        let refused = list();
        assert_eq!((refused.status, &*refused.body), (403, &b"403 Forbidden (Rate Limit Exceeded)\n"[..]));
        assert_eq!(refused.header("content-type").as_deref(), Some("text/plain; charset=utf-8"));
        let ledger = platform.ledger();
        let exchange = ledger.last().unwrap();
        assert_eq!((exchange.acted, exchange.effect.as_str()), (false, "throttled"));
        platform.advance(Duration::from_secs(1));
        assert_eq!(list().status, 200);
    }
}

/// Pacing is simulated so: a request that takes a second is in flight for a second of the simulation.
#[test]
fn requests_in_flight_fill_the_bucket_of_a_platform_without_a_socket() {
    let mut lms = Platform::builder().throttle(Throttle::canvas()).lms("https://lms.test");
    lms.script(Route::Any, Script::normal().delay(Duration::from_secs(1)).times(100));
    let mut at = |millis: u64| {
        let now: jiff::Timestamp = NOW.parse().unwrap();
        let request = http::Request::get("/lineitems").body(Vec::new()).unwrap();
        lms.respond(now + Duration::from_millis(millis), &request).status
    };
    let statuses: Vec<_> = (0..20).map(|_| at(0)).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 11);
    assert_eq!(statuses.iter().filter(|status| **status == 403).count(), 9);
    assert_eq!(at(1_100), 401);
}

#[test]
fn a_platform_may_say_429_instead() {
    let throttle = Throttle::canvas().high_water(0.0);
    let platform = builder().throttle(throttle.too_many_requests(Some(Duration::from_secs(7)))).start();
    let answer = post(&platform, &token(&platform), &score(1.0, 0).to_string());
    assert_eq!((answer.status, answer.header("retry-after").as_deref()), (429, Some("7")));
    assert_eq!(answer.header("x-rate-limit-remaining"), None);
}
