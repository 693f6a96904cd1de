//! Stretches of time that a clock which jumps can only end early.

use std::time::Duration;

use jiff::Timestamp;

/// A wait that began at one moment and lasts a while.
///
/// Where the clock goes back behind its beginning, it is over: nothing hangs, at worst something is asked for again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interval {
    from: Timestamp,
    length: Duration,
}

impl Interval {
    pub(crate) const fn new(from: Timestamp, length: Duration) -> Self {
        Self { from, length }
    }

    /// The same, begun no earlier than then.
    pub(crate) fn no_earlier_than(self, then: Timestamp) -> Self {
        Self { from: self.from.max(then), ..self }
    }

    /// The same, begun no later than then: a clock that went back does not put its end off by as much.
    pub(crate) fn no_later_than(self, then: Timestamp) -> Self {
        Self { from: self.from.min(then), ..self }
    }

    /// What is left of it, or `None` once it is over.
    pub(crate) fn remaining(self, now: Timestamp) -> Option<Duration> {
        let elapsed = Duration::try_from(now.duration_since(self.from)).ok()?;
        self.length.checked_sub(elapsed).filter(|left| !left.is_zero())
    }

    /// How much of it has passed; nothing, where the clock went back.
    pub(crate) fn elapsed(self, now: Timestamp) -> Duration {
        Self::since(self.from, now)
    }

    /// How much time has passed since then; none, where the clock went back.
    pub(crate) fn since(then: Timestamp, now: Timestamp) -> Duration {
        Duration::try_from(now.duration_since(then)).unwrap_or_default()
    }
}
