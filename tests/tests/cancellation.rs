//! A future may be dropped at any point; the session goes on.

mod common;

use std::time::Duration;

use common::{OverHyper, Tool, endpoint};
use lti_ags::{PostScore, Score};
use lti_ags_testing::{Platform, Route, Script};

fn graded(given: f64) -> PostScore {
    PostScore::new(Score::graded("u-1001", given, 100.0).build().unwrap())
}

#[test]
fn a_call_that_is_dropped_while_it_fetches_the_token_hands_that_on() {
    let platform = Platform::start();
    platform.script(Route::Token, Script::normal().delay(Duration::from_millis(400)));
    let tool = OverHyper::on(&platform);
    let endpoint = endpoint(&platform);
    tool.runtime.block_on(async {
        let dropped = tool.client.call(&endpoint, graded(10.0));
        let waiting = tool.client.call(&endpoint, graded(20.0));
        let dropped = tokio::time::timeout(Duration::from_millis(100), dropped);
        let (dropped, waiting) = tokio::join!(dropped, waiting);
        assert!(dropped.is_err(), "the platform was to be slower");
        waiting.unwrap();
    });
    assert_eq!(platform.ledger().token_requests().len(), 2);
    assert_eq!(platform.gradebook().results().next().unwrap().2.score, Some(20.0));
}

#[test]
fn a_call_that_is_dropped_while_it_posts_leaves_the_session_usable() {
    let platform = Platform::start();
    let tool = OverHyper::on(&platform);
    let endpoint = endpoint(&platform);
    platform.script(Route::Scores, Script::normal().delay(Duration::from_millis(400)));
    tool.runtime.block_on(async {
        let dropped = tool.client.call(&endpoint, graded(10.0));
        assert!(tokio::time::timeout(Duration::from_millis(100), dropped).await.is_err());
        tool.client.call(&endpoint, graded(20.0)).await.unwrap();
    });
    assert_eq!(platform.ledger().token_requests().len(), 1);
    assert_eq!(platform.gradebook().results().next().unwrap().2.score, Some(20.0));
}
