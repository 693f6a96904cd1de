//! Pacing on platforms that throttle, in simulated time: hours in milliseconds, and each run the same.
#![allow(clippy::cast_precision_loss, reason = "numbers of a few thousand")]

use std::time::Duration;

use crate::simulation::{Answer, Bucket, Outcome, Simulation, Throttle, noon, post, session};
use lti_ags::http::Response;
use lti_ags::{Endpoint, Step};

/// How long it takes at the rate that the platform allows, or at the rate that the workers can do.
fn ideal(posts: usize, rate: f64, workers: usize, latency: f64) -> f64 {
    posts as f64 * (1.0 / rate).max(latency / workers as f64)
}

#[expect(clippy::print_stdout, reason = "captured unless the test fails")]
fn assert_within(outcome: &Outcome, ideal: f64, times: f64, refused: f64, what: &str) {
    assert!(outcome.failed.is_empty(), "{what}: {:?}", outcome.failed);
    let took = outcome.seconds / ideal;
    let share = outcome.refused_share();
    println!(
        "{what}: {took:.3} times, {:.2} % refused, longest {:.1} s, {} turns",
        share * 100.0,
        outcome.longest,
        outcome.turns
    );
    assert!(took <= times, "{what}: took {took:.3} times as long as it could");
    assert!(share <= refused, "{what}: {:.2} % were refused", share * 100.0);
}

#[test]
fn a_leaky_bucket_is_used_to_the_full_and_hardly_ever_refuses() {
    for (workers, latency) in [(1, 0.001), (4, 0.05), (32, 0.001), (32, 0.02), (32, 0.3)] {
        for (drain, cost) in [(10.0, 0.1), (10.0, 5.0), (100.0, 4.0), (200.0, 20.0)] {
            let rate = drain / cost;
            // Reservations bound what can be in flight, and so the rate, whatever the drain.
            if rate * latency > 7.0 {
                continue;
            }
            let posts = if rate > 20.0 { 800 } else { 400 };
            let bucket = Bucket::canvas(drain, cost);
            let outcome = Simulation::new(bucket, workers, posts, (latency * 0.7, latency * 1.3)).run();
            let what = format!("{workers} workers, {rate} a second at {cost}, {latency} s");
            assert_within(&outcome, ideal(posts, rate, workers, latency), 1.1, 0.01, &what);
        }
    }
}

#[test]
fn a_bucket_that_is_full_at_first_is_waited_for() {
    let mut bucket = Bucket::canvas(10.0, 1.0);
    bucket.level = 590.0;
    let outcome = Simulation::new(bucket, 32, 1_000, (0.05, 0.1)).run();
    // Until there is room for what is set aside, nothing can go.
    assert_within(&outcome, 100.0 + 10.0, 1.25, 0.01, "full at first");
}

#[test]
fn another_client_of_the_same_bucket_gets_its_share() {
    for others in [5.0, 8.0] {
        let mut bucket = Bucket::canvas(10.0, 1.0);
        bucket.others = others;
        let rate = 10.0 - others;
        let outcome = Simulation::new(bucket, 32, 800, (0.05, 0.15)).run();
        assert_within(&outcome, 800.0 / rate, 1.1, 0.01, &format!("others take {others}"));
    }
}

#[test]
fn a_platform_that_only_refuses_is_asked_as_often_as_it_takes() {
    for (workers, latency) in [(1, 0.01), (32, 0.01), (32, 0.3)] {
        for (size, rate) in [(10.0, 10.0), (100.0, 50.0)] {
            for after in [None, Some(1), Some(2)] {
                let posts = 1_200;
                let bucket = Bucket::plain(size, rate, after);
                let outcome = Simulation::new(bucket, workers, posts, (latency * 0.7, latency * 1.3)).run();
                let what = format!("{workers} workers, {size} and {rate} a second, {latency} s, {after:?}");
                assert_within(&outcome, ideal(posts, rate, workers, latency), 1.25, 0.03, &what);
            }
        }
    }
}

#[test]
fn a_platform_that_takes_less_than_one_a_second_is_asked_little_more() {
    for (workers, rate) in [(1, 0.25), (4, 1.0), (4, 0.5), (4, 0.25), (32, 0.5)] {
        for after in [None, Some(4)] {
            let bucket = Bucket::plain(5.0, rate, after);
            let outcome = Simulation::new(bucket, workers, 300, (0.05, 0.1)).run();
            let what = format!("{workers} workers, {rate} a second, {after:?}");
            assert_within(&outcome, ideal(300, rate, workers, 0.1), 1.35, 0.1, &what);
        }
    }
}

