//! Platforms that take few scores at a time: that costs time, and no row.

use std::time::Duration;

use fastrand::Rng;
use lti_ags::Passback;
use lti_ags_testing::Personality;

use crate::world::{Disk, World, rows};

#[test]
fn however_slow_the_platform_is_no_row_is_given_up_for_waiting() {
    for (per_minute, concurrency, slowest) in [
        (60, 4, 150),
        (60, 64, 150),
        (60, 64, 1_500),
        (10, 4, 150),
        (10, 16, 1_500),
        (10, 64, 150),
        (10, 64, 1_500),
    ] {
        for seed in 0..4 {
            let mut world = World::new(Personality::Spec, 200, seed);
            (world.per_minute, world.slowest) = (Some(per_minute), slowest);
            world.now += Duration::from_secs(seed * 17);
            let rows = rows(300, 200, &mut Rng::with_seed(seed));
            let passback = Passback::new(&world.endpoint).concurrency(concurrency);
            let begun = world.now;
            let summary =
                world.run(passback, rows.clone(), &mut Disk::of(&world.endpoint), None).summary.unwrap();
            assert_eq!(
                summary.sent, 300,
                "{per_minute} a minute, {concurrency} at a time, seed {seed}: {summary:?}"
            );
            let needed = i64::try_from(300 / per_minute).unwrap();
            let minutes = world.now.duration_since(begun).as_secs() / 60;
            assert!(minutes <= needed + needed / 4 + 1, "{per_minute} a minute: {minutes} minutes");
            world.assert_holds_the_last_of(&rows);
        }
    }
}
