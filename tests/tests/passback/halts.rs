//! What fails for all scores alike is said once, and not asked again and again.

use fastrand::Rng;
use lti_ags::{Passback, Reason, Row, RowOutcome};
use lti_ags_testing::{Personality, Route, Script};

use crate::world::{Disk, Run, World, rows};

fn run(world: &mut World, rows: Vec<Row>) -> Run {
    let passback = Passback::new(&world.endpoint).concurrency(4);
    world.run(passback, rows, &mut Disk::of(&world.endpoint), None)
}

fn thousand() -> Vec<Row> {
    rows(1_000, 400, &mut Rng::with_seed(1))
}

fn reasons(run: &Run) -> Vec<&'static str> {
    let mut reasons: Vec<_> =
        run.settlements.iter().filter_map(|s| s.outcome.reason()).map(Reason::name).collect();
    reasons.dedup();
    reasons
}

#[test]
fn a_refused_token_ends_it_with_one_request() {
    let mut world = World::new(Personality::Spec, 400, 1);
    world.lms.script(Route::Token, Script::reply(401).times(9_999));
    let run = run(&mut world, thousand());
    let summary = run.summary.unwrap();
    assert_eq!((summary.skipped, summary.requests, summary.token_requests), (1_000, 0, 1));
    assert_eq!(reasons(&run), ["token_refused"]);
}

#[test]
fn a_line_item_that_is_gone_ends_it_when_that_is_certain() {
    let mut world = World::new(Personality::Spec, 400, 1);
    world.lms.script(Route::Scores, Script::reply(404).times(9_999));
    world.lms.script(Route::LineItem, Script::reply(404).times(9_999));
    let run = run(&mut world, thousand());
    let summary = run.summary.unwrap();
    assert_eq!((summary.skipped, summary.requests), (1_000, 4 + 1));
    assert_eq!(reasons(&run), ["not_found"]);
}

#[test]
fn a_score_that_is_answered_after_its_line_item_was_found_gone_is_skipped_too() {
    for seed in 0..50 {
        let mut world = World::new(Personality::Spec, 400, seed);
        world.lms.script(Route::Scores, Script::reply(404).times(9_999));
        world.lms.script(Route::LineItem, Script::reply(404).times(9_999));
        let summary = run(&mut world, thousand().split_off(980)).summary.unwrap();
        assert_eq!((summary.skipped, summary.rejected), (20, 0), "seed {seed}");
    }
}

#[test]
fn users_whom_the_platform_does_not_find_do_not_end_it_while_the_line_item_is_there() {
    let mut world = World::new(Personality::Spec, 400, 1);
    world.lms.script(Route::Scores, Script::reply(404).times(8));
    let summary = run(&mut world, thousand()).summary.unwrap();
    assert_eq!((summary.rejected, summary.sent, summary.skipped), (8, 992, 0));
}

#[test]
fn a_line_item_that_cannot_be_looked_at_is_given_up_after_five_users() {
    let mut world = World::new(Personality::Spec, 400, 1);
    world.lms.script(Route::Scores, Script::reply(404).times(9_999));
    world.lms.script(Route::LineItem, Script::reply(403).times(9_999));
    let summary = run(&mut world, thousand()).summary.unwrap();
    assert!(summary.requests <= 12, "{summary:?}");
    assert_eq!((summary.rows, summary.skipped), (1_000, 1_000), "none of them is settled for good");
}

#[test]
fn users_of_another_course_end_it_after_fifty() {
    let mut world = World::new(Personality::Spec, 1, 1);
    let run = run(&mut world, rows(1_000, 1_000, &mut Rng::with_seed(1)).split_off(10));
    let summary = run.summary.unwrap();
    assert!((50..60).contains(&summary.rejected), "{summary:?}");
    assert_eq!(summary.skipped + summary.rejected, 990);
}

#[test]
fn some_users_who_cannot_be_graded_end_nothing() {
    let mut world = World::new(Personality::Canvas, 300, 1);
    let summary = run(&mut world, thousand()).summary.unwrap();
    assert_eq!((summary.sent + summary.rejected, summary.skipped), (1_000, 0));
    assert!(summary.rejected > 200, "{summary:?}");
}

#[test]
fn a_platform_that_throttles_for_long_costs_rows_and_not_the_run() {
    let mut world = World::new(Personality::Spec, 400, 1);
    world.lms.script(Route::Scores, Script::reply(503).times(10));
    let summary = run(&mut world, thousand()).summary.unwrap();
    assert_eq!((summary.rows, summary.skipped, summary.rejected), (1_000, 0, 0));
    assert_eq!(summary.sent + summary.gave_up, 1_000);
}

#[test]
fn a_score_that_the_platform_says_is_stale_is_superseded_also_on_its_first_try() {
    let mut world = World::new(Personality::Spec, 1, 1);
    world.lms.script(Route::Scores, Script::reply(409));
    let run = run(&mut world, rows(1, 1, &mut Rng::with_seed(1)));
    assert_eq!((run.settlements[0].outcome, run.settlements[0].attempts), (RowOutcome::Superseded, 1));
}