/// A platform that is not throttling, whatever it says.
struct Says(Box<dyn FnMut(usize) -> String>, usize);

impl Throttle for Says {
    fn admits(&mut self, _: f64) -> bool {
        true
    }

    fn done(&mut self, _: f64) {}

    fn headers(&mut self, _: f64) -> Vec<(&'static str, String)> {
        self.1 += 1;
        let remaining = (self.0)(self.1);
        if remaining.is_empty() { Vec::new() } else { vec![("x-rate-limit-remaining", remaining)] }
    }

    fn refusal(&mut self, _: f64) -> Answer {
        Response::new(Vec::new())
    }
}

fn says(remaining: impl FnMut(usize) -> String + 'static) -> Simulation<Says> {
    Simulation::new(Says(Box::new(remaining), 0), 32, 1_000, (0.05, 0.1))
}

#[test]
fn what_is_said_of_a_budget_against_all_sense_stalls_nobody_for_long() {
    let mut random = fastrand::Rng::with_seed(5);
    let platforms: [(&str, Simulation<Says>); 8] = [
        ("NaN", says(|_| "NaN".to_owned())),
        ("negative", says(|_| "-7.5".to_owned())),
        ("nothing left", says(|_| "0.0".to_owned())),
        ("nothing left after a while", says(|n| if n < 50 { "600.0" } else { "0.0" }.to_owned())),
        ("huge", says(|_| "1e300".to_owned())),
        ("huge, then small", says(|n| if n < 50 { "1e8" } else { "3" }.to_owned())),
        ("infinite", says(|_| "inf".to_owned())),
        ("anything", says(move |_| format!("{}", random.f64() * 1_000.0))),
    ];
    for (what, platform) in platforms {
        let outcome = platform.run();
        // 32 workers at 75 ms take 2.3 s.
        assert!(outcome.seconds < 60.0 && outcome.longest < 30.0, "{what}: {outcome:?}");
    }
}

#[test]
fn a_budget_that_recovers_is_used_at_once() {
    // The other client takes all there is for five minutes, and goes.
    struct Hogged(Bucket);
    impl Throttle for Hogged {
        fn admits(&mut self, seconds: f64) -> bool {
            self.0.others = if seconds < 300.0 { 10.0 } else { 0.0 };
            self.0.admits(seconds)
        }
        fn done(&mut self, seconds: f64) {
            self.0.done(seconds);
        }
        fn headers(&mut self, seconds: f64) -> Vec<(&'static str, String)> {
            self.0.headers(seconds)
        }
        fn refusal(&mut self, seconds: f64) -> Answer {
            self.0.refusal(seconds)
        }
    }
    let outcome = Simulation::new(Hogged(Bucket::canvas(10.0, 1.0)), 32, 3_000, (0.05, 0.1)).run();
    // The bucket's 600 at first, and then 10 a second.
    // Meanwhile it is asked now and then, in vain.
    assert_within(&outcome, 300.0 + 240.0, 1.1, 0.03, "hogged");
}

#[test]
fn where_nothing_throttles_nobody_waits() {
    let mut simulation = says(|_| String::new());
    (simulation.workers, simulation.posts) = (64, 3_200);
    let outcome = simulation.run();
    assert_within(&outcome, 3_200.0 * 0.075 / 64.0, 1.15, 0.0, "nothing");
    assert_eq!(outcome.most_in_flight, 64);
    assert!(outcome.turns < 3_200 * 2 + 64 * 16, "{} turns", outcome.turns);
}

#[test]
fn a_platform_that_holds_its_first_answers_back_is_sent_more_all_the_same() {
    let mut simulation = says(|_| String::new());
    (simulation.workers, simulation.posts, simulation.latency) = (32, 32, (30.0, 30.0));
    let outcome = simulation.run();
    assert_eq!(outcome.most_in_flight, 32);
    assert!(outcome.seconds < 70.0, "{outcome:?}");
}

#[test]
fn an_hour_of_throttling_passes_in_milliseconds() {
    struct Closed;
    impl Throttle for Closed {
        fn admits(&mut self, seconds: f64) -> bool {
            seconds > 3_600.0
        }
        fn done(&mut self, _: f64) {}
        fn headers(&mut self, _: f64) -> Vec<(&'static str, String)> {
            Vec::new()
        }
        fn refusal(&mut self, _: f64) -> Answer {
            Response::builder().status(429).header("retry-after", 30).body(Vec::new()).unwrap()
        }
    }
    let mut simulation = Simulation::new(Closed, 8, 16, (0.05, 0.1));
    let mut policy = simulation.session.policy().clone();
    policy.max_attempts = 1_000;
    simulation.session = session(policy);
    let outcome = simulation.run();
    assert!(outcome.failed.is_empty(), "{outcome:?}");
    // Each of them waits half a minute or more between two tries, and they come when it is over.
    assert!((3_600.0..3_800.0).contains(&outcome.seconds), "{outcome:?}");
    assert!(outcome.refused <= 8 * 3_600 / 30, "{outcome:?}");
}

