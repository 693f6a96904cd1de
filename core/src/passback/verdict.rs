//! What an answer means for its row, and for all rows that are left.

use super::item::{Gate, HeldBack, Holds, Item, Presence};
use super::{InHand, Passback, Reason, RowOutcome, Stage};
use crate::{Error, ErrorKind, LineItem, Outcome, Page, PageRequest, Receipt, UserResult, token};

impl Passback {
    pub(super) fn posted(&mut self, number: u64, result: Result<Receipt, Error>) {
        let outcome = match result.map(|receipt| receipt.outcome) {
            Ok(Outcome::Sent) => RowOutcome::Sent,
            Ok(Outcome::Superseded) => RowOutcome::Superseded,
            // An earlier run may have sent it, or somebody graded later.
            Err(error) if error.kind() == ErrorKind::StaleTimestamp => RowOutcome::Superseded,
            Err(error) => return self.failed(number, error),
        };
        let Some(row) = self.rows.remove(&number) else { return };
        let about_themselves = self.items.get(row.item).map(|item| item.accept(row.begun));
        self.close(number, row, outcome, None);
        for (number, error) in about_themselves.into_iter().flatten() {
            self.reject(number, error);
        }
    }

    pub(super) fn failed(&mut self, number: u64, error: Error) {
        let Some(row) = self.rows.get(&number) else { return };
        let (index, reason) = (row.item, Reason::Failed(error.kind()));
        let outcome = match Blame::of(&error) {
            Blame::Unclear => return self.unclear(number, error),
            Blame::All => {
                self.halt(error.clone());
                RowOutcome::Skipped(reason)
            }
            Blame::LineItem => {
                self.shut(index, error.clone());
                RowOutcome::Skipped(reason)
            }
            Blame::Row => {
                self.refuse(number, &error);
                RowOutcome::Rejected(reason)
            }
            Blame::Way => {
                self.refuse(number, &error);
                RowOutcome::GaveUp(reason)
            }
        };
        if let Some(row) = self.rows.remove(&number) {
            self.close(number, row, outcome, Some(error));
        }
    }

    /// Counts the users who fail alike.
    fn refuse(&mut self, number: u64, error: &Error) {
        let Some(row) = self.rows.get(&number) else { return };
        let (index, lane) = (row.item, row.lane);
        let Some(item) = self.items.get(index) else { return };
        let is_enough = if error.is_transient() { item.give_up() } else { item.refuse(error.kind(), lane) };
        if is_enough {
            self.shut(index, error.clone());
        }
    }

    /// The platform refused, and does not tell whether it is about the row or about the line item: what comes after it does.
    fn unclear(&mut self, number: u64, error: Error) {
        let Some(row) = self.rows.get_mut(&number) else { return };
        row.stage = Stage::HeldBack;
        let index = row.item;
        let Some(item) = self.items.get(index) else { return };
        match (error.kind(), item.presence) {
            _ if item.is_shut() => self.pass_over(number, error),
            (ErrorKind::NotFound, Presence::Unasked) => {
                item.missing.push((number, error));
                if matches!(item.gate, Gate::Open) {
                    item.gate = Gate::Looking;
                    self.looks.push_back(index);
                }
            }
            _ => self.doubt(number, error),
        }
    }

    /// The line item cannot be asked about, or was.
    fn doubt(&mut self, number: u64, error: Error) {
        let after = self.begun;
        let Some(index) = self.rows.get(&number).map(|row| row.item) else { return };
        let Some(item) = self.items.get(index) else { return };
        if error.kind() == ErrorKind::NotFound && item.presence == Presence::There {
            self.refuse(number, &error);
            self.reject(number, error);
        } else if item.is_shut() {
            self.pass_over(number, error);
        } else if item.hold_back(number, error.clone(), after) {
            // Those held back are swept up.
            self.shut(index, error);
        }
    }

    /// Nothing follows that could tell what the rows held back were refused for: where all has come, it is taken for about
    /// them. Tells whether there were any.
    pub(super) fn judge(&mut self) -> bool {
        let held_back = self.items.let_go();
        let any = !held_back.is_empty();
        for (number, error) in held_back {
            if self.stopper.is_stopped() {
                self.pass_over(number, error);
            } else {
                self.reject(number, error);
            }
        }
        any
    }

    /// Takes a page of what a line item holds.
    pub(super) fn read(&mut self, index: u64, page: Result<Page<UserResult>, Error>) {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let page = match page {
            Ok(page) => page,
            Err(error) if Blame::of(&error) == Blame::All => return self.halt(error),
            Err(error) => return self.shut(index, error),
        };
        let Some(item) = self.items.get(index) else { return };
        let Holds::Reading(known) = &mut item.holds else { return };
        for result in &page.items {
            known.note(result, |id| self.wishes.ours.as_ref().is_none_or(|ours| ours.contains(id)));
        }
        if let Some(next) = page.next {
            self.reads.push_back((index, PageRequest::Next(next)));
        } else {
            item.holds = Holds::Read(std::mem::take(known));
            self.unparked.extend(item.parked.drain(..));
        }
    }

