//! Tokens and throttling on every platform (Security Framework 4.1, RFC 6750).

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use lti_ags::{
    Endpoint, ErrorKind, GetLineItem, ListResults, PostScore, Registration, Scope, Score, SigningKey,
    TokenScopes,
};
use lti_ags_testing::names::MEDIA_LINE_ITEM;
use lti_ags_testing::{Personality, Route, Script, ToolKey};

use crate::cannot::Cannot;
use crate::common::{Limits, Tool, impatient};
use crate::course::{Course, Raw};

everywhere! {
    one_token_serves_all_services,
    a_revoked_token_is_renewed_once_for_all,
    an_expired_token_is_renewed,
    a_scope_the_launch_lacks_is_missed_before_any_request,
    a_scope_the_platform_does_not_grant_is_missed_before_the_service_is_asked,
    a_set_of_scopes_that_is_too_large_is_narrowed,
    a_token_without_the_scope_is_not_renewed_for_ever,
    another_key_is_refused_in_words,
    throttling_is_recognised_by_its_shape,
    throttling_is_survived,
}

// AGS-TOKRES-01, AGS-TOKRES-02, AGS-TOKRES-08
fn one_token_serves_all_services<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let grant = course.tool.authorize(&course.endpoint).unwrap();
    assert_eq!(grant.lifetime, Duration::from_secs(3600));
    assert!(Scope::AGS.iter().all(|scope| grant.scopes.contains(scope)));
    course.grade(&course.learner(0), 85.0).unwrap();
    course.call(GetLineItem::new()).unwrap();
    course.call(ListResults::new()).unwrap();
    assert_eq!(course.platform.ledger().token_requests().len(), 1);
    course.end();
}

// AGS-HTTP-01
fn a_revoked_token_is_renewed_once_for_all<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    course.grade(&course.learner(0), 10.0).unwrap();
    course.platform.revoke_tokens();
    let learners: Vec<_> = course.platform.learners().into_iter().take(8).collect();
    let score = |learner: &String| PostScore::new(Score::graded(learner, 50.0, 100.0).build().unwrap());
    let receipts = course.tool.call_all(&course.endpoint, learners.iter().map(score).collect());
    for receipt in receipts {
        receipt.unwrap();
    }
    assert!(learners.iter().all(|learner| course.points(learner) == Some(50.0)));
    assert_eq!(course.platform.ledger().token_requests().len(), 2);
    course.end();
}

// AGS-TOKRES-05, AGS-HTTP-01
fn an_expired_token_is_renewed<T: Tool>(like: Personality) {
    let course = Course::<T>::with(like, |platform| platform.token_lifetime(Duration::from_secs(180)));
    let learner = course.learner(0);
    course.grade(&learner, 10.0).unwrap();
    // The platform's clock runs ahead: the token is over before the tool thinks so.
    course.platform.advance(Duration::from_secs(200));
    let receipt = course.grade(&learner, 20.0).unwrap();
    assert_eq!(receipt.attempts, 2);
    assert_eq!(course.points(&learner), Some(20.0));
    assert_eq!(course.platform.ledger().token_requests().len(), 2);
    course.end();
}

// AGS-CLAIM-05
fn a_scope_the_launch_lacks_is_missed_before_any_request<T: Tool>(like: Personality) {
    let course = Course::<T>::with(like, |platform| platform.scopes([Scope::RESULT_READONLY.as_str()]));
    let error = course.grade(&course.learner(0), 10.0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingScope);
    assert_eq!(course.platform.ledger().len(), 0);
    course.call(ListResults::new()).unwrap();
    course.end();
}

// AGS-TOKRES-03, AGS-TOKERR-03
fn a_scope_the_platform_does_not_grant_is_missed_before_the_service_is_asked<T: Tool>(like: Personality) {
    let mut course = Course::<T>::with(like, |platform| platform.scopes([Scope::RESULT_READONLY.as_str()]));
    // No launch says what is allowed, so all is asked for.
    course.endpoint = Endpoint::for_line_item(course.platform.line_item_url()).unwrap();
    let error = course.grade(&course.learner(0), 10.0).unwrap_err();
    let refused = course.cannot(Cannot::GrantSomeScopes).map(|_| ErrorKind::TokenRefused);
    assert_eq!(error.kind(), refused.unwrap_or(ErrorKind::MissingScope), "{error}");
    assert_eq!(course.platform.ledger().service_requests().len(), 0);
    course.end();
}