#[test]
fn a_thousand_calls_share_one_token_request() {
    for refuses_token in [false, true] {
        let mut simulation = says(|_| String::new());
        (simulation.workers, simulation.posts, simulation.refuses_token) = (1_000, 1_000, refuses_token);
        let outcome = simulation.run();
        assert_eq!(outcome.token_requests, 1);
        assert_eq!(outcome.failed.len(), if refuses_token { 1_000 } else { 0 });
        assert!(outcome.failed.windows(2).all(|pair| pair[0] == pair[1]));
        // Nobody wakes everybody time and again.
        assert!(outcome.turns < 12_000, "{} turns", outcome.turns);
    }
}

#[test]
fn calls_that_are_dropped_while_they_wait_hold_nobody_up() {
    let mut session = session(lti_ags::Policy::default());
    let endpoint = Endpoint::for_line_item("https://lms.test/lineitems/4").unwrap();
    let mut now = noon();
    let Step::Send(_, in_flight) = session.begin(&endpoint, post(0), now) else { panic!() };
    let token = Response::new(br#"{"access_token":"t","expires_in":3600}"#.to_vec());
    let Step::Send(_, in_flight) = in_flight.receive(&mut session, now, Ok(token)) else { panic!() };
    // Little is left of the budget: half a second and more between requests.
    let answer =
        |remaining| Response::builder().header("x-rate-limit-remaining", remaining).body("").unwrap();
    let Step::Done(Ok(_)) = in_flight.receive(&mut session, now, Ok(answer("600"))) else { panic!() };
    let Step::Send(_, in_flight) = session.begin(&endpoint, post(1), now) else { panic!() };
    let Step::Done(Ok(_)) = in_flight.receive(&mut session, now, Ok(answer("95"))) else { panic!() };
    let waiting: Vec<_> = (2..502).map(|user| session.begin(&endpoint, post(user), now)).collect();
    assert!(
        waiting.iter().all(|step| matches!(step, Step::Wait(delay, _) if *delay <= Duration::from_secs(1)))
    );
    drop(waiting);
    let mut step = session.begin(&endpoint, post(502), now);
    let begun = now;
    while let Step::Wait(delay, paused) = step {
        now += delay;
        step = paused.resume(&mut session, now);
    }
    assert!(matches!(step, Step::Send(..)));
    assert!(now.duration_since(begun) < jiff::SignedDuration::from_secs(4), "{}", now.duration_since(begun));
    // Requests that are dropped in flight are none any more.
    for user in 503..520 {
        drop(step);
        step = session.begin(&endpoint, post(user), now);
        let mut looks = 0;
        while let Step::Wait(delay, paused) = step {
            now += delay;
            looks += 1;
            assert!(looks < 20);
            step = paused.resume(&mut session, now);
        }
    }
}

#[test]
fn a_budget_that_is_low_and_stays_so_goes_on_to_be_believed() {
    let mut session = session(lti_ags::Policy::default());
    let endpoint = Endpoint::for_line_item("https://lms.test/lineitems/4").unwrap();
    let mut now = noon();
    // Others use it, too. What is left is more than Canvas sets aside for one request, which it lets through.
    for (user, remaining) in ["700", "100", "100", "100", "100", "100", "100", "100"].iter().enumerate() {
        let mut step = session.begin(&endpoint, post(user), now);
        loop {
            step = match step {
                Step::Wait(delay, paused) => {
                    now += delay;
                    paused.resume(&mut session, now)
                }
                Step::Send(_, in_flight) => {
                    let token = in_flight.lease().is_some();
                    let body = if token { r#"{"access_token":"t","expires_in":3600}"# } else { "" };
                    let answer = Response::builder().header("x-rate-limit-remaining", *remaining).body(body);
                    in_flight.receive(&mut session, now, Ok(answer.unwrap()))
                }
                Step::Done(receipt) => break drop(receipt.unwrap()),
            };
        }
    }
    let steps: Vec<_> = (100..132).map(|user| session.begin(&endpoint, post(user), now)).collect();
    assert!(steps.iter().filter(|step| matches!(step, Step::Send(..))).count() <= 1);
}
