//! Many calls under faults that come by chance, under throttling, and with tokens and clocks that cannot be relied on.

use std::sync::Arc;
use std::time::Duration;

use lti_ags::{EnsureLineItem, ErrorKind, NewLineItem, PostScore, Score};
use lti_ags_testing::{Personality, Plan, Platform, Route, Script, Throttle};

use crate::common::{self, Limits, Tool, endpoint, impatient, registration};
use crate::scenarios;

scenarios! {
    faults_by_chance_lose_and_double_no_score,
    faults_by_chance_double_no_column,
    a_leaky_bucket_is_got_through,
    a_plain_429_is_got_through,
    a_token_that_is_good_for_one_use_is_renewed_each_time,
    a_token_that_expires_before_its_time_is_renewed,
    a_clock_a_little_behind_is_borne,
    a_clock_that_is_wrong_is_named,
}

/// Is shown with a test that fails.
#[expect(clippy::print_stdout, reason = "it is for who looks at the test")]
fn show(plan: &Plan) {
    println!("{plan}");
}

fn graded(user_id: &str) -> PostScore {
    PostScore::new(Score::graded(user_id, 50.0, 100.0).build().unwrap())
}

fn tireless<T: Tool>(platform: &Platform) -> T {
    let mut policy = impatient();
    policy.max_attempts = 1_000;
    T::assemble(registration(platform), policy, Limits::default())
}

/// Posts a score for every learner, all at the same time: each arrives, once.
fn everybody_is_graded<T: Tool>(platform: &Platform) {
    let learners = platform.learners();
    let scores = learners.iter().map(|user| graded(user)).collect();
    for result in Arc::new(tireless::<T>(platform)).call_all(&endpoint(platform), scores) {
        result.unwrap();
    }
    let gradebook = platform.gradebook();
    let posts: Vec<_> = gradebook.results().map(|(_, _, entry)| (entry.score, entry.posts)).collect();
    assert_eq!(posts, vec![(Some(50.0), 1); learners.len()]);
    platform.assert_no_violations();
}

fn learners(number: usize) -> impl Iterator<Item = String> {
    (0..number).map(|number| format!("s-{number}"))
}

/// No tokens are revoked: of many calls at once, some would find their new token revoked as well, which is final.
fn faults_by_chance_lose_and_double_no_score<T: Tool>() {
    for seed in 0..6 {
        let plan = Plan::new(seed)
            .with(0.05, Route::Any, Script::reset_before_acting())
            .with(0.05, Route::Any, Script::reset_after_acting())
            .with(0.05, Route::Any, Script::truncated())
            .with(0.03, Route::Any, Script::garbage())
            .with(0.02, Route::Any, Script::reply(503).times(3))
            .with(0.02, Route::Any, Script::reply(429))
            .with(0.02, Route::Any, Script::refuse_connections(Duration::from_millis(5)));
        show(&plan);
        everybody_is_graded::<T>(&Platform::builder().learners(learners(40)).plan(plan).start());
    }
}

/// Where nobody knows, it is ensured once more.
fn faults_by_chance_double_no_column<T: Tool>() {
    for seed in 0..4 {
        let plan = Plan::random(seed);
        show(&plan);
        let platform = Platform::builder().plan(plan).start();
        let (tool, endpoint) = (tireless::<T>(&platform), endpoint(&platform));
        for number in 0..12 {
            let item = NewLineItem::new("Lab", 10.0).unwrap().with_resource_id(&format!("lab-{number}"));
            while let Err(error) = tool.call(&endpoint, EnsureLineItem::new(item.clone())) {
                assert_eq!(error.kind(), ErrorKind::OutcomeUnknown, "{error}");
            }
        }
        let gradebook = platform.gradebook();
        let mut ids: Vec<_> =
            gradebook.line_items().iter().filter_map(|item| item.resource_id.clone()).collect();
        assert_eq!(ids.len(), 12);
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 12, "one column of each");
        platform.assert_no_violations();
    }
}

fn throttled(platform: &Platform) -> usize {
    platform.ledger().iter().filter(|exchange| exchange.effect == "throttled").count()
}

/// Four requests find room while they are in flight.
fn small_bucket() -> Throttle {
    Throttle::canvas().high_water(201.0).cost(1.0).drain(1_000.0)
}

fn in_flight_for_a_while() -> Plan {
    Plan::new(0).with(1.0, Route::Scores, Script::normal().delay(Duration::from_millis(5)))
}

fn a_leaky_bucket_is_got_through<T: Tool>() {
    let platform = Platform::builder()
        .like(Personality::Canvas)
        .throttle(small_bucket())
        .plan(in_flight_for_a_while())
        .start();
    everybody_is_graded::<T>(&platform);
    // What it says of its budget paces them.
    assert!(throttled(&platform) <= 2, "{} were refused", throttled(&platform));
}

fn a_plain_429_is_got_through<T: Tool>() {
    for after in [None, Some(Duration::ZERO)] {
        let platform = Platform::builder()
            .learners(learners(40))
            .throttle(small_bucket().too_many_requests(after))
            .plan(in_flight_for_a_while())
            .start();
        everybody_is_graded::<T>(&platform);
        assert!(throttled(&platform) > 0);
    }
}

fn a_token_that_is_good_for_one_use_is_renewed_each_time<T: Tool>() {
    let platform = Platform::builder().token_uses(1).start();
    let (tool, endpoint) = (T::on(&platform), endpoint(&platform));
    let attempts: Vec<_> = ["u-1001", "u-1002", "u-1003", "u-1004"]
        .map(|user| tool.call(&endpoint, graded(user)).unwrap().attempts)
        .into_iter()
        .collect();
    assert_eq!(attempts, [1, 2, 2, 2]);
    assert_eq!(platform.ledger().token_requests().len(), 4);
}

fn a_token_that_expires_before_its_time_is_renewed<T: Tool>() {
    let platform = Platform::builder().tokens_expire_after(Duration::from_secs(30)).start();
    let (tool, endpoint) = (T::on(&platform), endpoint(&platform));
    for (user, attempts, tokens) in [("u-1001", 1, 1), ("u-1002", 2, 2), ("u-1003", 2, 3)] {
        assert_eq!(tool.call(&endpoint, graded(user)).unwrap().attempts, attempts);
        assert_eq!(platform.ledger().token_requests().len(), tokens);
        platform.advance(Duration::from_secs(31));
    }
}

fn a_clock_a_little_behind_is_borne<T: Tool>() {
    for seconds in [-3, 3] {
        let skew = jiff::SignedDuration::from_secs(seconds);
        let platform = Platform::builder().clock_ahead(skew).start();
        T::on(&platform).call(&endpoint(&platform), graded("u-1001")).unwrap();
    }
}

fn a_clock_that_is_wrong_is_named<T: Tool>() {
    for hours in [-1, 1] {
        let skew = jiff::SignedDuration::from_hours(hours);
        let platform = Platform::builder().clock_ahead(skew).start();
        let error = T::on(&platform).call(&endpoint(&platform), graded("u-1001")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TokenRefused);
        assert!(error.to_string().contains("clock"), "{error}");
        assert_eq!(platform.ledger().len(), 1);
    }
}
