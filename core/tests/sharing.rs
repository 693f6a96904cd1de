//! What a client asks a store of tokens, and what each answer makes of its calls. No store, and time as an argument.

use std::time::Duration;

use crate::common::{self, TOKEN, Tool, answer, graded};
use lti_ags::{
    ErrorKind, InFlight, Inquiry, Passback, Paused, PostScore, Settle, Step, StoreLease, StoreTerms,
    StoredToken, Turn,
};

const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// A lease lasts 45 seconds.
fn terms() -> StoreTerms {
    StoreTerms::new(Duration::from_secs(30))
}

/// The store has this token.
fn token() -> StoredToken {
    let mut tool = Tool::new();
    tool.call(post()).unwrap();
    tool.session.tokens(tool.now).pop().unwrap()
}

fn post() -> PostScore {
    PostScore::new(graded().build().unwrap())
}

fn begun(tool: &mut Tool) -> Step<PostScore> {
    tool.session.begin(&tool.endpoint, post(), tool.now)
}

#[track_caller]
fn fetching(step: Step<PostScore>) -> InFlight<PostScore> {
    match step {
        Step::Send(_, in_flight) if in_flight.lease().is_some() => in_flight,
        step => panic!("{step:?}"),
    }
}

#[track_caller]
fn waiting(step: Step<PostScore>) -> (Duration, Paused<PostScore>) {
    match step {
        Step::Wait(delay, paused) => (delay, paused),
        step => panic!("{step:?}"),
    }
}

/// What a store answers that is asked: in this order, and no more often.
#[derive(Clone, Copy)]
enum Says<'a> {
    Token(&'a StoredToken),
    Nothing,
    Yours,
    Anothers,
    Fails,
}
use Says::{Anothers, Fails, Nothing, Token, Yours};

/// What a call is to do after these answers.
#[derive(Debug)]
enum End {
    Send(Option<StoreLease>),
    Withdraw(Option<StoreLease>),
}

