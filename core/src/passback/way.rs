//! The way of a row: taken up, recorded, ready when the row before it of the same user is settled, sent, settled.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::Timestamp;

use super::errand::{Came, Errand};
use super::item::{Gate, Holds, Item, Items};
use super::known::Known;
use super::log::Log;
use super::{InHand, Input, Passback, Reason, Row, RowOutcome, Stage, Wishes};
use crate::interval::Interval;
use crate::{Error, ErrorKind, GetLineItem, ListResults, PageRequest, PostScore, Score, Session, timestamps};

/// How many rows are in hand at least: taken up ahead, so that they are recorded by the hundred.
const WINDOW: usize = 1_024;

/// The same, for each call at the same time.
const WINDOW_PER_CALL: usize = 8;

impl Passback {
    pub(super) fn wants_rows(&mut self) -> bool {
        let held = self.rows.len() + self.log.as_ref().map_or(0, Log::held);
        let window = WINDOW.max(WINDOW_PER_CALL.saturating_mul(self.wishes.concurrency));
        // It is filled up when half of it has gone, so that rows are recorded many at a time.
        self.input = match self.input {
            Input::Filling if held >= window => Input::Paused,
            Input::Paused if held <= window / 2 => Input::Filling,
            input => input,
        };
        self.input == Input::Filling && !self.stopper.is_stopped()
    }

    pub(super) fn take_up(&mut self, row: Row, session: &mut Session, now: Timestamp) {
        self.fed += 1;
        let number = self.fed;
        let Row { score, line_item } = row;
        let item = match self.items.find(line_item.as_ref(), &self.endpoint) {
            Ok(item) => item,
            Err(error) => {
                // Without a line item there is no lane: nothing of it is ever sent.
                let row = InHand::new(usize::MAX, 0, score);
                return self.turn_away(number, row, error);
            }
        };
        let Some(Item { url, gate, holds, parked, .. }) = self.items.get(item) else { return };
        let lane = timestamps::key(url.as_str(), score.user_id());
        let mut row = InHand::new(item, lane, score);
        if self.log.as_ref().is_some_and(|log| !log.history.is_of(url)) {
            return self.turn_away(
                number,
                row,
                Error::input("the journal is not of scores for this line item"),
            );
        }
        let past = self.log.as_ref().map(|log| log.history.of(number)).unwrap_or_default();
        row.timestamp = past.timestamp;
        if let Some((outcome, attempts)) = past.settled {
            if let Some(timestamp) = row.timestamp {
                session.timestamps().observe(url.as_str(), &row.user_id, timestamp);
                note(&mut self.latest, lane, timestamp);
            }
            row.attempts = attempts;
            self.summary.count(outcome);
            self.done.push_back(row.settlement(number, outcome, None, true));
            return;
        }
        if let Some(error) = self.halted.clone().or_else(|| gate.shut()) {
            return self.skip(number, row, error);
        }
        let must_know = self.wishes.only_changed || self.wishes.ours.is_some();
        if must_know && !matches!(holds, Holds::Read(_)) {
            parked.push(number);
            if matches!(holds, Holds::Unread) {
                *holds = Holds::Reading(Known::default());
                self.reads.push_back((item, PageRequest::First(ListResults::of(url.clone()))));
            }
            self.rows.insert(number, row);
            return;
        }
        self.enlist(number, row, session, now);
    }

    /// Skips a row of which the journal tells nothing, and is told nothing: what stands there is of another one.
    fn turn_away(&mut self, number: u64, row: Box<InHand>, error: Error) {
        let outcome = RowOutcome::Skipped(Reason::Failed(error.kind()));
        self.summary.count(outcome);
        self.done.push_back(row.settlement(number, outcome, Some(error), false));
    }

