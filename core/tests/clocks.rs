//! Clocks that jump, and deadlines, in every state that a call can be in.

use std::time::Duration;

use crate::common::{self, LINE_ITEMS, TOKEN, Tool, answer, answer_with, graded, in_doubt, token_answer};
use jiff::SignedDuration;
use lti_ags::{
    EnsureLineItem, ErrorKind, Inquiry, NewLineItem, Policy, PostScore, Step, StoreTerms, Timestamp,
};
use proptest::prelude::*;

const JUMPS: [i64; 6] = [-86_400, -3_600, -1, 1, 3_600, 86_400];

fn post() -> PostScore {
    PostScore::new(graded().build().unwrap())
}

/// Brings a tool into a state, and gives the call that is in it.
type State = (&'static str, fn(&mut Tool) -> Step<PostScore>);

fn begun(tool: &mut Tool) -> Step<PostScore> {
    tool.session.begin(&tool.endpoint, post(), tool.now)
}

/// The call meets this answer next.
fn met(tool: &mut Tool, step: Step<PostScore>, answer: common::Answer) -> Step<PostScore> {
    let Step::Send(_, in_flight) = step else { panic!("{step:?}") };
    in_flight.receive(&mut tool.session, tool.now, answer)
}

const STATES: [State; 9] = [
    ("fetching", begun),
    ("waiting for the token", |tool| {
        let fetching = begun(tool);
        let waiting = begun(tool);
        // The one that fetches is dropped.
        drop(fetching);
        waiting
    }),
    ("deferring", |tool| {
        let Step::Send(_, in_flight) = begun(tool) else { panic!() };
        let lease = in_flight.lease().unwrap();
        let Inquiry::Load(loading) = Inquiry::begin(lease, StoreTerms::new(Duration::from_secs(1))) else {
            panic!()
        };
        let inquiry = loading.loaded(&mut tool.session, tool.now, Ok::<_, ()>(None));
        let Inquiry::TryLock(locking) = inquiry else { panic!() };
        let inquiry = locking.answered(&mut tool.session, tool.now, Ok::<_, ()>(false));
        assert!(matches!(inquiry, Inquiry::Withdraw(None)));
        in_flight.withdraw(&mut tool.session, tool.now)
    }),
    ("cooling", |tool| {
        let step = begun(tool);
        met(tool, step, answer(503, ""))
    }),
    ("holding a token", |tool| {
        tool.call(post()).unwrap();
        begun(tool)
    }),
    ("throttled", |tool| {
        tool.call(post()).unwrap();
        let step = begun(tool);
        met(tool, step, answer_with(429, &[("retry-after", b"30")], b""))
    }),
    ("resting", |tool| {
        tool.call(post()).unwrap();
        let step = begun(tool);
        met(tool, step, in_doubt())
    }),
    ("waiting for its turn", |tool| {
        tool.call(post()).unwrap();
        for left in ["600", "95"] {
            let step = begun(tool);
            let limits = answer_with(204, &[("x-rate-limit-remaining", left.as_bytes())], b"");
            let Step::Done(Ok(_)) = met(tool, step, limits) else { panic!() };
        }
        let step = begun(tool);
        assert!(matches!(step, Step::Wait(..)), "{step:?}");
        step
    }),
    ("restrained", |tool| {
        tool.call(post()).unwrap();
        let step = begun(tool);
        met(tool, step, answer(429, ""))
    }),
];

#[test]
fn a_clock_that_jumps_leaves_nobody_waiting() {
    for (state, bring) in STATES {
        for jump in JUMPS {
            let mut tool = Tool::new();
            let step = bring(&mut tool);
            tool.now += SignedDuration::from_secs(jump);
            let jumped = tool.now;
            // The call in that state ends, well or in time.
            let result = tool.drive(step);
            let lasted = tool.now.duration_since(jumped);
            let longest = SignedDuration::from_secs(120);
            assert!(lasted <= longest, "{state}, {jump}: {lasted:?}, {result:?}");
            if let Err(error) = result {
                assert!(jump >= 3_600 && error.is_transient(), "{state}, {jump}: {error:?}");
            }
            // Others go on as if nothing had happened.
            let before = tool.now;
            tool.call(post()).unwrap();
            let lasted = tool.now.duration_since(before);
            assert!(
                lasted <= SignedDuration::from_secs(61),
                "{state}, {jump}: another call lasted {lasted:?}"
            );
        }
    }
}

#[test]
fn the_exchanges_of_a_call_share_its_deadline() {
    let mut policy = Policy::default();
    policy.deadline = Duration::from_secs(20);
    let mut tool = Tool::with_policy(policy);
    tool.call(post()).unwrap();
    tool.exchange_time = Duration::from_secs(15);
    for page in 2..9 {
        let next = format!("<{LINE_ITEMS}?page={page}>; rel=next");
        tool.answers.push_back(answer_with(200, &[("link", next.as_bytes())], b"[]"));
    }
    let lab = NewLineItem::new("Lab 3", 20.0).unwrap().with_tag("grade");
    let error = tool.call(EnsureLineItem::new(lab)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    // One at the beginning, and one after fifteen seconds.
    assert_eq!(tool.counts(), (1, 1 + 2));
}

#[test]
fn a_clock_that_goes_back_and_forth_costs_no_token_each_time() {
    let mut tool = Tool::new();
    tool.call(post()).unwrap();
    for _ in 0..20 {
        tool.now += Duration::from_secs(2);
        tool.call(post()).unwrap();
        tool.now -= Duration::from_secs(1);
        tool.call(post()).unwrap();
    }
    assert_eq!(tool.token_requests.len(), 1);
}

#[test]
fn an_assertion_is_back_dated_for_a_platform_whose_clock_is_behind() {
    let mut policy = Policy::default();
    policy.back_dating = Duration::from_secs(45);
    let mut tool = Tool::with_policy(policy);
    tool.call(post()).unwrap();
    let (_, claims) = tool.assertion(0);
    let now = common::noon().as_second();
    assert_eq!(claims["iat"], now - 45);
    // Canvas takes none that is older than five minutes.
    assert_eq!(claims["exp"], now + 300);
}

/// What a platform may answer: how it is, and how long it takes in milliseconds.
fn answers() -> impl Strategy<Value = Vec<(u8, u64)>> {
    prop::collection::vec((0_u8..9, 0_u64..20_000), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_call_outlives_its_deadline_by_more_than_an_exchange(
        script in answers(),
        seconds in 1_u64..200,
        attempts in 1_u32..12,
    ) {
        let mut policy = Policy::default();
        (policy.deadline, policy.max_attempts) = (Duration::from_secs(seconds), attempts);
        let mut tool = Tool::with_policy(policy);
        let begun = tool.now;
        let deadline = SignedDuration::from_secs(i64::try_from(seconds).unwrap());
        let mut script = script.into_iter();
        let mut step = tool.session.begin(&tool.endpoint, post(), tool.now);
        let mut longest = SignedDuration::ZERO;
        let mut services = 0;
        loop {
            step = match step {
                Step::Done(Err(error)) => {
                    prop_assert_ne!(error.kind(), ErrorKind::InvalidInput);
                    break;
                }
                Step::Done(Ok(_)) => break,
                Step::Wait(delay, paused) => {
                    prop_assert!(tool.now.duration_since(begun) + SignedDuration::try_from(delay).unwrap() <= deadline);
                    tool.now += delay;
                    paused.resume(&mut tool.session, tool.now)
                }
                Step::Send(_, in_flight) => {
                    prop_assert!(tool.now.duration_since(begun) < deadline, "sent after the deadline");
                    let (kind, millis) = script.next().unwrap_or((8, 20_000));
                    let took = Duration::from_millis(millis);
                    longest = longest.max(SignedDuration::try_from(took).unwrap());
                    tool.now += took;
                    let is_token = in_flight.lease().is_some();
                    services += u32::from(!is_token);
                    let outcome = match kind {
                        0 => in_doubt(),
                        1 => common::not_sent(),
                        2 => answer(503, ""),
                        3 => answer_with(429, &[("retry-after", b"9")], b""),
                        4 => answer_with(403, &[("x-rate-limit-remaining", b"0.0")], b""),
                        5 => answer(401, ""),
                        6 => answer(500, ""),
                        7 => answer_with(503, &[("retry-after", b"Mon, 02 Mar 2026 09:00:40 GMT")], b""),
                        _ if is_token => token_answer(r#"{"access_token":"t","expires_in":3600}"#),
                        _ => answer(502, ""),
                    };
                    in_flight.receive(&mut tool.session, tool.now, outcome)
                }
            };
        }
        prop_assert!(tool.now.duration_since(begun) <= deadline + longest);
        prop_assert!(services <= attempts + 2, "{services} requests");
    }
}

#[test]
fn a_clock_that_jumps_ends_no_call_wrongly_and_hangs_none() {
    let hour = Duration::from_secs(3_600);
    let year = hour * 24 * 366;
    for (forward, jump) in [(false, hour), (true, year), (false, year * 30), (true, year * 3_000)] {
        let jumped = |now: Timestamp| {
            let moved = if forward { now.checked_add(jump) } else { now.checked_sub(jump) };
            moved.unwrap_or(if forward { Timestamp::MAX } else { Timestamp::MIN })
        };
        // While the token is fetched, and while the score is under way.
        let mut tool = Tool::new();
        let Step::Send(_, in_flight) = begun(&mut tool) else { panic!() };
        let granted = || token_answer(&format!(r#"{{"access_token":"{TOKEN}","expires_in":3600}}"#));
        match in_flight.receive(&mut tool.session, jumped(tool.now), granted()) {
            Step::Send(_, in_flight) => {
                let end = in_flight.receive(&mut tool.session, tool.now, answer(204, ""));
                assert!(matches!(end, Step::Done(Ok(_))), "{end:?}");
            }
            Step::Done(Err(error)) if forward => assert_eq!(error.kind(), ErrorKind::Timeout),
            other => panic!("{other:?}"),
        }
        // While it rests between two attempts.
        let mut tool = Tool::new().answers([answer(503, ""), answer(503, "")]);
        let step = tool.session.begin(&tool.endpoint, post(), tool.now);
        let mut steps = 0;
        let mut step = step;
        let result = loop {
            steps += 1;
            assert!(steps < 30, "it spins");
            step = match step {
                Step::Done(result) => break result,
                Step::Send(request, in_flight) => {
                    let reply =
                        if request.uri().path().ends_with("/token") { granted() } else { answer(503, "") };
                    in_flight.receive(&mut tool.session, tool.now, reply)
                }
                Step::Wait(delay, paused) => {
                    assert!(delay <= Duration::from_secs(120));
                    tool.now = jumped(tool.now);
                    paused.resume(&mut tool.session, tool.now)
                }
            };
        };
        assert_eq!(result.unwrap_err().kind(), ErrorKind::ServerError);
        // Whoever comes next is served.
        tool.answers.clear();
        tool.call(post()).unwrap();
    }
}
