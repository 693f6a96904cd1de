//! When a score says that it came to be: later than the one before, whatever the clock does (AGS 3.4.9).

use std::collections::HashMap;
use std::time::Duration;

use crate::common::{Tool, answer, graded, in_doubt, noon, not_sent, time};
use lti_ags::{ErrorKind, Outcome, Policy, PostScore, Score, Step, Timestamp, Timestamps};
use proptest::prelude::*;

const LINE_ITEM: &str = "https://lms.northfield.test/ctx/9/lineitems/4/";
const MS: Duration = Duration::from_millis(1);
const S: Duration = Duration::from_secs(1);

fn post() -> PostScore {
    PostScore::new(graded().build().unwrap())
}

/// The timestamps that went out, as text.
fn sent(tool: &Tool) -> Vec<String> {
    (0..tool.requests.len()).map(|n| tool.body(n)["timestamp"].as_str().unwrap().to_owned()).collect()
}

fn with_step(step: Duration) -> Tool {
    let mut policy = Policy::default();
    policy.timestamp_step = step;
    Tool::with_policy(policy)
}

#[test]
fn a_score_that_waited_keeps_the_time_at_which_it_was_earned() {
    // AGS-TS-01
    let score = graded().timestamp(noon()).build().unwrap();
    let queued = serde_json::to_string(&score).unwrap();
    let mut tool = Tool::new();
    tool.now += Duration::from_secs(3600);
    let receipt = tool.call(PostScore::new(serde_json::from_str(&queued).unwrap())).unwrap();
    assert_eq!(sent(&tool), ["2026-03-02T09:00:00.000Z"]);
    assert_eq!(receipt.timestamp, noon());
}

#[test]
fn updates_within_one_tick_of_the_clock_have_increasing_timestamps() {
    // AGS-TS-02, AGS-TS-04
    for (step, last) in
        [(MS, "2026-03-02T09:00:00.002Z"), (Duration::from_secs(1), "2026-03-02T09:00:02.000Z")]
    {
        let mut tool = with_step(step);
        for given in [1.0, 2.0, 1.0] {
            tool.call(PostScore::new(Score::graded("u-1001", given, 2.0).build().unwrap())).unwrap();
        }
        let sent = sent(&tool);
        assert!(sent.is_sorted_by(|a, b| a < b), "{sent:?}");
        assert_eq!(sent[2], last);
    }
    assert_eq!(Policy::default().timestamp_step, Duration::from_secs(1), "Moodle compares whole seconds");
}

#[test]
fn a_step_is_never_finer_than_what_is_written() {
    // AGS-TS-04
    let mut timestamps = Timestamps::new(Duration::ZERO);
    let first = timestamps.next(LINE_ITEM, "u-1001", noon());
    assert_eq!(timestamps.next(LINE_ITEM, "u-1001", noon()), first + MS);
}

#[test]
fn timestamps_are_written_in_utc_with_three_digits_or_more() {
    // AGS-TS-03
    for (at, text) in [
        ("2026-03-02T09:00:00Z", "2026-03-02T09:00:00.000Z"),
        ("2026-03-02T11:00:00+02:00", "2026-03-02T09:00:00.000Z"),
        ("2026-03-02T09:00:00.5Z", "2026-03-02T09:00:00.500Z"),
        ("2026-03-02T09:00:00.123456789Z", "2026-03-02T09:00:00.123Z"),
    ] {
        let mut tool = Tool::new();
        tool.now = time(at);
        tool.call(post()).unwrap();
        assert_eq!(sent(&tool), [text]);
    }
}

#[test]
fn users_and_line_items_do_not_push_each_other_on() {
    // AGS-TS-05
    let mut tool = Tool::new();
    for user in ["u-1", "u-2", "u-3"] {
        tool.call(PostScore::new(Score::graded(user, 1.0, 2.0).build().unwrap())).unwrap();
    }
    let elsewhere = post().at("https://lms.northfield.test/ctx/9/lineitems/5").unwrap();
    tool.call(elsewhere).unwrap();
    assert!(sent(&tool).iter().all(|sent| sent == "2026-03-02T09:00:00.000Z"), "{:?}", sent(&tool));
}

#[test]
fn calls_under_way_together_have_their_timestamps_in_the_order_they_were_begun() {
    // AGS-TS-05
    let mut tool = Tool::new();
    tool.call(post()).unwrap();
    let timestamps: Vec<_> = (0..10)
        .map(|_| {
            let Step::Send(request, _) = tool.session.begin(&tool.endpoint, post(), tool.now) else {
                panic!()
            };
            let body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
            body["timestamp"].as_str().unwrap().to_owned()
        })
        .collect();
    assert!(timestamps.is_sorted_by(|a, b| a < b), "{timestamps:?}");
}