    /// Puts a row into the lane of its user, with its timestamp.
    pub(super) fn enlist(
        &mut self,
        number: u64,
        mut row: Box<InHand>,
        session: &mut Session,
        now: Timestamp,
    ) {
        let is_next = !self.lanes.contains_key(&row.lane);
        if is_next && let Some(outcome) = needless(&self.wishes, &mut self.items, &row) {
            return self.close(number, row, outcome, None);
        }
        let Some(Item { url, .. }) = self.items.get(row.item) else { return };
        let (url, user_id) = (url.as_str(), row.user_id.as_str());
        let own = row.score.as_ref().and_then(Score::timestamp);
        if let (None, Some(own), Some(latest)) = (row.timestamp, own, self.latest.get(&row.lane))
            && own <= *latest
        {
            let error = Error::new(
                ErrorKind::StaleTimestamp,
                "an earlier row of the same user has a timestamp that is as late, or later",
            );
            let outcome = RowOutcome::Rejected(Reason::Failed(ErrorKind::StaleTimestamp));
            return self.close(number, row, outcome, Some(error.section("AGS 3.4.9")));
        }
        if self.wishes.dry_run {
            return self.close(number, row, RowOutcome::Skipped(Reason::DryRun), None);
        }
        let is_recorded = row.timestamp.is_some();
        let timestamp = match row.timestamp.or(own) {
            Some(timestamp) => {
                session.timestamps().observe(url, user_id, timestamp);
                timestamp
            }
            None => session.timestamps().next(url, user_id, now),
        };
        note(&mut self.latest, row.lane, timestamp);
        row.timestamp = Some(timestamp);
        if let Some(score) = &mut row.score {
            score.set_timestamp(timestamp);
        }
        let lane = row.lane;
        row.stage = match &mut self.log {
            Some(log) if !is_recorded => {
                log.begin(number, timestamp);
                Stage::Unrecorded
            }
            _ => Stage::Ready,
        };
        self.rows.insert(number, row);
        self.lanes.entry(lane).or_default().push_back(number);
        self.promote(lane, Some(number));
    }

    /// Makes the first row of a lane ready, if it is this one.
    pub(super) fn promote(&mut self, lane: u64, only: Option<u64>) {
        let Some(&number) = self.lanes.get(&lane).and_then(VecDeque::front) else { return };
        let is_ready = self.rows.get(&number).is_some_and(|row| row.stage == Stage::Ready);
        if is_ready && only.is_none_or(|only| only == number) {
            self.ready.push_back(number);
        }
    }

    /// Takes a row out of the lane of its user, and lets the next one go: not before it is recorded what became of this one, or
    /// a run that goes on would send it again after that.
    pub(super) fn leave(&mut self, lane: u64, number: u64) {
        let Some(rows) = self.lanes.get_mut(&lane) else { return };
        let was_next = rows.front() == Some(&number);
        rows.retain(|other| *other != number);
        if rows.is_empty() {
            self.lanes.remove(&lane);
        } else if was_next {
            self.promote(lane, None);
        }
    }

    /// Begins calls until there is something to send, or as many are under way as may be.
    pub(super) fn begin(&mut self, session: &mut Session, now: Timestamp) {
        while self.outbox.is_empty() && self.calls < self.wishes.concurrency {
            // What came back, or just failed, may have halted it.
            self.sweep();
            if self.halted.is_some() {
                return;
            }
            // Rows whose fate hangs on it are on their way already.
            if let Some(item) = self.looks.pop_front() {
                let Some(Item { url, .. }) = self.items.get(item) else { continue };
                let look = GetLineItem::of(url.clone());
                self.call(item as u64, look, session, now);
            } else if self.stopper.is_stopped() {
                return;
            } else if let Some((item, read)) = self.reads.pop_front() {
                if self.items.get(item).is_none_or(|item| item.is_shut()) {
                    continue;
                }
                self.call(item as u64, read, session, now);
            } else if self.is_held_up(session, now) {
                return;
            } else if let Some(number) = self.ready.pop_front() {
                self.begin_row(number, session, now);
            } else {
                return;
            }
        }
    }

