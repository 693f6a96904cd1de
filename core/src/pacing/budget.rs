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
