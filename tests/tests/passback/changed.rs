//! What the gradebook holds already is not sent.

use fastrand::Rng;
use lti_ags::{Passback, Reason, Row, RowOutcome, Score};
use lti_ags_testing::{Personality, Route};

use crate::world::{Disk, World, rows, user};

fn graded(number: usize, points: f64) -> Row {
    Score::graded(user(number), points, 100.0).build().unwrap().into()
}

fn outcomes(world: &mut World, rows: Vec<Row>) -> Vec<&'static str> {
    let passback = Passback::new(&world.endpoint).only_changed();
    let mut settlements = world.run(passback, rows, &mut Disk::of(&world.endpoint), None).settlements;
    settlements.sort_by_key(|settlement| settlement.row);
    settlements.iter().map(|settlement| settlement.outcome.name()).collect()
}

#[test]
fn of_one_percent_that_changed_one_percent_is_sent() {
    for personality in Personality::ALL {
        let mut world = World::new(personality, 600, 1);
        let before: Vec<_> = (0..600)
            .map(|number| graded(number, 10.0 + f64::from(u32::try_from(number).unwrap()) / 7.0))
            .collect();
        let passback = Passback::new(&world.endpoint).concurrency(8);
        world.run(passback, before.clone(), &mut Disk::of(&world.endpoint), None);
        let after = (0..600).map(|number| match number % 100 {
            37 => graded(number, 99.0),
            _ => before[number].clone(),
        });
        let after: Vec<_> = after.collect();
        world.now += std::time::Duration::from_secs(3_600);
        let passback = Passback::new(&world.endpoint).concurrency(8).only_changed();
        let summary =
            world.run(passback, after.clone(), &mut Disk::of(&world.endpoint), None).summary.unwrap();
        assert_eq!((summary.sent, summary.unchanged), (6, 594), "{personality}");
        world.assert_holds_the_last_of(&after);
    }
}

#[test]
fn a_row_is_compared_with_what_the_rows_before_it_leave() {
    let mut world = World::new(Personality::Spec, 3, 1);
    outcomes(&mut world, vec![graded(0, 50.0)]);
    world.now += std::time::Duration::from_secs(60);
    let rows = vec![graded(0, 50.0), graded(0, 60.0), graded(0, 50.0), graded(0, 50.0), graded(1, 50.0)];
    assert_eq!(outcomes(&mut world, rows.clone()), ["unchanged", "sent", "sent", "unchanged", "sent"]);
    world.assert_holds_the_last_of(&rows);
}

#[test]
fn rows_that_are_taken_up_while_results_arrive_keep_their_order() {
    for seed in 0..100 {
        // Sakai compares no timestamps: what comes last, stays.
        let mut world = World::new(Personality::Sakai, 6, seed);
        let rows = rows(20, 6, &mut Rng::with_seed(seed));
        let passback = Passback::new(&world.endpoint).concurrency(8).only_changed();
        world.run(passback, rows.clone(), &mut Disk::of(&world.endpoint), None);
        world.assert_holds_the_last_of(&rows);
    }
}

#[test]
fn comments_are_compared_too_and_none_is_an_empty_one() {
    let mut world = World::new(Personality::Spec, 2, 1);
    let with = |comment: &str| Score::graded(user(0), 50.0, 100.0).comment(comment).build().unwrap().into();
    assert_eq!(outcomes(&mut world, vec![with("")]), ["sent"]);
    world.now += std::time::Duration::from_secs(60);
    assert_eq!(
        outcomes(&mut world, vec![with(""), with("Good."), with("Good."), with("")]),
        ["unchanged", "sent", "unchanged", "sent"]
    );
}

#[test]
fn a_user_without_a_result_is_as_one_that_was_cleared() {
    let mut world = World::new(Personality::Spec, 2, 1);
    let clear = |number| Row::from(Score::cleared(user(number)).build().unwrap());
    assert_eq!(
        outcomes(&mut world, vec![clear(0), graded(0, 50.0), clear(0)]),
        ["unchanged", "sent", "sent"]
    );
    world.now += std::time::Duration::from_secs(60);
    assert_eq!(outcomes(&mut world, vec![clear(0), clear(1)]), ["unchanged", "unchanged"]);
}

#[test]
fn results_that_cannot_be_read_are_no_reason_to_send_everything() {
    let mut world = World::new(Personality::Spec, 2, 1);
    world.lms.script(Route::Results, lti_ags_testing::Script::reply(403).times(9_999));
    let rows = rows(5, 2, &mut Rng::with_seed(1));
    let passback = Passback::new(&world.endpoint).only_changed();
    let run = world.run(passback, rows, &mut Disk::of(&world.endpoint), None);
    assert!(
        run.settlements.iter().all(|settlement| settlement.outcome.reason().unwrap().name() == "forbidden")
    );
    assert_eq!((run.summary.unwrap().skipped, run.summary.unwrap().sent), (5, 0));
}

#[test]
fn grades_of_others_are_kept_where_that_is_wanted() {
    let mut world = World::new(Personality::Spec, 2, 1);
    let by = |number, who: &str| {
        Row::from(Score::graded(user(number), 50.0, 100.0).scoring_user_id(who).build().unwrap())
    };
    outcomes(&mut world, vec![by(0, "teacher"), by(1, "tool")]);
    world.now += std::time::Duration::from_secs(60);
    let passback = Passback::new(&world.endpoint).keep_grades_of_others(["tool".to_owned()]);
    let run =
        world.run(passback, vec![graded(0, 60.0), graded(1, 60.0)], &mut Disk::of(&world.endpoint), None);
    let mut outcomes: Vec<_> = run.settlements.iter().map(|s| (s.row, s.outcome)).collect();
    outcomes.sort_by_key(|(row, _)| *row);
    assert_eq!(outcomes[0].1.reason().unwrap().name(), "overridden");
    assert_eq!(outcomes[1].1, RowOutcome::Sent);
}

#[test]
fn a_dry_run_says_what_would_be_sent_and_sends_nothing() {
    let mut world = World::new(Personality::Spec, 3, 1);
    outcomes(&mut world, vec![graded(0, 50.0)]);
    let posted = world.lms.gradebook().results().map(|(_, _, entry)| entry.posts).sum::<u64>();
    let rows = vec![graded(0, 50.0), graded(1, 50.0), graded(1, 50.0)];
    let mut disk = Disk::of(&world.endpoint);
    let passback = Passback::new(&world.endpoint).only_changed().dry_run().journaled(disk.recover());
    let run = world.run(passback, rows, &mut disk, None);
    let outcomes: Vec<_> =
        run.settlements.iter().map(|s| (s.outcome.name(), s.outcome.reason().map(Reason::name))).collect();
    assert_eq!(outcomes, [("unchanged", None), ("skipped", Some("dry_run")), ("unchanged", None)]);
    assert_eq!(world.lms.gradebook().results().map(|(_, _, entry)| entry.posts).sum::<u64>(), posted);
    assert_eq!(disk.written, Disk::of(&world.endpoint).written);
}
