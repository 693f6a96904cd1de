//! Answers to the three requests that everyone sends: for a token, and with a score, taken or refused.

use std::time::Duration;

use http::{Response, StatusCode};

use super::platform::{self, COMMENT, TOKEN, check_error, nine};
use crate::{Outcome, Policy, PostScore, Receipt, Score, Session, Step};

/// Stands in a seed for the assertion of the request.
const ECHO: &str = "{assertion}";

/// Any answer to a token request gives a token that is fit for a header, or an error that says why not.
pub fn token_response(data: &[u8]) {
    let mut session = platform::session(Policy::default());
    let endpoint = platform::endpoint();
    let now = nine();
    let Step::Send(request, in_flight) = session.authorize(&endpoint, now) else {
        panic!("no token request")
    };
    assert!(in_flight.lease().is_some() && !request.headers().contains_key("authorization"));
    let form = url::form_urlencoded::parse(request.body());
    let assertion =
        form.into_owned().find_map(|(name, value)| (name == "client_assertion").then_some(value)).unwrap();
    let secrets = [&*assertion];
    // Platforms repeat what they were sent.
    let mut answer = platform::whole_answer(data, 200);
    if let Some((before, after)) =
        std::str::from_utf8(answer.body()).ok().and_then(|body| body.split_once(ECHO))
    {
        *answer.body_mut() = format!("{before}{assertion}{after}").into_bytes();
    }
    match in_flight.receive(&mut session, now, Ok(answer)) {
        Step::Done(Ok(grant)) => assert!(grant.lifetime <= Duration::from_secs(366 * 86_400)),
        Step::Done(Err(error)) => {
            check_error(&error, &secrets);
            // Not of a grant: the names of its scopes are data.
            platform::check_secrets(&format!("{session:?}"), &secrets);
        }
        Step::Wait(delay, _) => assert!(!delay.is_zero() && delay <= session.policy().deadline),
        // The scopes were refused together: the next request asks again, for the same ones.
        Step::Send(..) => {}
    }
    match session.begin(&endpoint, post(), now) {
        Step::Send(request, in_flight) => {
            if in_flight.lease().is_none() {
                let authorization = &request.headers()["authorization"];
                let token = authorization.as_bytes().strip_prefix(b"Bearer ").unwrap();
                assert!(authorization.is_sensitive() && !token.is_empty());
                assert!(token.iter().all(u8::is_ascii_graphic), "{token:?}");
            }
        }
        Step::Done(Err(error)) => check_error(&error, &secrets),
        Step::Done(Ok(_)) => panic!("nothing was sent"),
        Step::Wait(..) => {}
    }
}

/// Any answer below 300 to a score gives a receipt, or an error where the platform hid a refusal in it.
pub fn score_reply(data: &[u8]) {
    let mut answer = platform::whole_answer(data, 200);
    if !answer.status().is_success() {
        *answer.status_mut() = StatusCode::OK;
    }
    match outcome(&answer) {
        Ok(receipt) => assert_eq!((receipt.outcome, receipt.attempts), (Outcome::Sent, 1)),
        Err(error) => check_error(&error, &[TOKEN, COMMENT]),
    }
}

/// Any answer from 300 on, however often it is given, ends the call; what is shown of it is fit to be shown.
pub fn refusal(data: &[u8]) {
    let mut answer = platform::whole_answer(data, 400);
    if answer.status().as_u16() < 300 {
        *answer.status_mut() = StatusCode::BAD_REQUEST;
    }
    match outcome(&answer) {
        Ok(receipt) => assert_eq!(receipt.outcome, Outcome::Superseded),
        Err(error) => {
            check_error(&error, &[TOKEN, COMMENT]);
            assert_eq!(error.status(), Some(answer.status()));
        }
    }
}

fn post() -> PostScore {
    PostScore::new(Score::graded("u-1001", 85.0, 100.0).comment(COMMENT).build().unwrap())
}

/// What becomes of a score to which the platform always gives this answer.
fn outcome(answer: &Response<Vec<u8>>) -> Result<Receipt, crate::Error> {
    let mut session: Session = platform::session(Policy::default());
    let mut now = nine();
    let mut step = session.begin(&platform::endpoint(), post(), now);
    for _ in 0..200 {
        step = match step {
            Step::Send(request, in_flight) if in_flight.lease().is_none() => {
                assert_eq!(request.headers()["authorization"], format!("Bearer {TOKEN}"));
                in_flight.receive(&mut session, now, Ok(answer.clone()))
            }
            Step::Send(_, in_flight) => in_flight.receive(&mut session, now, Ok(platform::token_answer())),
            Step::Wait(delay, paused) => {
                assert!(!delay.is_zero());
                now = now.checked_add(delay).unwrap();
                paused.resume(&mut session, now)
            }
            Step::Done(result) => {
                platform::check_secrets(&format!("{session:?}"), &[TOKEN, COMMENT]);
                return result;
            }
        };
    }
    panic!("it goes on for ever");
}