#[track_caller]
fn inquire(tool: &mut Tool, in_flight: &InFlight<PostScore>, terms: StoreTerms, says: &[Says<'_>]) -> End {
    let mut says = says.iter();
    let mut inquiry = Inquiry::begin(in_flight.lease().unwrap(), terms);
    let end = loop {
        let (session, now) = (&mut tool.session, tool.now);
        inquiry = match (inquiry, says.next()) {
            (Inquiry::Load(loading), Some(Token(token))) => {
                assert_eq!(loading.key(), token.key());
                loading.loaded(session, now, Ok::<_, ()>(Some((*token).clone())))
            }
            (Inquiry::Load(loading), Some(Nothing)) => loading.loaded(session, now, Ok::<_, ()>(None)),
            (Inquiry::Load(loading), Some(Fails)) => loading.loaded(session, now, Err(())),
            (Inquiry::TryLock(locking), Some(Yours)) => {
                assert_eq!(locking.lease().time(), terms.lease());
                locking.answered(session, now, Ok::<_, ()>(true))
            }
            (Inquiry::TryLock(locking), Some(Anothers)) => locking.answered(session, now, Ok::<_, ()>(false)),
            (Inquiry::TryLock(locking), Some(Fails)) => locking.answered(session, now, Err(())),
            (Inquiry::Send(lease), None) => break End::Send(lease),
            (Inquiry::Withdraw(lease), None) => break End::Withdraw(lease),
            (inquiry, _) => panic!("{inquiry:?}"),
        };
    };
    assert!(says.next().is_none());
    end
}

/// The call looks, and finds that another client is fetching.
#[track_caller]
fn deferred(tool: &mut Tool, in_flight: InFlight<PostScore>) -> (Duration, Paused<PostScore>) {
    let end = inquire(tool, &in_flight, terms(), &[Nothing, Anothers]);
    assert!(matches!(end, End::Withdraw(None)), "{end:?}");
    waiting(in_flight.withdraw(&mut tool.session, tool.now))
}

/// The call looks until it waits no more, each look taking so long; gives how long that was.
#[track_caller]
fn looked_in_vain(tool: &mut Tool, mut in_flight: InFlight<PostScore>, look: Duration) -> Duration {
    let begun = tool.now;
    loop {
        tool.now += look;
        match inquire(tool, &in_flight, terms(), &[Nothing, Anothers]) {
            End::Send(None) => return Duration::try_from(tool.now.duration_since(begun)).unwrap(),
            End::Withdraw(None) => {}
            end => panic!("{end:?}"),
        }
        let (delay, paused) = waiting(in_flight.withdraw(&mut tool.session, tool.now));
        tool.now += delay;
        in_flight = fetching(paused.resume(&mut tool.session, tool.now));
    }
}

#[test]
fn a_stored_token_is_used() {
    let (mut tool, token) = (Tool::new(), token());
    let in_flight = fetching(begun(&mut tool));
    let end = inquire(&mut tool, &in_flight, terms(), &[Token(&token)]);
    assert!(matches!(end, End::Withdraw(None)), "{end:?}");
    let step = in_flight.withdraw(&mut tool.session, tool.now);
    tool.drive(step).unwrap();
    assert_eq!(tool.counts(), (0, 1));
}

#[test]
fn a_client_that_has_the_lease_fetches_and_saves() {
    let mut tool = Tool::new();
    let in_flight = fetching(begun(&mut tool));
    let end = inquire(&mut tool, &in_flight, terms(), &[Nothing, Yours, Nothing]);
    let End::Send(Some(lease)) = end else { panic!("{end:?}") };
    let body = format!(r#"{{"access_token":"{TOKEN}","expires_in":3600}}"#);
    let step = in_flight.receive(&mut tool.session, tool.now, common::token_answer(&body));
    assert!(matches!(step, Step::Send(..)), "{step:?}");
    let Settle::Save(saved) = lease.settle(&tool.session, tool.now) else { panic!() };
    assert_eq!((saved.key().as_str(), &saved), (lease.key(), &token()));
}

#[test]
fn a_lease_whose_token_request_failed_is_unlocked() {
    for refusal in [answer(400, r#"{"error":"invalid_client"}"#), answer(503, ""), common::in_doubt()] {
        let mut tool = Tool::new();
        let in_flight = fetching(begun(&mut tool));
        let end = inquire(&mut tool, &in_flight, terms(), &[Nothing, Yours, Nothing]);
        let End::Send(Some(lease)) = end else { panic!("{end:?}") };
        drop(in_flight.receive(&mut tool.session, tool.now, refusal));
        assert!(matches!(lease.settle(&tool.session, tool.now), Settle::Unlock));
    }
}

#[test]
fn a_lease_that_another_call_of_the_client_needs_is_kept() {
    let mut tool = Tool::new();
    let in_flight = fetching(begun(&mut tool));
    let end = inquire(&mut tool, &in_flight, terms(), &[Nothing, Yours, Nothing]);
    let End::Send(Some(lease)) = end else { panic!("{end:?}") };
    // Its call is given up, and another one locks in the name of the same client.
    tool.session.release(in_flight.lease().unwrap());
    let another = fetching(begun(&mut tool));
    let end = inquire(&mut tool, &another, terms(), &[Nothing, Yours, Nothing]);
    let End::Send(Some(_)) = end else { panic!("{end:?}") };
    assert!(matches!(lease.settle(&tool.session, tool.now), Settle::Keep));
    tool.session.release(another.lease().unwrap());
    assert!(matches!(lease.settle(&tool.session, tool.now), Settle::Unlock));
}

#[test]
fn a_token_that_was_saved_just_before_is_used_and_not_saved_again() {
    let (mut tool, token) = (Tool::new(), token());
    let in_flight = fetching(begun(&mut tool));
    let end = inquire(&mut tool, &in_flight, terms(), &[Nothing, Yours, Token(&token)]);
    let End::Withdraw(Some(lease)) = end else { panic!("{end:?}") };
    let step = in_flight.withdraw(&mut tool.session, tool.now);
    tool.drive(step).unwrap();
    assert_eq!(tool.counts(), (0, 1));
    assert!(matches!(lease.settle(&tool.session, tool.now), Settle::Unlock));
}

#[test]
fn a_token_that_has_expired_is_replaced_by_who_has_the_lease() {
    let (mut tool, token) = (Tool::new(), token());
    tool.now += Duration::from_secs(3600);
    let in_flight = fetching(begun(&mut tool));
    let end = inquire(&mut tool, &in_flight, terms(), &[Token(&token), Yours, Token(&token)]);
    assert!(matches!(end, End::Send(Some(_))), "{end:?}");
}

#[test]
fn a_store_that_fails_costs_the_sharing_alone() {
    let mut tool = Tool::new();
    let in_flight = fetching(begun(&mut tool));
    for says in [&[Fails][..], &[Nothing, Fails]] {
        let end = inquire(&mut tool, &in_flight, terms(), says);
        assert!(matches!(end, End::Send(None)), "{end:?}");
    }
    // It may hold the lease, so it gives it back.
    let end = inquire(&mut tool, &in_flight, terms(), &[Nothing, Yours, Fails]);
    assert!(matches!(end, End::Send(Some(_))), "{end:?}");
}

#[test]
fn one_call_looks_again_and_the_others_are_left_alone() {
    let (mut tool, token) = (Tool::new(), token());
    let in_flight = fetching(begun(&mut tool));
    let (minute, second) = waiting(begun(&mut tool));
    let (_, third) = waiting(begun(&mut tool));
    let before = tool.session.revision();
    let (delay, first) = deferred(&mut tool, in_flight);
    assert_eq!(delay, LOOK_AGAIN);
    // Those who wait for a minute are told that it is less.
    assert!(minute > Duration::from_secs(1) && tool.session.revision() != before);
    let (delay, second) = waiting(second.resume(&mut tool.session, tool.now));
    assert_eq!(delay, LOOK_AGAIN);

    let mut looks = first;
    let before = tool.session.revision();
    for _ in 0..10 {
        tool.now += LOOK_AGAIN;
        (_, looks) = deferred_again(&mut tool, looks);
    }
    assert_eq!(tool.session.revision(), before, "nothing has changed for the others");
    // While one looks, another sees to it that it goes on, each second.
    tool.now += LOOK_AGAIN;
    let in_flight = fetching(looks.resume(&mut tool.session, tool.now));
    let (delay, second) = waiting(second.resume(&mut tool.session, tool.now));
    assert_eq!(delay, Duration::from_secs(1));
    let (_, dropped) = deferred(&mut tool, in_flight);
    drop(dropped);
    tool.now += delay;
    let in_flight = fetching(second.resume(&mut tool.session, tool.now));
    // All are woken by a token.
    let end = inquire(&mut tool, &in_flight, terms(), &[Token(&token)]);
    assert!(matches!(end, End::Withdraw(None)), "{end:?}");
    assert_ne!(tool.session.revision(), before);
    for step in [in_flight.withdraw(&mut tool.session, tool.now), third.resume(&mut tool.session, tool.now)] {
        tool.drive(step).unwrap();
    }
    assert_eq!(tool.counts(), (0, 2));
}

#[track_caller]
fn deferred_again(tool: &mut Tool, paused: Paused<PostScore>) -> (Duration, Paused<PostScore>) {
    let in_flight = fetching(paused.resume(&mut tool.session, tool.now));
    deferred(tool, in_flight)
}

#[test]
fn another_client_is_waited_for_no_longer_than_a_lease() {
    for look in [0, 1, 1_000, 4_900].map(Duration::from_millis) {
        let mut tool = Tool::new();
        let in_flight = fetching(begun(&mut tool));
        let waited = looked_in_vain(&mut tool, in_flight, look);
        let lease = terms().lease();
        assert!((lease..=lease + 2 * (look + LOOK_AGAIN)).contains(&waited), "{look:?}: {waited:?}");
    }
}

#[test]
fn who_was_waited_for_long_ago_does_not_shorten_the_next_wait() {
    let mut tool = Tool::new();
    let in_flight = fetching(begun(&mut tool));
    // The call is dropped while it waits.
    drop(deferred(&mut tool, in_flight));
    tool.now += Duration::from_secs(3600);
    let in_flight = fetching(begun(&mut tool));
    assert!(looked_in_vain(&mut tool, in_flight, Duration::ZERO) >= terms().lease());
}

#[test]
fn a_client_that_has_gone_alone_waits_the_next_time() {
    let mut tool = Tool::new();
    let in_flight = fetching(begun(&mut tool));
    looked_in_vain(&mut tool, in_flight, Duration::ZERO);
    tool.session.forget_tokens();
    tool.now += Duration::from_secs(60);
    let in_flight = fetching(begun(&mut tool));
    deferred(&mut tool, in_flight);
}

#[test]
fn a_call_that_is_dropped_while_it_looks_hands_that_on() {
    let mut tool = Tool::new();
    let in_flight = fetching(begun(&mut tool));
    let (_, waits) = deferred(&mut tool, in_flight);
    tool.now += LOOK_AGAIN;
    let in_flight = fetching(waits.resume(&mut tool.session, tool.now));
    let (_, other) = waiting(begun(&mut tool));
    let before = tool.session.revision();
    tool.session.release(in_flight.lease().unwrap());
    drop(in_flight);
    assert_ne!(tool.session.revision(), before);
    fetching(other.resume(&mut tool.session, tool.now));
}

#[test]
fn a_wait_that_outlasts_the_deadline_ends_with_it() {
    let (mut tool, patient) = (Tool::new(), StoreTerms::new(Duration::from_secs(200)));
    let begun_at = tool.now;
    let mut step = begun(&mut tool);
    let error = loop {
        step = match step {
            Step::Send(_, in_flight) => {
                let end = inquire(&mut tool, &in_flight, patient, &[Nothing, Anothers]);
                assert!(matches!(end, End::Withdraw(None)), "{end:?}");
                in_flight.withdraw(&mut tool.session, tool.now)
            }
            Step::Wait(delay, paused) => {
                tool.now += delay;
                paused.resume(&mut tool.session, tool.now)
            }
            Step::Done(result) => break result.unwrap_err(),
        };
    };
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(tool.now, begun_at + tool.session.policy().deadline);
}

#[test]
fn a_lease_lasts_for_all_that_is_done_under_it() {
    let seconds = Duration::from_secs;
    assert_eq!((terms().answer(), terms().lease()), (seconds(5), seconds(30 + 3 * 5)));
    let quick = StoreTerms::new(Duration::from_millis(250));
    assert_eq!((quick.answer(), quick.lease()), (Duration::from_millis(250), seconds(1)));
}

#[test]
fn what_a_passback_withdraws_is_not_counted() {
    let (mut tool, token) = (Tool::new(), token());
    let mut passback = Passback::new(&tool.endpoint);
    passback.feed(graded().build().unwrap());
    passback.finish();
    let Turn::Send(_, flight) = passback.next(&mut tool.session, tool.now) else { panic!() };
    assert_eq!(passback.summary().token_requests, 1);
    let Inquiry::Load(loading) = Inquiry::begin(flight.lease().unwrap(), terms()) else { panic!() };
    let inquiry = loading.loaded(&mut tool.session, tool.now, Ok::<_, ()>(Some(token)));
    assert!(matches!(inquiry, Inquiry::Withdraw(None)), "{inquiry:?}");
    passback.withdraw(&mut tool.session, tool.now, flight);
    for _ in 0..2 {
        // The score's own request has not been sent either, the first time.
        let Turn::Send(_, flight) = passback.next(&mut tool.session, tool.now) else { panic!() };
        assert_eq!((passback.summary().token_requests, passback.summary().requests), (0, 1));
        passback.withdraw(&mut tool.session, tool.now, flight);
    }
    let Turn::Send(_, flight) = passback.next(&mut tool.session, tool.now) else { panic!() };
    passback.receive(&mut tool.session, tool.now, flight, answer(204, ""));
    let Turn::Settled(settlement) = passback.next(&mut tool.session, tool.now) else { panic!() };
    assert_eq!((settlement.attempts, passback.summary().sent), (1, 1));
}
