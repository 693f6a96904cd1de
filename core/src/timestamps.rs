//! Timestamps of scores, which increase strictly per line item and user (AGS 3.4.9).

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;

use crate::numbered::Numbered;

/// How many users' latest timestamps are held before those that no longer matter are forgotten.
const HELD: usize = 16_384;

/// Gives each score of a user on a line item a later timestamp than the one before, also when the clock stands still
/// or steps back.
///
/// A [`Session`](crate::Session) has one, for scores that bring no timestamp of their own. It forgets what is in the
/// past: memory is bounded, and what it forgot still bounds what it gives.
///
/// ```
/// use std::time::Duration;
/// use lti_ags::{Timestamp, Timestamps};
///
/// let mut timestamps = Timestamps::new(Duration::from_millis(1));
/// let now: Timestamp = "2026-03-02T09:00:00Z".parse()?;
/// let first = timestamps.next("https://lms.example/lineitems/9", "u-1001", now);
/// let second = timestamps.next("https://lms.example/lineitems/9", "u-1001", now);
/// assert_eq!((first, second), (now, now + Duration::from_millis(1)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Timestamps {
    step: Duration,
    /// By a hash of line item and user: where two collide, one merely gets a later timestamp than it needs.
    latest: Numbered<Timestamp>,
    /// No later than this were those that have been forgotten, but for some far in the future.
    floor: Timestamp,
    /// The last time that was told, and the latest.
    now: Timestamp,
    latest_now: Timestamp,
}

impl Timestamps {
    /// Two timestamps of one user are at least `step` apart. Moodle compares whole seconds and drops the later score of
    /// the same second; others compare milliseconds or finer.
    pub fn new(step: Duration) -> Self {
        Self {
            step: step.max(Duration::from_millis(1)),
            latest: Numbered::default(),
            floor: Timestamp::MIN,
            now: Timestamp::MIN,
            latest_now: Timestamp::MIN,
        }
    }

    /// The timestamp for a new score: now, in whole milliseconds, or as much later as it must be.
    ///
    /// Finer ones would be cut by platforms that store milliseconds, and then compare unequal to themselves.
    pub fn next(&mut self, line_item: &str, user_id: &str, now: Timestamp) -> Timestamp {
        self.tell(now);
        let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        let key = key(line_item, user_id);
        let next = match self.latest.get(&key) {
            Some(latest) => now.max(self.after(*latest)),
            None => now.max(self.after(self.floor)),
        };
        self.record(key, next);
        next
    }

    /// Takes note of a timestamp that was chosen elsewhere: by the caller, or by an earlier run.
    pub fn observe(&mut self, line_item: &str, user_id: &str, timestamp: Timestamp) {
        let key = key(line_item, user_id);
        // What has been forgotten may have been later than this.
        let latest = timestamp.max(self.latest.get(&key).copied().unwrap_or(self.floor));
        self.record(key, latest);
    }

    /// Tells the time, by which it is judged what is past.
    pub(crate) fn tell(&mut self, now: Timestamp) {
        (self.now, self.latest_now) = (now, self.latest_now.max(now));
    }

    fn after(&self, earlier: Timestamp) -> Timestamp {
        earlier.checked_add(self.step).unwrap_or(Timestamp::MAX)
    }

    fn record(&mut self, key: u64, timestamp: Timestamp) {
        if self.latest.len() >= HELD && !self.latest.contains_key(&key) {
            self.forget();
        }
        self.latest.insert(key, timestamp);
    }

    /// Forgets what no longer holds anyone back, and the earlier half if that is still too much: what one user got far in
    /// the future by mistake must not become what all others get.
    fn forget(&mut self) {
        let now = self.now;
        let mut latest = std::mem::take(&mut self.latest);
        latest.retain(|_, timestamp| {
            let matters = self.after(*timestamp) > now;
            if !matters {
                self.floor = self.floor.max(*timestamp);
            }
            matters
        });
        if latest.len() > HELD / 2 {
            let mut order: Vec<_> = latest.values().copied().collect();
            let (_, middle, _) = order.select_nth_unstable(latest.len() / 2);
            // Dates far in the future are their users' own.
            let soon = self.latest_now.checked_add(10 * self.step).unwrap_or(now);
            self.floor = self.floor.max((*middle).min(soon));
            latest.retain(|_, timestamp| *timestamp > *middle);
        }
        self.latest = latest;
    }
}

/// What tells a user of a line item apart from all others.
pub(crate) fn key(line_item: &str, user_id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (line_item, user_id).hash(&mut hasher);
    hasher.finish()
}