#[test]
fn a_conflict_on_the_first_try_is_a_stale_timestamp_and_is_not_repeated() {
    // AGS-TS-06
    let mut tool = Tool::new().answers([answer(409, "")]);
    let error = tool.call(post()).unwrap_err();
    assert_eq!((error.kind(), tool.requests.len()), (ErrorKind::StaleTimestamp, 1));
    assert!(!error.is_transient());
    // A platform may as well drop it in silence.
    assert_eq!(Tool::new().answers([answer(200, "")]).call(post()).unwrap().outcome, Outcome::Sent);
}

#[test]
fn a_clock_that_steps_back_takes_no_timestamp_back() {
    // AGS-TS-07
    let mut tool = with_step(MS);
    tool.call(post()).unwrap();
    tool.now -= Duration::from_secs(5);
    tool.call(post()).unwrap();
    assert_eq!(sent(&tool), ["2026-03-02T09:00:00.000Z", "2026-03-02T09:00:00.001Z"]);
}

#[test]
fn timestamps_of_another_process_are_taken_note_of() {
    // AGS-TS-07
    let mut tool = with_step(MS);
    let theirs = noon() + Duration::from_secs(60);
    tool.session.timestamps().observe(LINE_ITEM, "u-1001", theirs);
    tool.session.timestamps().observe(LINE_ITEM, "u-1001", noon());
    assert_eq!(tool.call(post()).unwrap().timestamp, theirs + MS);
    // A timestamp that the caller chose counts as well.
    let chosen = noon() + Duration::from_secs(120);
    tool.call(PostScore::new(graded().timestamp(chosen).build().unwrap())).unwrap();
    assert_eq!(tool.call(post()).unwrap().timestamp, chosen + MS);
}

#[test]
fn a_repeated_update_is_the_same_to_the_byte() {
    // AGS-TS-08
    let mut tool =
        Tool::new().answers([not_sent(), in_doubt(), answer(503, ""), answer(429, ""), answer(401, "")]);
    let receipt = tool.call(post()).unwrap();
    assert_eq!((receipt.timestamp, receipt.attempts), (noon(), 6));
    assert!(tool.now > noon(), "time went by");
    assert!(tool.requests.iter().all(|request| request.body() == tool.requests[0].body()));
}

#[test]
fn a_conflict_after_a_lost_answer_means_that_it_is_there() {
    // AGS-TS-08
    for lost in [in_doubt, || answer(502, ""), || answer(503, ""), || answer(504, ""), || answer(500, "")] {
        let mut tool = Tool::new().answers([lost(), answer(409, "")]);
        assert_eq!(tool.call(post()).unwrap().outcome, Outcome::Superseded);
    }
    for not_acted_on in [not_sent, || answer(429, "")] {
        let mut tool = Tool::new().answers([not_acted_on(), answer(409, "")]);
        assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::StaleTimestamp);
    }
}

