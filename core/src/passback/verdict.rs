//! What an answer means for its row, and for all rows that are left.

use super::item::{Gate, Holds, Item};
use super::{InHand, Passback, Reason, RowOutcome, Stage};
use crate::{Error, ErrorKind, LineItem, Outcome, Page, PageRequest, Receipt, UserResult, token};

impl Passback {
    pub(super) fn posted(&mut self, number: u64, result: Result<Receipt, Error>) {
        let receipt = match result {
            Ok(receipt) => receipt,
            Err(error) => return self.failed(number, error),
        };
        let Some(row) = self.rows.remove(&number) else { return };
        if let Some(item) = self.items.get(row.item) {
            item.accept();
        }
        let outcome = match receipt.outcome {
            Outcome::Sent => RowOutcome::Sent,
            Outcome::Superseded => RowOutcome::Superseded,
        };
        self.close(number, row, outcome, None);
    }

    pub(super) fn failed(&mut self, number: u64, error: Error) {
        let Some(row) = self.rows.get(&number) else { return };
        let (index, lane) = (row.item, row.lane);
        let Some(item) = self.items.get(index) else { return };
        let kind = error.kind();
        match Blame::of(&error) {
            Blame::All => self.halt(error.clone()),
            Blame::LineItem => self.shut(index, error.clone()),
            Blame::Row if kind == ErrorKind::NotFound && !item.looked && !item.is_shut() => {
                item.missing.push((number, error));
                if matches!(item.gate, Gate::Open) {
                    item.gate = Gate::Looking;
                    self.looks.push_back(index);
                }
                return;
            }
            // It was on its way when the line item was found gone.
            Blame::Row
                if kind == ErrorKind::NotFound && item.gate.shut().is_some_and(|why| why.kind() == kind) =>
            {
                if let Some(row) = self.rows.remove(&number) {
                    self.skip(number, row, error);
                }
                return;
            }
            Blame::Row | Blame::Way => {
                if !error.is_transient() && item.refuse(kind, lane) {
                    self.shut(index, error.clone());
                }
            }
        }
        let reason = Reason::Failed(kind);
        let outcome = match Blame::of(&error) {
            Blame::All | Blame::LineItem => RowOutcome::Skipped(reason),
            Blame::Row => RowOutcome::Rejected(reason),
            Blame::Way => RowOutcome::GaveUp(reason),
        };
        if let Some(row) = self.rows.remove(&number) {
            self.close(number, row, outcome, Some(error));
        }
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
    pub(super) fn looked(&mut self, index: u64, result: Result<LineItem, Error>) {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let Some(item) = self.items.get(index) else { return };
        item.looked = true;
        item.is_there = result.is_ok();
        if matches!(item.gate, Gate::Looking) {
            item.gate = Gate::Open;
        }
        let missing = std::mem::take(&mut item.missing);
        self.ready.extend(item.parked.drain(..));
        let is_gone = result.is_err_and(|error| error.kind() == ErrorKind::NotFound);
        for (number, error) in missing {
            if !is_gone {
                self.failed(number, error);
                continue;
            }
            self.shut(index, error.clone());
            if let Some(row) = self.rows.remove(&number) {
                self.skip(number, row, error);
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
        for number in waiting.map(|(number, _)| *number).collect::<Vec<_>>() {
            let Some(row) = self.rows.get(&number) else { continue };
            let Some(error) = self.halted.clone().or_else(|| self.items.get(row.item)?.gate.shut()) else {
                continue;
            };
            if let Some(row) = self.rows.remove(&number) {
                self.skip(number, row, error);
            }
        }
        self.ready.retain(|number| self.rows.contains_key(number));
    }

    pub(super) fn skip(&mut self, number: u64, row: InHand, error: Error) {
        let outcome = RowOutcome::Skipped(Reason::Failed(error.kind()));
        self.close(number, row, outcome, Some(error));
    }

    /// Settles a row, which is no longer in hand.
    pub(super) fn close(&mut self, number: u64, row: InHand, outcome: RowOutcome, error: Option<Error>) {
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
        let (item, lane) = (row.item, row.lane);
        let settlement = row.settlement(number, outcome, error, false);
        match &mut self.log {
            Some(log) if !self.wishes.dry_run => log.settle(settlement, item, lane),
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
            ErrorKind::TokenRefused
            | ErrorKind::MissingScope
            | ErrorKind::Unauthorized
            | ErrorKind::InvalidKey => Self::All,
            ErrorKind::ServiceNotAvailable | ErrorKind::ForeignOrigin | ErrorKind::InsecureUrl => {
                if error.operation() == Some(token::NAME) { Self::All } else { Self::LineItem }
            }
            ErrorKind::RateLimited { .. }
            | ErrorKind::Timeout
            | ErrorKind::Connection
            | ErrorKind::Tls
            | ErrorKind::ServerError
            | ErrorKind::Redirect
            | ErrorKind::MalformedResponse
            | ErrorKind::ResponseTooLarge
            | ErrorKind::OutcomeUnknown => Self::Way,
            _ => Self::Row,
        }
    }
}