    /// The platform has said whether a line item is there, at which it found nothing.
    pub(super) fn looked(&mut self, index: u64, result: &Result<LineItem, Error>) {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let Some(item) = self.items.get(index) else { return };
        let is_gone = result.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound);
        item.presence = match result {
            Ok(_) => Presence::There,
            // It is asked again when the next one is missing.
            Err(error) if Blame::of(error) == Blame::Way => Presence::Unasked,
            Err(_) => Presence::Untold,
        };
        if matches!(item.gate, Gate::Looking) {
            item.gate = Gate::Open;
        }
        self.ready.extend(item.parked.drain(..));
        let mut missing = std::mem::take(&mut item.missing);
        if item.presence == Presence::There {
            missing.extend(item.let_go(HeldBack::found_nothing));
        }
        for (number, error) in missing {
            if is_gone {
                self.shut(index, error.clone());
                self.pass_over(number, error);
            } else {
                self.doubt(number, error);
            }
        }
    }

    /// Sends nothing more at all.
    pub(super) fn halt(&mut self, error: Error) {
        self.halted.get_or_insert(error);
        self.is_sweeping = true;
    }

    /// Sends nothing more to a line item.
    pub(super) fn shut(&mut self, index: usize, error: Error) {
        let Some(item) = self.items.get(index) else { return };
        if !item.is_shut() {
            item.gate = Gate::Shut(error);
            self.is_sweeping = true;
        }
    }

    /// Skips the rows in hand that can no longer be sent.
    pub(super) fn sweep(&mut self) {
        if !std::mem::take(&mut self.is_sweeping) {
            return;
        }
        let waiting = self.rows.iter().filter(|(_, row)| row.stage != Stage::OnItsWay);
        let mut waiting: Vec<_> = waiting.map(|(number, _)| *number).collect();
        waiting.sort_unstable();
        for number in waiting {
            if let Some(error) = self.obstacle(number) {
                self.pass_over(number, error);
            }
        }
        // Those that rest, and have sent nothing yet.
        for (interval, rest) in std::mem::take(&mut self.resting) {
            let unsent =
                rest.row().filter(|number| self.rows.get(number).is_some_and(|row| row.attempts == 0));
            if let Some((number, error)) = unsent.and_then(|number| Some((number, self.obstacle(number)?))) {
                self.calls = self.calls.saturating_sub(1);
                self.pass_over(number, error);
            } else {
                self.resting.push((interval, rest));
            }
        }
        self.ready.retain(|number| self.rows.contains_key(number));
    }

    /// Why a row in hand cannot be sent any more, where that is so.
    fn obstacle(&mut self, number: u64) -> Option<Error> {
        let item = self.rows.get(&number)?.item;
        self.halted.clone().or_else(|| self.items.get(item)?.gate.shut())
    }

    fn reject(&mut self, number: u64, error: Error) {
        if let Some(row) = self.rows.remove(&number) {
            let outcome = RowOutcome::Rejected(Reason::Failed(error.kind()));
            self.close(number, row, outcome, Some(error));
        }
    }

    fn pass_over(&mut self, number: u64, error: Error) {
        if let Some(row) = self.rows.remove(&number) {
            self.skip(number, row, error);
        }
    }

    pub(super) fn skip(&mut self, number: u64, row: Box<InHand>, error: Error) {
        let outcome = RowOutcome::Skipped(Reason::Failed(error.kind()));
        self.close(number, row, outcome, Some(error));
    }

    /// Settles a row, which is no longer in hand.
    pub(super) fn close(&mut self, number: u64, row: Box<InHand>, outcome: RowOutcome, error: Option<Error>) {
        if let Some(known) = self.items.get(row.item).and_then(Item::known) {
            match outcome {
                RowOutcome::Sent | RowOutcome::Skipped(Reason::DryRun) => {
                    known.take(&row.user_id, row.effect);
                }
                RowOutcome::Superseded | RowOutcome::GaveUp(_) => known.forget(&row.user_id),
                RowOutcome::Unchanged | RowOutcome::Skipped(_) | RowOutcome::Rejected(_) => {}
            }
        }
        self.summary.count(outcome);
        let lane = row.lane;
        let settlement = row.settlement(number, outcome, error, false);
        match &mut self.log {
            Some(log) if !self.wishes.dry_run => log.settle(settlement, lane),
            _ => {
                self.done.push_back(settlement);
                self.leave(lane, number);
            }
        }
    }
}

/// What a failure says something about.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Blame {
    /// The score, or its user.
    Row,
    /// The row, or every score for the line item: the platform does not say.
    Unclear,
    /// The way there: the platform may take the same score at another time.
    Way,
    /// Every score for the line item fails alike.
    LineItem,
    /// Every score does.
    All,
}

impl Blame {
    fn of(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::TokenRefused | ErrorKind::MissingScope | ErrorKind::InvalidKey => Self::All,
            // Canvas does not take a token for a course that the tool is not in.
            ErrorKind::Unauthorized
            | ErrorKind::ServiceNotAvailable
            | ErrorKind::ForeignOrigin
            | ErrorKind::InsecureUrl
            // A certificate that is not trusted.
            | ErrorKind::Tls => {
                if error.operation() == Some(token::NAME) {
                    Self::All
                } else {
                    Self::LineItem
                }
            }
            ErrorKind::RateLimited { .. }
            | ErrorKind::Timeout
            | ErrorKind::Connection
            | ErrorKind::ServerError
            | ErrorKind::Redirect
            | ErrorKind::MalformedResponse
            | ErrorKind::ResponseTooLarge
            | ErrorKind::OutcomeUnknown => Self::Way,
            ErrorKind::Forbidden | ErrorKind::NotFound => Self::Unclear,
            _ => Self::Row,
        }
    }
}
