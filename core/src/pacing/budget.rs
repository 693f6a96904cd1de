//! The gap that the rest of a budget calls for.

use std::time::Duration;

/// What the platform says is left.
#[derive(Debug)]
pub(super) struct Budget {
    highest: f64,
    remaining: f64,
    /// How many other requests were in flight when it said so, of which it knew.
    in_flight: usize,
    /// It refused when this much was left.
    floor: f64,
    /// How often in a row it let a request through that it should have refused, by what it says: five for each.
    doubts: u32,
}

/// What Canvas sets aside for a request in flight.
const RESERVED: f64 = 50.0;

/// The gap at half of what may be used, in seconds.
const HALF_GAP: f64 = 0.03;

/// The smallest share of the budget that is told apart: with [`HALF_GAP`], it makes the longest gap six seconds.
const LEAST: f64 = 0.005;

/// Nobody has a budget like this.
const ABSURD: f64 = 1e9;

/// A platform is believed up to the sixth time that it goes on with nothing left, or the thirtieth with next to nothing.
const DOUBTS: u32 = 30;

impl Budget {
    pub(super) fn new(remaining: f64) -> Self {
        Self { highest: remaining, remaining, in_flight: 0, floor: 0.0, doubts: 0 }
    }

    pub(super) fn heed(&mut self, remaining: f64, in_flight: usize, refused: bool) {
        let rises = remaining > self.remaining;
        self.highest = self.highest.max(remaining);
        // Those that are under way when it refuses may be refused as well: they have nothing set aside.
        (self.remaining, self.in_flight) = (remaining, if refused { 0 } else { in_flight });
        if refused && remaining < 4.0 * RESERVED {
            self.floor = self.floor.max(remaining);
        }
        // With next to nothing left, a budget that is one has time to grow between two requests.
        let doubt = match remaining {
            _ if refused => None,
            ..=0.0 => Some(5),
            _ if self.share() <= LEAST && !rises => Some(1),
            _ => None,
        };
        self.doubts = doubt.map_or(0, |doubt| self.doubts.saturating_add(doubt));
    }

    /// Where it goes on and on with nothing left, or has more than anyone, it says nothing.
    pub(super) fn is_believed(&self) -> bool {
        self.highest > 0.0 && self.highest < ABSURD && self.doubts < DOUBTS
    }

    /// What is kept in reserve: a reservation and a little, of a budget that is large enough.
    pub(super) fn low(&self) -> f64 {
        (self.highest * 0.15).max(RESERVED * 1.2).min(self.highest / 2.0).max(self.floor * 1.2)
    }

    /// The share that is left of what may be used.
    pub(super) fn share(&self) -> f64 {
        let low = self.low();
        let high = low + (0.6 * (self.highest - low)).max(low / 2.0);
        // What is set aside comes back.
        #[expect(clippy::cast_precision_loss, reason = "it is a small number")]
        let set_aside = self.in_flight as f64 * RESERVED;
        let share = ((self.remaining + set_aside).min(self.highest.max(high)) - low) / (high - low);
        if share > LEAST { share.min(1.0) } else { LEAST }
    }

    pub(super) fn gap(&self) -> Duration {
        let share = self.share();
        Duration::from_secs_f64(HALF_GAP * (1.0 - share) / share)
    }

    /// How many requests may be in flight: those that were, and those for which there is room. One may always be.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is a small number")]
    pub(super) fn allowed(&self) -> Option<usize> {
        let room = (self.remaining - RESERVED * 0.2) / RESERVED;
        (room < 1_000.0).then(|| (self.in_flight + room.max(0.0) as usize).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(remaining: &[f64]) -> Budget {
        let mut budget = Budget::new(remaining[0]);
        for remaining in remaining {
            budget.heed(*remaining, 0, false);
        }
        budget
    }

    #[track_caller]
    fn assert_near(one: f64, other: f64) {
        assert!((one - other).abs() < 1e-6, "{one}, {other}");
    }

    #[test]
    fn half_of_what_may_be_used_makes_the_gap_thirty_milliseconds() {
        assert_near(told(&[600.0]).gap().as_secs_f64(), 0.0);
        let mut budget = told(&[600.0, 243.0]);
        assert_near(budget.gap().as_secs_f64(), 0.03);
        // What is set aside for a request in flight comes back.
        budget.heed(193.0, 1, false);
        assert_near(budget.gap().as_secs_f64(), 0.03);
        assert_near(told(&[600.0, 3.0]).gap().as_secs_f64(), 5.97);
    }

    #[test]
    fn something_is_kept_in_reserve() {
        for (highest, low) in [(600.0, 90.0), (200.0, 60.0), (100.0, 50.0)] {
            assert_near(told(&[highest]).low(), low);
        }
        // It is more where the platform refused with as much left, unless that was not why.
        for (left, low) in [(100.0, 120.0), (199.0, 238.8), (200.0, 90.0), (300.0, 90.0)] {
            let mut budget = told(&[600.0]);
            budget.heed(left, 3, true);
            assert_near(budget.low(), low);
            assert_eq!(budget.in_flight, 0);
        }
        let mut budget = told(&[240.0]);
        budget.heed(190.0, 0, true);
        budget.heed(240.0, 0, false);
        assert_near(budget.share(), 12.0 / 114.0);
    }

    #[test]
    fn as_many_may_be_in_flight_as_can_be_set_aside_for() {
        for (remaining, in_flight, allowed) in
            [(610.0, 3, Some(15)), (5.0, 0, Some(1)), (50_009.0, 0, Some(999)), (50_010.0, 0, None)]
        {
            let mut budget = told(&[remaining]);
            budget.heed(remaining, in_flight, false);
            assert_eq!(budget.allowed(), allowed, "{remaining}");
        }
    }

    #[test]
    fn a_platform_that_goes_on_with_nothing_left_is_not_believed() {
        let told_often = |remaining: &[f64]| told(&[&[600.0], remaining].concat()).is_believed();
        assert!(told_often(&[0.0; 5]) && !told_often(&[0.0; 6]));
        assert!(told_often(&[1.0; 29]) && !told_often(&[1.0; 30]));
        let falling: Vec<_> = (0..30).map(|n| 40.0 - f64::from(n)).collect();
        assert!(!told_often(&falling));
        assert!(told_often(&[1.0, 2.0].repeat(50)));
        let mut refusing = told(&[600.0]);
        for _ in 0..10 {
            refusing.heed(0.0, 0, true);
        }
        assert!(refusing.is_believed());
        assert!(!told(&[0.0]).is_believed() && !told(&[1e9]).is_believed() && told(&[1e8]).is_believed());
    }
}
