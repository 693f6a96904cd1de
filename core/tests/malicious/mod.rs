//! A platform that means harm, without sockets: where it may lead a token, what it may put into errors and logs, and what
//! it may cost. `tests/ATTACKS.md` lists each attack with its test.

mod answers;
mod any_echo;
mod astray;
mod costs;
mod echoes;
mod grants;
mod injection;
mod limits;

use std::error::Error as StdError;
use std::fmt::Write as _;

use lti_ags::http::Request;
use lti_ags::{Bytes, Error, NewLineItem, Policy, PostScore, Score};

/// All that anybody can print of an error.
fn shown(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {error:#?}");
    if let Some(refusal) = error.refusal() {
        let _ = write!(text, "{refusal} {refusal:?} {} {:?}", refusal.body(), refusal.required_scopes());
        let _ = write!(text, "{:?} {:?}", refusal.content_type(), refusal.error_code());
    }
    let mut source = error.source();
    while let Some(error) = source {
        let _ = write!(text, " {error} {error:?}");
        source = error.source();
    }
    text
}

#[track_caller]
fn assert_hides(error: &Error, secrets: &[&str]) {
    let text = shown(error);
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
    let line = error.to_string();
    assert!(!line.contains(char::is_control), "{line:?}");
    assert!(line.chars().count() < 1_000, "{} characters", line.chars().count());
}

fn score() -> PostScore {
    PostScore::new(Score::graded("u-1001", 85.0, 100.0).comment("Do see me, Ann").build().unwrap())
}

fn essay() -> NewLineItem {
    NewLineItem::new("Essay", 10.0).unwrap().with_resource_id("e-1")
}

fn once() -> Policy {
    let mut policy = Policy::default();
    policy.max_attempts = 1;
    policy
}

fn form(request: &Request<Bytes>, name: &str) -> String {
    let mut pairs = url::form_urlencoded::parse(request.body());
    pairs.find(|(key, _)| key == name).unwrap().1.into_owned()
}
