//! A run that is broken off at any moment, by the process's end or a power cut, is gone on with: the gradebook is as if nothing
//! had happened.

use fastrand::Rng;
use lti_ags::{Passback, Row};
use lti_ags_testing::Personality;

use crate::world::{Crash, Disk, World, rows};

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Process,
    Power,
}

fn scores() -> Vec<Row> {
    rows(7, 3, &mut Rng::with_seed(3))
}

/// Where a run was broken off.
#[derive(PartialEq)]
enum Broken {
    Off,
    /// In the middle of a line.
    Writing,
    Not,
}

/// Breaks a run off there, goes on, and looks.
fn survives(personality: Personality, crash: Crash, end: End, faults: f64) -> Broken {
    let place = format!("{personality}, step {}, {} bytes, {end:?}", crash.step, crash.torn);
    let rows = scores();
    let mut world = World::new(personality, 3, 11);
    world.faults = faults;
    let mut disk = Disk::of(&world.endpoint);
    let passback = |world: &World, disk: &mut Disk| {
        Passback::new(&world.endpoint).concurrency(2).journaled(disk.recover())
    };
    let first = passback(&world, &mut disk);
    let run = world.run(first, rows.clone(), &mut disk, Some(crash));
    if run.summary.is_some() {
        return Broken::Not;
    }
    world.reboot();
    if end == End::Power {
        disk.written.truncate(disk.durable);
    }
    let before = world.lms.ledger().service_requests().len();
    let mut runs = 0;
    loop {
        let history = disk.recover();
        let replayed = history.settled();
        let again = Passback::new(&world.endpoint).concurrency(2).journaled(history);
        let run = world.run(again, rows.clone(), &mut disk, None);
        let told = run.settlements.iter().filter(|settlement| settlement.replayed).count();
        assert_eq!((run.settlements.len(), told), (rows.len(), replayed), "{place}");
        if runs == 0 && faults == 0.0 {
            let requests = world.lms.ledger().service_requests().len() - before;
            assert_eq!(requests, rows.len() - replayed, "{place}: what is settled is not sent again");
        }
        runs += 1;
        if run.summary.unwrap().all_held() {
            break;
        }
        assert!(runs < 20, "{place}");
        world.reboot();
    }
    world.assert_gradebook(&rows);
    world.assert_one_timestamp_each();
    // What a power cut takes is what became of the last rows: they are sent again, with their old timestamps.
    if end == End::Process {
        world.lms.assert_no_violations();
    }
    if run.was_writing { Broken::Writing } else { Broken::Off }
}

fn anywhere(personality: Personality, ends: &[(End, f64)]) {
    for (end, faults) in ends.iter().copied() {
        let mut step = 0;
        loop {
            let broken = |torn| survives(personality, Crash { step, torn }, end, faults);
            match broken(0) {
                Broken::Not => break,
                Broken::Off => {}
                Broken::Writing => {
                    for torn in [1, 30, usize::MAX] {
                        assert!(broken(torn) == Broken::Writing);
                    }
                }
            }
            step += 1;
        }
        assert!(step > 20, "it was broken off at {step} steps");
    }
}

#[test]
fn a_run_goes_on_wherever_it_broke_off_on_a_platform_that_compares_whole_seconds() {
    anywhere(Personality::Moodle, &[(End::Process, 0.2)]);
}

#[test]
fn a_run_goes_on_wherever_it_broke_off_on_a_platform_that_takes_equal_timestamps() {
    anywhere(Personality::Canvas, &[(End::Process, 0.0)]);
}

#[test]
fn a_run_goes_on_wherever_it_broke_off_on_a_platform_that_compares_no_timestamps() {
    anywhere(Personality::Sakai, &[(End::Process, 0.0), (End::Process, 0.2), (End::Power, 0.0)]);
}

#[test]
fn a_row_that_was_given_up_does_not_overwrite_a_later_one_of_its_user() {
    // Sakai compares no timestamps: what comes last, stays.
    let rows = rows(2, 1, &mut Rng::with_seed(1));
    let mut world = World::new(Personality::Sakai, 1, 5);
    let script = lti_ags_testing::Script::reply(503).times(5);
    world.lms.script(lti_ags_testing::Route::Scores, script);
    let mut disk = Disk::of(&world.endpoint);
    let passback = Passback::new(&world.endpoint).journaled(disk.recover());
    let run = world.run(passback, rows.clone(), &mut disk, None);
    let outcomes: Vec<_> = run.settlements.iter().map(|settlement| settlement.outcome.name()).collect();
    assert_eq!(outcomes, ["gave_up", "sent"]);
    world.reboot();
    let passback = Passback::new(&world.endpoint).journaled(disk.recover());
    let run = world.run(passback, rows.clone(), &mut disk, None);
    let outcomes: Vec<_> = run.settlements.iter().map(|settlement| settlement.outcome.name()).collect();
    assert_eq!(outcomes, ["superseded", "sent"]);
    assert_eq!(run.summary.unwrap().requests, 0);
    world.assert_holds_the_last_of(&rows);
}