#[test]
fn what_was_forgotten_for_lack_of_room_still_counts() {
    // AGS-TS-02, AGS-TS-07
    let mut timestamps = Timestamps::new(MS);
    let mut last = HashMap::new();
    // More users than are held at once, all at one time.
    for n in 0..40_000 {
        let user = format!("u-{n}");
        last.insert(user.clone(), timestamps.next(LINE_ITEM, &user, noon()));
    }
    for (n, (user, last)) in last.iter().enumerate() {
        // Another process's older timestamp must not bring ours back.
        if n % 2 == 0 {
            timestamps.observe(LINE_ITEM, user, noon() - Duration::from_secs(60));
        }
        let next = timestamps.next(LINE_ITEM, user, noon() - Duration::from_secs(5));
        assert!(next > *last, "{user}: {next} after {last}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    // AGS-TS-02, AGS-TS-04, AGS-TS-07
    #[test]
    fn timestamps_of_one_user_increase_whatever_the_clock_does(
        step in 0..3_000_u64,
        calls in prop::collection::vec((0..4_u8, 0..2_u8, -3_000_000_i64..3_000_000, prop::option::weighted(0.2, -5_000_i64..5_000)), 1..60),
    ) {
        let mut timestamps = Timestamps::new(Duration::from_millis(step));
        let mut latest: HashMap<(u8, u8), Timestamp> = HashMap::new();
        for (user, item, clock, observed) in calls {
            let (name, url) = (format!("u-{user}"), format!("{LINE_ITEM}{item}"));
            let now = Timestamp::from_microsecond(noon().as_microsecond() + clock).unwrap();
            if let Some(observed) = observed {
                let theirs = Timestamp::from_millisecond(noon().as_millisecond() + observed).unwrap();
                timestamps.observe(&url, &name, theirs);
                let latest = latest.entry((user, item)).or_insert(theirs);
                *latest = theirs.max(*latest);
            } else {
                let next = timestamps.next(&url, &name, now);
                prop_assert!(next.as_millisecond() >= now.as_millisecond());
                if let Some(latest) = latest.insert((user, item), next) {
                    prop_assert!(next > latest, "{} after {}", next, latest);
                    prop_assert!(next.duration_since(latest) >= Duration::from_millis(step.max(1)).try_into().unwrap());
                }
            }
        }
    }
}

#[test]
fn future_dates_of_many_users_do_not_become_what_others_get() {
    let mut timestamps = Timestamps::new(Duration::from_secs(1));
    assert_eq!(timestamps.next(LINE_ITEM, "u-first", noon()), noon());
    let far = noon() + Duration::from_secs(100_000_000);
    for n in 0..20_000 {
        timestamps.observe(LINE_ITEM, &format!("u-{n}"), far);
    }
    let later = noon() + Duration::from_secs(60);
    assert!(timestamps.next(LINE_ITEM, "someone-else", later) <= later + Duration::from_secs(1));
    // The clock steps back: what was forgotten still bounds what is given.
    let back = noon() - Duration::from_secs(60);
    assert!(timestamps.next(LINE_ITEM, "u-first", back) > noon());
}

#[test]
fn one_absurd_timestamp_does_not_shift_those_of_other_users() {
    // AGS-TS-02: what is forgotten still bounds what is given, but one user's must not bound everybody's.
    let mut timestamps = Timestamps::new(Duration::from_secs(1));
    let absurd: Timestamp = "9000-01-01T00:00:00Z".parse().unwrap();
    timestamps.observe(LINE_ITEM, "u-0", absurd);
    for user in 1..40_000 {
        timestamps.next(LINE_ITEM, &format!("u-{user}"), noon());
    }
    let next = timestamps.next(LINE_ITEM, "u-new", noon());
    assert!(next < noon() + Duration::from_secs(60), "{next}");
    assert!(timestamps.next(LINE_ITEM, "u-0", noon()) > absurd);
    assert!(timestamps.next(LINE_ITEM, "u-1", noon()) > noon());
}

#[test]
fn an_old_timestamp_does_not_make_what_was_given_forgotten() {
    // AGS-TS-02
    let mut timestamps = Timestamps::new(Duration::from_secs(1));
    let given = timestamps.next(LINE_ITEM, "u-0", noon());
    for user in 1..40_000 {
        timestamps.next(LINE_ITEM, &format!("u-{user}"), noon() + Duration::from_secs(2));
    }
    timestamps.observe(LINE_ITEM, "u-0", noon() - Duration::from_secs(100));
    let stepped_back = noon() - Duration::from_secs(50);
    assert!(timestamps.next(LINE_ITEM, "u-0", stepped_back) > given);
}

#[test]
fn what_others_got_does_not_hold_a_new_user_back_while_there_is_room() {
    // AGS-TS-05
    let mut timestamps = Timestamps::new(Duration::from_secs(1));
    for user in ["u-1", "u-2", "u-1", "u-2"] {
        timestamps.next(LINE_ITEM, user, noon());
    }
    // The clock steps back.
    let back = noon() - Duration::from_secs(60);
    assert_eq!(timestamps.next(LINE_ITEM, "u-3", back), back);
    assert_eq!(timestamps.next(LINE_ITEM, "u-1", back), noon() + Duration::from_secs(2));
}

#[test]
fn a_date_far_in_the_future_is_kept_when_all_that_is_past_is_forgotten() {
    // AGS-TS-02, AGS-TS-07
    let mut timestamps = Timestamps::new(Duration::from_secs(1));
    let far = noon() + Duration::from_secs(100_000_000);
    timestamps.observe(LINE_ITEM, "u-typo", far);
    for user in 0..20_000 {
        timestamps.next(LINE_ITEM, &format!("u-{user}"), noon() + Duration::from_millis(user));
    }
    let later = noon() + Duration::from_secs(3_600);
    for user in 0..20_000_u32 {
        assert_eq!(
            timestamps.next(LINE_ITEM, &format!("v-{user}"), later + 2 * user * S),
            later + 2 * user * S
        );
    }
    assert_eq!(timestamps.next(LINE_ITEM, "u-typo", later), far + S);
}

#[test]
fn however_many_users_there_are_little_is_held_and_seldom_looked_through() {
    let users: Vec<_> = (0..60_000_u32).map(|user| (user, user.to_string())).collect();
    let used = allocation_counter::measure(|| {
        let mut timestamps = Timestamps::new(Duration::from_secs(1));
        for (number, user) in &users {
            // Later than now, so that each still holds its user back.
            timestamps.observe(LINE_ITEM, user, noon() + *number * MS);
        }
        for (_, user) in &users {
            timestamps.next(LINE_ITEM, user, noon());
        }
    });
    println!("{used:?}");
    assert!(used.bytes_max < 1_500_000 && used.count_total < 40, "{used:?}");
}
