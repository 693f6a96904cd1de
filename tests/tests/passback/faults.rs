//! Whatever the network and the platform do: every score arrives, once, in the order of its user.

use fastrand::Rng;
use lti_ags::{Passback, RowOutcome};
use lti_ags_testing::Personality;

use crate::world::{Disk, World, rows};

/// Rows of a run and runs for each personality. `cargo test --test passback -- --ignored` takes more.
const USUAL: (usize, u64) = (400, 1);
const THOROUGH: (usize, u64) = (5_000, 20);

fn every_score_arrives(personality: Personality, (count, seeds): (usize, u64)) {
    for seed in 0..seeds {
        let users = count / 3;
        let mut world = World::new(personality, users, seed);
        (world.faults, world.revoking) = (0.08, 0.002);
        let rows = rows(count, users, &mut Rng::with_seed(seed));
        let (mut disk, mut runs) = (Disk::of(&world.endpoint), 0);
        loop {
            let passback = Passback::new(&world.endpoint).concurrency(16).journaled(disk.recover());
            let run = world.run(passback, rows.clone(), &mut disk, None);
            let summary = run.summary.unwrap();
            assert_eq!((summary.rows, run.settlements.len()), (count as u64, count), "{personality} {seed}");
            let mut settled: Vec<_> = run.settlements.iter().map(|settlement| settlement.row).collect();
            settled.sort_unstable();
            settled.dedup();
            assert_eq!(settled.len(), count);
            runs += 1;
            for settlement in run.settlements.iter().filter(|settlement| !settlement.outcome.is_held()) {
                let spent = matches!(settlement.outcome, RowOutcome::GaveUp(_) | RowOutcome::Skipped(_));
                assert!(spent, "{personality} {seed}: {settlement:?}");
            }
            if summary.all_held() {
                break;
            }
            assert!(runs < 10, "{personality} {seed}: {summary:?}");
            world.reboot();
        }
        assert!(world.most_in_flight <= 16);
        world.assert_holds_the_last_of(&rows);
        world.assert_one_timestamp_each();
        // Of one whose answer was lost, the platform knows.
        let token_requests = world.lms.ledger().token_requests().len();
        let allowed = world.revoked + runs + world.faulty_token_requests;
        assert!(token_requests <= allowed, "{personality} {seed}: {token_requests}, {allowed}");
    }
}

macro_rules! personalities {
    ($($name:ident: $personality:ident),+ $(,)?) => {
        $(#[test]
        fn $name() {
            every_score_arrives(Personality::$personality, USUAL);
        })+

        mod thoroughly {
            $(#[test]
            #[ignore = "takes minutes in a debug build"]
            fn $name() {
                super::every_score_arrives(super::Personality::$personality, super::THOROUGH);
            })+
        }
    };
}

personalities! {
    every_score_arrives_at_the_specified_platform: Spec,
    every_score_arrives_at_canvas: Canvas,
    every_score_arrives_at_moodle: Moodle,
    every_score_arrives_at_open_edx: OpenEdx,
    every_score_arrives_at_sakai: Sakai,
    every_score_arrives_at_blackboard: Blackboard,
    every_score_arrives_at_brightspace: Brightspace,
    every_score_arrives_at_schoology: Schoology,
}
