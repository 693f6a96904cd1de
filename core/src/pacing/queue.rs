//! The calls that wait for their turn.

use std::sync::Arc;

/// A place among the calls that wait for their turn.
#[derive(Debug)]
pub(crate) struct Ticket {
    number: u64,
    _alive: Arc<()>,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Arc<()>,
    next: u64,
    /// No ticket below this one is known to wait.
    front: u64,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        Arc::strong_count(&self.waiting) - 1
    }

    pub(super) fn join(&mut self) -> Ticket {
        if self.len() == 0 {
            self.front = self.next;
        }
        self.next += 1;
        Ticket { number: self.next - 1, _alive: Arc::clone(&self.waiting) }
    }

    /// How many wait that came earlier, at most: some of those may have been dropped.
    pub(super) fn ahead(&self, ticket: &Ticket) -> usize {
        let earlier = usize::try_from(ticket.number.saturating_sub(self.front)).unwrap_or(usize::MAX);
        earlier.min(self.len().saturating_sub(1))
    }

    pub(super) fn leave(&mut self, ticket: &Ticket) {
        self.front = self.front.max(ticket.number + 1);
    }
}
