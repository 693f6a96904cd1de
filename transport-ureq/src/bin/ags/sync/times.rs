//! The timestamps of rows that bring none (AGS 3.4.9). They are counted back from the beginning of the run, so that the last
//! of each user gets that moment: one in the future would hold back whatever is sent for the user until then.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use lti_ags_ureq::Timestamp;

/// How far timestamps of one user are apart where they are made here; Moodle compares whole seconds.
const STEP: Duration = Duration::from_secs(1);

/// Counts the rows that bring no timestamp, as they are read for the first time: eight bytes for each.
#[derive(Debug, Default)]
pub(super) struct Count {
    users: Vec<u64>,
    hasher: RandomState,
}

/// Gives out timestamps, as the same rows are read again.
#[derive(Clone, Debug)]
pub(super) struct Times {
    start: Timestamp,
    /// How many rows without a timestamp each user has left. Where it is one from the beginning, it does not stand here.
    left: HashMap<u64, u32>,
    /// The latest timestamp of each user, and whether it was made here; for files whose rows may bring their own.
    latest: Option<HashMap<u64, (Timestamp, bool)>>,
    hasher: RandomState,
}

/// Why a row's own timestamp is too early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Early {
    /// For the one of the row before it.
    ThanGiven,
    /// For the one that the row before it gets.
    ThanMade,
}

impl Count {
    pub(super) fn note(&mut self, user_id: &str, own: Option<Timestamp>) {
        if own.is_none() {
            self.users.push(self.hasher.hash_one(user_id));
        }
    }

    /// The timestamps for these rows, the last of them at `start`. `may_bring` tells whether rows may bring their own.
    pub(super) fn times(mut self, start: Timestamp, may_bring: bool) -> Times {
        self.users.sort_unstable();
        let alike = self.users.chunk_by(|one, other| one == other);
        let several = alike.filter_map(|user| {
            let rows = u32::try_from(user.len()).unwrap_or(u32::MAX);
            user.first().filter(|_| rows > 1).map(|hash| (*hash, rows))
        });
        Times {
            // Finer ones would be cut by platforms, and then compare unequal to themselves.
            start: Timestamp::from_millisecond(start.as_millisecond()).unwrap_or(start),
            left: several.collect(),
            latest: may_bring.then(HashMap::new),
            hasher: self.hasher,
        }
    }
}

impl Times {
    /// The timestamp of the next row: its own, or the one that is made for it.
    pub(super) fn next(&mut self, user_id: &str, own: Option<Timestamp>) -> (Timestamp, Result<(), Early>) {
        let user = self.hasher.hash_one(user_id);
        let before = self.latest.as_ref().and_then(|latest| latest.get(&user)).copied();
        let follows = |latest: Timestamp| latest.checked_add(STEP).unwrap_or(Timestamp::MAX);
        let verdict = match (own, before) {
            (Some(own), Some((latest, false))) if own <= latest => Err(Early::ThanGiven),
            (Some(own), Some((latest, true))) if own < follows(latest) => Err(Early::ThanMade),
            _ => Ok(()),
        };
        let timestamp = own.unwrap_or_else(|| {
            let behind = self.left.get_mut(&user).map_or(0, |left| {
                *left = left.saturating_sub(1);
                *left
            });
            let counted = self.start.checked_sub(STEP * behind).unwrap_or(Timestamp::MIN);
            before.map_or(counted, |(latest, _)| counted.max(follows(latest)))
        });
        if let Some(latest) = &mut self.latest {
            latest.insert(user, (timestamp, own.is_none()));
        }
        (timestamp, verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What rows get that begin at 100.5 s; seconds of their own, or none.
    fn given(rows: &[(&str, Option<i64>)]) -> Vec<f64> {
        let own = |row: &(&str, Option<i64>)| row.1.map(|second| Timestamp::from_second(second).unwrap());
        let mut count = Count::default();
        for row in rows {
            count.note(row.0, own(row));
        }
        let mut times = count
            .times("1970-01-01T00:01:40.500123Z".parse().unwrap(), rows.iter().any(|row| row.1.is_some()));
        rows.iter().map(|row| times.next(row.0, own(row)).0.as_duration().as_secs_f64()).collect()
    }

    #[test]
    fn the_last_row_of_each_user_gets_the_beginning_of_the_run() {
        let rows = [("a", None), ("b", None), ("a", None), ("c", None), ("a", None), ("b", None)];
        assert_eq!(given(&rows), [98.5, 99.5, 99.5, 100.5, 100.5, 100.5]);
    }

    #[test]
    fn a_row_is_a_second_later_than_the_one_before_that_brings_its_own() {
        let rows =
            [("a", Some(99)), ("a", None), ("a", None), ("b", Some(500)), ("b", None), ("b", Some(900))];
        assert_eq!(given(&rows), [99.0, 100.0, 101.0, 500.0, 501.0, 900.0]);
    }
}
