//! Tokens that go from one session to another, and through a store that processes share.

use std::time::Duration;

use crate::common::{self, TOKEN, Tool, answer, key, registration, shown, token_answer};
use lti_ags::{
    ErrorKind, InFlight, Inquiry, Policy, PostScore, Registration, Scope, Score, Seed, Session, Step,
    StoreTerms, StoredToken, UnusableToken,
};

fn post() -> PostScore {
    PostScore::new(Score::graded("u-1001", 85.0, 100.0).build().unwrap())
}

/// A tool with a token, and that token.
fn stored() -> (Tool, StoredToken) {
    let mut tool = Tool::new();
    tool.call(post()).unwrap();
    let token = tool.session.tokens(tool.now).pop().unwrap();
    (tool, token)
}

fn begun(tool: &mut Tool) -> InFlight<PostScore> {
    match tool.session.begin(&tool.endpoint, post(), tool.now) {
        Step::Send(_, in_flight) if in_flight.lease().is_some() => in_flight,
        step => panic!("{step:?}"),
    }
}

/// What a call makes of a token that a store has, and whether it uses it.
fn offered(tool: &mut Tool, in_flight: InFlight<PostScore>, token: &StoredToken) -> (Step<PostScore>, bool) {
    let terms = StoreTerms::new(Duration::from_secs(30));
    let Inquiry::Load(loading) = Inquiry::begin(in_flight.lease().unwrap(), terms) else { panic!() };
    let inquiry = loading.loaded(&mut tool.session, tool.now, Ok::<_, ()>(Some(token.clone())));
    let is_used = matches!(inquiry, Inquiry::Withdraw(None));
    (in_flight.withdraw(&mut tool.session, tool.now), is_used)
}

/// How a call goes on with a token that a store has.
#[track_caller]
fn adopted(tool: &mut Tool, in_flight: InFlight<PostScore>, token: &StoredToken) -> Step<PostScore> {
    let (step, is_used) = offered(tool, in_flight, token);
    assert!(is_used);
    step
}

#[test]
fn a_token_serves_another_session() {
    let (tool, token) = stored();
    let again = StoredToken::from_json(&token.to_json()).unwrap();
    assert_eq!(again, token);
    assert_eq!(token.expires(), tool.now + Duration::from_secs(3600));
    assert_eq!(token.grant().lifetime, Duration::from_secs(3600));

    let mut other = Tool::new();
    other.session.insert_token(&again, other.now).unwrap();
    other.call(post()).unwrap();
    assert_eq!(other.counts(), (0, 1));
    assert_eq!(other.requests[0].headers()["authorization"], format!("Bearer {TOKEN}"));
}

#[test]
fn a_stored_token_is_shown_by_nothing_but_its_json() {
    let (tool, token) = stored();
    assert!(token.to_json().contains(TOKEN));
    let seen = format!("{token:?} {token:#?} {} {:?}", token.key(), tool.session);
    assert!(!seen.contains(TOKEN), "{seen}");
    for json in [
        token.to_json().replace("\"version\":1", &format!("\"version\":\"{TOKEN}\"")),
        token.to_json().replace("\"version\":1", "\"version\":2"),
        token.to_json().replace("3600", "0"),
        token.to_json().replace(TOKEN, &format!("{TOKEN}\\n")),
        token.to_json().replace("2026", "nf"),
        TOKEN.to_owned(),
    ] {
        let error = StoredToken::from_json(&json).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(!shown(&error).contains(TOKEN), "{error:?}");
    }
}

