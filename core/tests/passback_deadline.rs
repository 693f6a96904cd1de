//! How long a row of a passback may take, where the platform's limit makes it wait.

use std::time::Duration;

use crate::common::{Tool, answer, noon};
use crate::passback::{Run, users};
use lti_ags::{Policy, Summary};

/// Passes forty rows back to a platform that takes one each `gap` until `closes`, where a row has ten seconds.
fn passed_back(gap: Duration, closes: Duration) -> (Run, Summary) {
    let mut run = Run::new(|passback| passback.concurrency(4));
    let mut policy = Policy::default();
    (policy.deadline, policy.max_attempts) = (Duration::from_secs(10), 100);
    policy.max_backoff = Duration::from_secs(2);
    run.tool = Tool::with_policy(policy);
    let (mut opens, closes) = (noon(), noon() + closes);
    let summary = run.finish(users(40), |tool, _| {
        if tool.now < opens || tool.now >= closes {
            return answer(429, "");
        }
        opens = tool.now + gap;
        answer(204, "")
    });
    (run, summary)
}

#[test]
fn a_row_that_waits_for_the_limit_loses_no_time_while_others_are_taken() {
    let (run, summary) = passed_back(Duration::from_secs(4), Duration::from_secs(3_600));
    assert_eq!((summary.sent, summary.gave_up, summary.skipped), (40, 0, 0), "{summary:?}");
    // Of four that take turns, each has waited for longer than it may take by itself.
    assert!(run.tool.now >= noon() + Duration::from_secs(39 * 4));
}

#[test]
fn a_row_is_given_up_in_time_where_the_platform_takes_nobody_any_more() {
    let (run, summary) = passed_back(Duration::from_secs(4), Duration::from_secs(60));
    assert!(summary.sent >= 10 && summary.gave_up > 0, "{summary:?}");
    assert_eq!(summary.sent + summary.gave_up + summary.skipped, 40);
    assert!(run.tool.now > noon() + Duration::from_secs(60), "{:?}", run.tool.now);
    // Those who were under way when it closed, and those begun after them.
    let longest = Duration::from_secs(60 + 10 * summary.gave_up);
    assert!(run.tool.now <= noon() + longest, "{:?}, {summary:?}", run.tool.now);
}