    /// Whether a row would only spend its time on waiting, if it was begun now.
    fn is_held_up(&self, session: &Session, now: Timestamp) -> bool {
        session.paused(now).is_some() || self.resting.iter().any(|(_, rest)| rest.is_in_line())
    }

    /// Until when the platform has all rows wait that are ready.
    pub(super) fn pause(&self, session: &Session, now: Timestamp) -> Option<Duration> {
        if self.ready.is_empty() || self.stopper.is_stopped() { None } else { session.paused(now) }
    }

    pub(super) fn begin_row(&mut self, number: u64, session: &mut Session, now: Timestamp) {
        let Some(row) = self.rows.get_mut(&number) else { return };
        let Some(item) = self.items.get(row.item) else { return };
        if matches!(item.gate, Gate::Looking) {
            item.parked.push(number);
            return;
        }
        let url = item.url.clone();
        if let Some(outcome) = needless(&self.wishes, &mut self.items, row)
            && let Some(row) = self.rows.remove(&number)
        {
            return self.close(number, row, outcome, None);
        }
        let Some(row) = self.rows.get_mut(&number) else { return };
        let Some(score) = row.score.take() else { return };
        row.stage = Stage::OnItsWay;
        row.begun = self.begun + 1;
        let post = PostScore::to(url, score);
        self.call(number, post, session, now);
    }

    pub(super) fn call<O: Errand>(&mut self, of: u64, operation: O, session: &mut Session, now: Timestamp) {
        self.calls += 1;
        self.begun += 1;
        let step = session.begin_one_of_many(&self.endpoint, operation, now);
        self.came(Came::of(of, step), now);
    }

    /// Goes on with calls whose wait is over, or may be.
    pub(super) fn resume(&mut self, session: &mut Session, now: Timestamp) {
        if self.stopper.is_stopped() {
            return;
        }
        let all = session.revision() != self.revision;
        if !all && self.resting.iter().all(|(rest, _)| rest.remaining(now).is_some()) {
            return;
        }
        self.revision = session.revision();
        for (interval, rest) in std::mem::take(&mut self.resting) {
            if all || interval.remaining(now).is_none() {
                let came = rest.resume(session, now);
                self.came(came, now);
            } else {
                self.resting.push((interval, rest));
            }
        }
    }

    pub(super) fn came(&mut self, came: Came, now: Timestamp) {
        match came {
            Came::Send(request, flight) => {
                match flight.lease() {
                    Some(_) => self.summary.token_requests += 1,
                    None => self.summary.requests += 1,
                }
                if let Some(row) = flight.row().and_then(|number| self.rows.get_mut(&number)) {
                    row.attempts += 1;
                }
                return self.outbox.push_back((request, flight));
            }
            Came::Wait(delay, rest) => return self.resting.push((Interval::new(now, delay), rest)),
            Came::Posted(number, result) => self.posted(number, result),
            Came::Read(item, result) => self.read(item, result),
            Came::Looked(item, result) => self.looked(item, &result),
        }
        // It may have been begun by another passback.
        self.calls = self.calls.saturating_sub(1);
    }
}

/// What becomes of a row that need not, or must not, be sent, whose turn it is.
fn needless(wishes: &Wishes, items: &mut Items, row: &InHand) -> Option<RowOutcome> {
    let known = items.get(row.item)?.known()?;
    if wishes.ours.is_some() && known.is_by_others(&row.user_id) {
        return Some(RowOutcome::Skipped(Reason::Overridden));
    }
    (wishes.only_changed && known.has(&row.user_id, row.effect)).then_some(RowOutcome::Unchanged)
}

fn note(latest: &mut BTreeMap<u64, Timestamp>, lane: u64, timestamp: Timestamp) {
    let latest = latest.entry(lane).or_insert(timestamp);
    *latest = timestamp.max(*latest);
}