#[test]
fn a_token_with_quotes_in_it_survives() {
    let mut tool = Tool::new().token_answers([token_answer(r#"{"access_token":"a\"b\\c","expires_in":60}"#)]);
    tool.call(post()).unwrap();
    let token = tool.session.tokens(tool.now).pop().unwrap();
    assert_eq!(StoredToken::from_json(&token.to_json()).unwrap(), token);
}

#[test]
fn a_token_of_another_registration_is_not_taken() {
    // AGS-CLAIM-13
    let (_, token) = stored();
    let endpoint = common::TOKEN_ENDPOINT;
    for theirs in [
        Registration::new("tool-of-another-tenant", endpoint, key()).unwrap().with_deployment_id("dep-42"),
        Registration::new("tool-7f3a", "https://other.test/token", key())
            .unwrap()
            .with_deployment_id("dep-42"),
        Registration::new("tool-7f3a", endpoint, key()).unwrap().with_deployment_id("dep-43"),
        Registration::new("tool-7f3a", endpoint, key()).unwrap(),
    ] {
        let mut other = Tool::with(theirs, Policy::default());
        assert_eq!(other.session.insert_token(&token, other.now), Err(UnusableToken::Foreign));
        let in_flight = begun(&mut other);
        assert_ne!(in_flight.lease().unwrap().key(), token.key());
        let (step, is_used) = offered(&mut other, in_flight, &token);
        assert!(!is_used && matches!(step, Step::Send(..)), "{step:?}");
    }
}

#[test]
fn a_token_is_taken_until_its_margin_whatever_the_clocks() {
    let (tool, token) = stored();
    let at = |after: i64| {
        let now = tool.now + jiff::SignedDuration::from_secs(after);
        Session::new(registration(), Seed::new(9)).insert_token(&token, now)
    };
    assert_eq!(at(3539), Ok(()));
    assert_eq!(at(3540), Err(UnusableToken::Expired));
    assert_eq!(at(100_000), Err(UnusableToken::Expired));
    // Of two machines, one's clock is behind: the token still lasts no longer than it was given for.
    assert_eq!(at(-86_400), Ok(()));
    let mut other = Tool::new();
    other.now -= Duration::from_secs(86_400);
    other.session.insert_token(&token, other.now).unwrap();
    other.now += Duration::from_secs(3540);
    other.call(post()).unwrap();
    assert_eq!(other.token_requests.len(), 1);
}

#[test]
fn a_token_that_lasts_longer_is_kept() {
    let (_, older) = stored();
    let newer = token_answer(r#"{"access_token":"newer","expires_in":3600}"#);
    let mut tool = Tool::new().token_answers([newer]);
    tool.now += Duration::from_secs(60);
    tool.call(post()).unwrap();
    let newer = tool.session.tokens(tool.now);
    tool.session.insert_token(&older, tool.now).unwrap();
    assert_eq!(tool.session.tokens(tool.now), newer);
    let mut other = Tool::new();
    other.session.insert_token(&older, other.now).unwrap();
    other.session.insert_token(&newer[0], other.now).unwrap();
    assert_eq!(other.session.tokens(other.now), newer);
}

#[test]
fn a_call_adopts_a_token_in_place_of_fetching_one() {
    let (_, token) = stored();
    let mut tool = Tool::new();
    let in_flight = begun(&mut tool);
    assert_eq!(in_flight.lease().unwrap().key(), token.key());
    assert!(token.key().is_ascii() && !token.key().contains(char::is_whitespace));
    let Step::Wait(_, waiting) = tool.session.begin(&tool.endpoint, post(), tool.now) else { panic!() };
    let revision = tool.session.revision();
    let step = adopted(&mut tool, in_flight, &token);
    tool.drive(step).unwrap();
    // Those who waited are woken.
    assert_ne!(tool.session.revision(), revision);
    let step = waiting.resume(&mut tool.session, tool.now);
    tool.drive(step).unwrap();
    assert_eq!(tool.counts(), (0, 2));
}

#[test]
fn what_a_service_refused_is_not_adopted_again() {
    let (_, token) = stored();
    let mut tool = Tool::new().answers([answer(401, "")]);
    let in_flight = begun(&mut tool);
    let step = adopted(&mut tool, in_flight, &token);
    // The 401 makes the call fetch: the store still holds the same.
    let Step::Send(_, in_flight) = step else { panic!() };
    let step = in_flight.receive(&mut tool.session, tool.now, answer(401, ""));
    let Step::Send(_, in_flight) = step else { panic!() };
    let (step, is_used) = offered(&mut tool, in_flight, &token);
    assert!(!is_used);
    let Step::Send(_, in_flight) = step else { panic!() };
    assert_eq!(tool.session.insert_token(&token, tool.now), Err(UnusableToken::Rejected));

    let lease = in_flight.lease().unwrap().clone();
    let fetched = token_answer(r#"{"access_token":"newer","expires_in":3600}"#);
    let step = in_flight.receive(&mut tool.session, tool.now, fetched);
    let newer = tool.session.tokens(tool.now).pop().unwrap();
    assert!(newer.to_json().contains("newer") && newer.key() == lease.key());
    tool.answers.clear();
    assert_eq!(tool.drive(step).unwrap().attempts, 2);
}

#[test]
fn a_403_to_an_adopted_token_is_worth_a_new_one() {
    // Open edX answers 403 to an expired token; that one was not new, though the call has just got it.
    let (_, token) = stored();
    let mut tool = Tool::new().answers([answer(403, "")]);
    let in_flight = begun(&mut tool);
    let step = adopted(&mut tool, in_flight, &token);
    tool.drive(step).unwrap();
    assert_eq!(tool.counts(), (1, 2));
}

#[test]
fn two_stale_tokens_of_a_store_are_survived_and_a_third_ends_the_call() {
    let tokens = ["one", "two", "three"].map(|text| {
        let mut tool = Tool::new().token_answers([token_answer(&format!(
            r#"{{"access_token":"stale-{text}","expires_in":3600}}"#
        ))]);
        tool.call(post()).unwrap();
        tool.session.tokens(tool.now).pop().unwrap()
    });
    for (stale, refusals) in [(2, 0), (3, 1)] {
        let mut tool = Tool::new();
        let mut stored = tokens.iter().take(stale);
        let mut step = tool.session.begin(&tool.endpoint, post(), tool.now);
        let mut exchanges = 0;
        let result = loop {
            step = match step {
                Step::Send(_, in_flight) if in_flight.lease().is_some() => match stored.next() {
                    Some(token) => adopted(&mut tool, in_flight, token),
                    None => in_flight.receive(
                        &mut tool.session,
                        tool.now,
                        token_answer(r#"{"access_token":"fresh","expires_in":3600}"#),
                    ),
                },
                Step::Send(request, in_flight) => {
                    exchanges += 1;
                    let is_fresh = request.headers()["authorization"] == "Bearer fresh";
                    let answer = answer(if is_fresh { 204 } else { 401 }, "");
                    in_flight.receive(&mut tool.session, tool.now, answer)
                }
                Step::Wait(..) => panic!("nobody throttles"),
                Step::Done(result) => break result,
            };
        };
        assert_eq!((exchanges, u32::from(result.is_err())), (3, refusals));
    }
}

#[test]
fn a_token_for_other_scopes_is_not_adopted() {
    let mut narrow = Policy::default();
    narrow.token_scopes = lti_ags::TokenScopes::OfOperation;
    let mut other = Tool::with_policy(narrow);
    other.call(post()).unwrap();
    let token = other.session.tokens(other.now).pop().unwrap();
    let mut tool = Tool::new();
    let in_flight = begun(&mut tool);
    assert_ne!(in_flight.lease().unwrap().key(), token.key());
    assert!(!offered(&mut tool, in_flight, &token).1);
}

#[test]
fn a_token_without_lifetime_is_nobody_elses() {
    let mut tool = Tool::new().token_answers([token_answer(r#"{"access_token":"once","expires_in":0}"#)]);
    tool.call(post()).unwrap();
    assert_eq!(tool.session.tokens(tool.now), []);
}

#[test]
fn a_stored_token_that_a_platform_repeats_is_redacted() {
    // AGS-SEC-08
    let (_, token) = stored();
    let mut tool = Tool::new().answers([answer(400, &format!("bad token {TOKEN}"))]);
    tool.session.insert_token(&token, tool.now).unwrap();
    let error = tool.call(post()).unwrap_err();
    assert!(!shown(&error).contains(TOKEN), "{error:?}");
    assert_eq!(tool.session.redact(TOKEN), "[redacted]");
}

#[test]
fn scopes_are_stored_as_granted_and_as_asked() {
    let body = format!(r#"{{"access_token":"t","expires_in":90,"scope":"{}"}}"#, Scope::SCORE);
    let mut tool = Tool::new().token_answers([token_answer(&body)]);
    tool.call(post()).unwrap();
    let token = tool.session.tokens(tool.now).pop().unwrap();
    let json: serde_json::Value = serde_json::from_str(&token.to_json()).unwrap();
    assert_eq!(json["asked"].as_array().unwrap().len(), 4);
    assert_eq!(json["scope"], serde_json::json!([Scope::SCORE]));
    // A short life has a short margin, in the other session as well.
    let at = |seconds| {
        Session::new(registration(), Seed::new(9))
            .insert_token(&token, tool.now + Duration::from_secs(seconds))
    };
    assert_eq!((at(44), at(45)), (Ok(()), Err(UnusableToken::Expired)));
}