// AGS-TOKERR-03
fn a_set_of_scopes_that_is_too_large_is_narrowed<T: Tool>(like: Personality) {
    let mut course = Course::<T>::with(like, |platform| platform.scopes([Scope::SCORE.as_str()]));
    course.endpoint = Endpoint::for_line_item(course.platform.line_item_url()).unwrap();
    let learner = course.learner(0);
    course.grade(&learner, 10.0).unwrap();
    assert_eq!(course.points(&learner), Some(10.0));
    let requests = if course.can(Cannot::GrantSomeScopes) { 1 } else { 2 };
    assert_eq!(course.platform.ledger().token_requests().len(), requests);
    course.end();
}

// AGS-HTTP-01, AGS-HTTP-03
fn a_token_without_the_scope_is_not_renewed_for_ever<T: Tool>(like: Personality) {
    let mut policy = impatient();
    policy.token_scopes = TokenScopes::OfOperation;
    let course = Course::<T>::under(like, policy, |platform| platform);
    let url = course.platform.line_item_url();
    let scopes = const { &[Scope::RESULT_READONLY] };
    let read = || Raw { url: url.clone(), accept: MEDIA_LINE_ITEM, scopes };
    let kind = match like {
        _ if course.cannot(Cannot::TellScopeFromExpiry).is_some() => ErrorKind::Unauthorized,
        // 400.
        Personality::Sakai => ErrorKind::Refused,
        _ => ErrorKind::Forbidden,
    };
    for _ in 0..2 {
        let error = course.call(read()).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(!error.is_transient());
    }
    // At most one more for each call: the token might have expired.
    assert!(course.platform.ledger().token_requests().len() <= 3);
    assert!(course.platform.ledger().service_requests().len() <= 4);
    course.end();
}

// AGS-TOKERR-01
fn another_key_is_refused_in_words<T: Tool>(like: Personality) {
    static OTHER: LazyLock<ToolKey> = LazyLock::new(|| ToolKey::rsa("other").unwrap());
    let mut course = Course::<T>::on(like);
    let key = SigningKey::from_pem(OTHER.private_key_pem()).unwrap().with_key_id(course.platform.key_id());
    let (client_id, endpoint) = (course.platform.client_id(), course.platform.token_endpoint());
    let registration = Registration::new(client_id, &endpoint, key).unwrap();
    let registration = registration.with_audience(course.platform.audience());
    course.tool = Arc::new(T::assemble(registration, impatient(), Limits::default()));
    let error = course.grade(&course.learner(0), 10.0).unwrap_err();
    let failed = course.cannot(Cannot::RefuseKey).map(|_| ErrorKind::ServerError);
    let kind = failed.unwrap_or(ErrorKind::TokenRefused);
    assert_eq!(error.kind(), kind, "{error}");
    assert_eq!(error.operation(), Some("token request"));
    assert_eq!(course.platform.ledger().service_requests().len(), 0);
}

// AGS-HTTP-04
fn throttling_is_recognised_by_its_shape<T: Tool>(like: Personality) {
    let mut policy = impatient();
    policy.max_attempts = 1;
    let course = Course::<T>::under(like, policy, |platform| platform);
    let learner = course.learner(0);
    course.platform.script(Route::Scores, Script::throttled());
    let error = course.grade(&learner, 10.0).unwrap_err();
    let after = course.can(Cannot::SayHowLong).then_some(Duration::from_secs(1));
    assert_eq!(error.kind(), ErrorKind::RateLimited { after }, "{error}");
    assert!(error.is_transient());
    course.grade(&learner, 10.0).unwrap();
    assert_eq!(course.platform.ledger().token_requests().len(), 1);
    course.end();
}

// AGS-HTTP-04
fn throttling_is_survived<T: Tool>(like: Personality) {
    let course = Course::<T>::on(like);
    let learner = course.learner(0);
    let throttled = if course.can(Cannot::SayHowLong) {
        // What it says itself would take a second.
        Script::reply(429).header("Retry-After", "0")
    } else {
        Script::throttled()
    };
    course.platform.script(Route::Any, throttled.clone());
    course.platform.script(Route::Scores, throttled.times(2));
    assert_eq!(course.grade(&learner, 10.0).unwrap().attempts, 3);
    assert_eq!(course.points(&learner), Some(10.0));
    assert_eq!(course.platform.ledger().token_requests().len(), 2, "the first one was throttled");
    course.end();
}
