//! Rows, their timestamps, stopping and memory.

use std::time::Duration;

use fastrand::Rng;
use lti_ags::{Passback, Row, Score, Turn};
use lti_ags_testing::Personality;

use crate::world::{Disk, World, rows, user};

#[test]
fn generated_timestamps_of_a_user_are_a_second_apart() {
    let mut world = World::new(Personality::Moodle, 2, 1);
    let rows = rows(40, 2, &mut Rng::with_seed(1));
    let summary =
        world.run(Passback::new(&world.endpoint), rows.clone(), &mut Disk::of(&world.endpoint), None).summary;
    assert_eq!(summary.unwrap().sent, 40);
    world.assert_holds_the_last_of(&rows);
}

#[test]
fn a_row_whose_timestamp_goes_back_is_refused_before_it_is_sent() {
    let mut world = World::new(Personality::Sakai, 1, 1);
    let at = |points: f64, second: i64| {
        let timestamp = world.now + Duration::from_secs(second.unsigned_abs());
        Row::from(Score::graded(user(0), points, 100.0).timestamp(timestamp).build().unwrap())
    };
    let rows = vec![at(1.0, 5), at(2.0, 4), at(3.0, 5), at(4.0, 6)];
    let run = world.run(Passback::new(&world.endpoint), rows, &mut Disk::of(&world.endpoint), None);
    let mut outcomes: Vec<_> =
        run.settlements.iter().map(|s| (s.row, s.outcome.name(), s.attempts)).collect();
    outcomes.sort_unstable();
    assert_eq!(outcomes, [(1, "sent", 1), (2, "rejected", 0), (3, "rejected", 0), (4, "sent", 1)]);
}

#[test]
fn a_stopped_run_settles_what_is_on_its_way_and_goes_on_later() {
    let mut world = World::new(Personality::Spec, 20, 1);
    let rows = rows(60, 20, &mut Rng::with_seed(1));
    let mut left = rows.iter().cloned();
    let mut passback = Passback::new(&world.endpoint).concurrency(3);
    let mut settled = Vec::new();
    let mut stops = 0;
    loop {
        match passback.next(&mut world.session, world.now) {
            Turn::Done(summary) if summary.rows == 60 => break,
            Turn::Done(_) => {
                assert_eq!(passback.calls(), (0, 0));
                stops += 1;
                passback.stopper().go_on();
            }
            turn => {
                if let Turn::Settled(settlement) = &turn {
                    settled.push(settlement.row);
                    if settled.len() == 7 || settled.len() == 30 {
                        passback.stopper().stop();
                    }
                }
                world.take(turn, &mut passback, &mut left);
            }
        }
    }
    assert_eq!(stops, 2);
    settled.sort_unstable();
    assert_eq!(settled, (1..=60).collect::<Vec<_>>());
    world.assert_holds_the_last_of(&rows);
}
