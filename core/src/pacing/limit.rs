//! The rate of a platform that refuses, and says nothing of a budget.

use std::time::Duration;

use jiff::Timestamp;

use crate::interval::Interval;

/// How many requests a platform lately let through.
#[derive(Debug, Default)]
pub(super) struct Tally {
    since: Option<Timestamp>,
    count: u32,
    before: f64,
}

impl Tally {
    pub(super) fn add(&mut self, now: Timestamp) {
        let since = *self.since.get_or_insert(now);
        let elapsed = Interval::since(since, now);
        if elapsed >= Duration::from_secs(1) || now < since {
            *self = Self {
                since: Some(now),
                count: 0,
                before: f64::from(self.count) / elapsed.as_secs_f64().max(1.0),
            };
        }
        self.count += 1;
    }

    /// How many a second.
    pub(super) fn rate(&self, now: Timestamp) -> f64 {
        let elapsed = self.since.map_or(0.0, |since| Interval::since(since, now).as_secs_f64());
        self.before.max(f64::from(self.count) / elapsed.max(0.1))
    }
}

/// The rate at which a platform that only refuses is asked.
#[derive(Debug)]
pub(super) struct Limit {
    /// Requests a second, at the last refusal.
    rate: f64,
    /// Whether two refusals have shown that rate.
    known: bool,
    since: Timestamp,
    /// So many requests it takes to double the rate, if that is more than a thousand.
    patience: f64,
    /// How much of the time since then was a rest.
    pub(super) rest: Duration,
    /// Those that were let through since.
    count: u32,
}

/// The slowest that a platform is asked, in requests a second.
const SLOWEST: f64 = 0.2;

/// The slowest to begin with, while nothing is known but that it refused.
const FIRST: f64 = 5.0;

impl Limit {
    /// At the first refusal: what went through may have been savings.
    pub(super) fn begun(recently: f64, now: Timestamp) -> Self {
        Self {
            rate: (recently / 8.0).max(FIRST),
            known: false,
            since: now,
            rest: Duration::ZERO,
            patience: 0.0,
            count: 0,
        }
    }

    /// At a later one. Of requests that were under way at the last one, nothing is learned.
    pub(super) fn refused(self, now: Timestamp, sent: Timestamp) -> Self {
        if sent <= self.since && now >= self.since {
            return self;
        }
        let elapsed = Interval::since(self.since, now);
        let active = elapsed.saturating_sub(self.rest).as_secs_f64().max(0.1);
        // Of what it could have let through while the session rested, it may have saved anything from nothing to all.
        let seen = f64::from(self.count) / (active * elapsed.as_secs_f64().max(0.1)).sqrt();
        let rate = match (self.count >= 5, self.known) {
            // Where it refuses for longer than it need, less goes through than could.
            (true, true) => seen.max(0.75 * self.current()),
            (true, false) => seen,
            (false, _) => self.current() / 2.0,
        };
        let rate = rate.max(SLOWEST);
        // The longer a refusal holds everyone up, the later is the next one.
        let patience = 20.0 * rate * self.rest.as_secs_f64();
        Self { rate, known: self.count >= 5, since: now, rest: Duration::ZERO, patience, count: 0 }
    }

    /// The more it lets through, the more it is asked: `None` when it has clearly stopped refusing.
    pub(super) fn allowed_one_more(self, now: Timestamp) -> Option<Self> {
        let count = self.count + 1;
        (count < 2_000 && self.is_fresh(now)).then_some(Self { count, ..self })
    }

    /// It is forgotten after a while, and where the clock went back.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        Interval::new(self.since, Duration::from_secs(600)).remaining(now).is_some()
    }

    pub(super) fn current(&self) -> f64 {
        let count = f64::from(self.count);
        self.rate
            * if self.known {
                0.92 + count / self.patience.max(1_000.0)
            } else {
                (count / 10.0).min(10.0).exp2()
            }
    }

    pub(super) fn gap(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.current())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_772_442_000_000 + milliseconds).unwrap()
    }

    #[track_caller]
    fn assert_near(one: f64, other: f64) {
        assert!((one - other).abs() < 1e-6, "{one}, {other}");
    }

    #[test]
    fn what_was_let_through_lately_is_counted_by_the_second() {
        let mut tally = Tally::default();
        assert_near(tally.rate(at(0)), 0.0);
        for n in 0..10 {
            tally.add(at(n / 2 * 100));
        }
        assert_near(tally.rate(at(500)), 20.0);
        tally.add(at(2_000));
        assert_near(tally.rate(at(2_000)), 10.0);
        assert_near(tally.rate(at(3_000)), 5.0);
    }

    #[test]
    fn a_clock_that_went_back_counts_from_there() {
        let mut tally = Tally::default();
        for _ in 0..10 {
            tally.add(at(0));
        }
        tally.add(at(-10_000));
        assert_near(tally.rate(at(-9_000)), 10.0);
    }

    fn let_through(mut limit: Limit, count: usize, now: Timestamp) -> Limit {
        for _ in 0..count {
            limit = limit.allowed_one_more(now).unwrap();
        }
        limit
    }

    #[test]
    fn the_rate_is_what_was_let_through_between_two_refusals() {
        let limit = Limit::begun(80.0, at(0));
        assert_near(limit.gap().as_secs_f64(), 0.1);
        assert_near(Limit::begun(8.0, at(0)).gap().as_secs_f64(), 0.2);
        let limit = let_through(limit, 10, at(1_000));
        assert_near(limit.current(), 20.0);
        let limit = limit.refused(at(5_000), at(4_000));
        assert_near(limit.current(), 2.0 * 0.92);
        // One that was sent before tells nothing.
        let limit = limit.refused(at(6_000), at(4_500));
        assert_near(limit.current(), 2.0 * 0.92);
        // Too few to tell: half of it.
        let limit = limit.refused(at(7_000), at(6_000));
        assert_near(limit.current(), 0.92);
    }

    #[test]
    fn the_longer_a_refusal_held_everyone_up_the_later_is_the_next_one() {
        let mut limit = Limit::begun(80.0, at(0));
        limit.rest = Duration::from_secs(40);
        let limit = let_through(limit, 400, at(1_000)).refused(at(60_000), at(59_000));
        let rate = 400.0 / (20.0_f64 * 60.0).sqrt();
        let limit = let_through(limit, 100, at(61_000));
        assert_near(limit.current(), rate * (0.92 + 100.0 / (20.0 * rate * 40.0)));
    }

    #[test]
    fn a_limit_is_forgotten_after_two_thousand_requests_and_after_ten_minutes() {
        let limit = let_through(Limit::begun(80.0, at(0)), 1_999, at(1_000));
        assert!(limit.is_fresh(at(599_999)) && !limit.is_fresh(at(600_000)) && !limit.is_fresh(at(-1)));
        assert!(limit.allowed_one_more(at(1_000)).is_none());
        assert!(Limit::begun(80.0, at(0)).allowed_one_more(at(600_000)).is_none());
    }
}
