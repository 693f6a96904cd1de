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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_came_first_are_ahead_until_they_leave_or_are_dropped() {
        let mut queue = Queue::default();
        let (first, second, third) = (queue.join(), queue.join(), queue.join());
        assert_eq!([&first, &second, &third].map(|ticket| queue.ahead(ticket)), [0, 1, 2]);
        queue.leave(&first);
        drop(first);
        assert_eq!((queue.ahead(&second), queue.ahead(&third), queue.len()), (0, 1, 2));
        drop(second);
        assert_eq!((queue.ahead(&third), queue.len()), (0, 1));
        drop(third);
        let (again, next) = (queue.join(), queue.join());
        assert_eq!((queue.ahead(&again), queue.ahead(&next)), (0, 1));
    }
}
