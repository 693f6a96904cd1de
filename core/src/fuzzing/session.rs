//! Any interleaving of several calls on one session, with any answers, faults and clock, as a script of one act a line:
//!
//! ```text
//! p3                begin with a policy other than the default: see `policy`
//! +s                begin to post a score; `+a` to authorize, `+m` to read members, another service
//! +g<URL>           begin to read; `+w<URL>` to write what must not be sent twice; `+c<URL>` to write, then look, twice
//! 0=                the first call is answered as it wishes to be
//! 0<503|retry-after: 7||body     … or so: status, headers, body
//! 0!nt              … or not at all: `n`ot sent or in `d`oubt; `t`imeout, t`l`s, too lar`g`e, `p`rotocol, else connection
//! 0>                … resumes, whether or not its time has come
//! 0-                … is dropped; `0~` too, and gives its lease back
//! 0s                … adopts the token in the store in place of fetching one, or defers to another process
//! $                 the session's newest token is put into the store
//! @-1500            the clock moves by milliseconds
//! ?                 refusals are forgotten
//! ```
//!
//! At the end, those who are left are driven on until they end, which they must.

use std::time::Duration;

use jiff::Timestamp;

use super::platform::{self, ALLOWED, COMMENT, nine};
use probe::{Probe, Purpose};
use watch::{Call, Driven, Platform, State};

use crate::{Cause, Policy, PostScore, Score, TokenScopes, TransportError};

mod probe;
mod watch;

/// Later acts are left out: a script that goes on for ever finds nothing new.
const MOST_ACTS: usize = 200;
const MOST_CALLS: usize = 10;
/// More than any call can take: five exchanges of at most eleven requests, a token and a wait for each; and a look every
/// second, or oftener, whether it is its turn, up to the deadline: a millisecond apart at the least.
const MOST_STEPS: usize = 4_000;

/// See the module.
pub fn session(data: &[u8]) {
    let mut acts = data.split(|byte| *byte == b'\n').take(MOST_ACTS).peekable();
    let policy = acts.next_if(|act| act.first() == Some(&b'p')).map(policy).unwrap_or_default();
    let mut platform = Platform::new(platform::session(policy));
    let mut calls: Vec<Box<dyn Driven>> = Vec::new();
    for act in acts {
        match *act {
            [b'+', kind, ref url @ ..] if calls.len() < MOST_CALLS => {
                calls.push(begin(&mut platform, calls.len(), kind, std::str::from_utf8(url).unwrap_or("/")));
            }
            [b'@', ref by @ ..] => platform.now = moved(platform.now, by),
            [b'?'] => {
                platform.session.forget_tokens();
                platform.rejected.clear();
            }
            [b'$'] => platform.store(),
            [number @ b'0'..=b'9', verb, ref rest @ ..] => {
                if let Some(call) = calls.get_mut(usize::from(number - b'0')) {
                    act_on(&mut **call, &mut platform, verb, rest);
                }
            }
            _ => {}
        }
    }
    for call in &mut calls {
        drive_on(&mut **call, &mut platform, data.len());
    }
}

fn act_on(call: &mut dyn Driven, platform: &mut Platform, verb: u8, rest: &[u8]) {
    match (verb, call.state()) {
        (b'=', State::AwaitsToken) => call.receive(platform, Ok(platform::token_answer())),
        (b'=', State::AwaitsAnswer) => call.receive(platform, Ok(platform::answer(b"204", b"", 204))),
        (b'<', State::AwaitsToken | State::AwaitsAnswer) => {
            let (head, body) = platform::split(rest, b"||");
            call.receive(platform, Ok(platform::answer(head, body, 200)));
        }
        (b'!', State::AwaitsToken | State::AwaitsAnswer) => call.receive(platform, Err(fault(rest))),
        (b'>', State::Waits(_)) => call.resume(platform),
        (b's', State::AwaitsToken) => call.share(platform),
        (b'-', _) => call.leave(platform, false),
        (b'~', _) => call.leave(platform, true),
        _ => {}
    }
}

fn policy(act: &[u8]) -> Policy {
    let bits = act.get(1).copied().unwrap_or_default();
    let mut policy = Policy::default();
    if bits & 1 != 0 {
        policy.token_scopes = TokenScopes::OfOperation;
    }
    if bits & 2 != 0 {
        policy.allow_origins.push(ALLOWED.parse().unwrap());
    }
    if bits & 4 != 0 {
        (policy.max_attempts, policy.deadline) = (2, Duration::from_secs(10));
    }
    if bits & 8 != 0 {
        (policy.backoff, policy.max_retry_after) = (Duration::ZERO, Duration::from_secs(3600));
    }
    policy
}

fn begin(platform: &mut Platform, number: usize, kind: u8, url: &str) -> Box<dyn Driven> {
    let endpoint = platform::endpoint();
    let now = platform.now;
    let (session, replayed) = (&mut platform.session, kind != b'w' && kind != b'c');
    let probe = |purpose| Probe::new(purpose, url);
    match kind {
        b'a' => {
            let step = session.authorize(&endpoint, now);
            Call::begun(platform, number, replayed, step)
        }
        b's' => {
            let score = Score::graded("u-1001", 85.0, 100.0).comment(COMMENT).build().unwrap();
            let step = session.begin(&endpoint, PostScore::new(score), now);
            Call::begun(platform, number, replayed, step)
        }
        _ => {
            let probe = match kind {
                b'm' => probe(Purpose::Members),
                b'w' => probe(Purpose::Write),
                b'c' => probe(Purpose::WriteAndLook),
                _ => probe(Purpose::Read),
            };
            let step = session.begin(&endpoint, probe, now);
            Call::begun(platform, number, replayed, step)
        }
    }
}

fn fault(what: &[u8]) -> TransportError {
    let cause = match what.get(1) {
        Some(b't') => Cause::Timeout,
        Some(b'l') => Cause::Tls,
        Some(b'g') => Cause::TooLarge,
        Some(b'p') => Cause::Protocol,
        _ => Cause::Connection,
    };
    match what.first() {
        Some(b'd') => TransportError::in_doubt(cause, "no answer"),
        _ => TransportError::not_sent(cause, "no connection"),
    }
}

/// The clock, moved; it stays within four thousand years, which leaves each wait room to end.
fn moved(now: Timestamp, by: &[u8]) -> Timestamp {
    let by = std::str::from_utf8(by).ok().and_then(|by| by.parse::<i64>().ok()).unwrap_or_default();
    let four_thousand_years = 4_000 * 31_557_600_000;
    let by = by.clamp(-four_thousand_years, four_thousand_years);
    let bounds =
        (nine().as_millisecond() - four_thousand_years / 2, nine().as_millisecond() + four_thousand_years);
    Timestamp::from_millisecond((now.as_millisecond() + by).clamp(bounds.0, bounds.1)).unwrap_or(now)
}

/// Drives a call to its end, on a platform that gives tokens and is in one of three moods.
fn drive_on(call: &mut dyn Driven, platform: &mut Platform, mood: usize) {
    for _ in 0..MOST_STEPS {
        match call.state() {
            State::Over => return,
            State::AwaitsToken => call.receive(platform, Ok(platform::token_answer())),
            State::AwaitsAnswer => {
                let status: &[u8] = [&b"204"[..], b"401", b"503"][mood % 3];
                call.receive(platform, Ok(platform::answer(status, b"", 204)));
            }
            State::Waits(delay) => {
                platform.now = platform.now.checked_add(delay).unwrap();
                call.resume(platform);
            }
        }
    }
    panic!("a call does not end");
}
