//! When a request may go, so that a platform which throttles need not.
//!
//! Calls go by time slots that all calls of a session share: one a *gap*. The gap is what is left to decide:
//!
//! - Where a platform tells what is left of its budget (`X-Rate-Limit-Remaining`), the gap grows as the budget shrinks. A
//!   rate that falls continuously with the budget settles where the budget neither grows nor shrinks, which is the rate of
//!   the platform, whatever that is. Nobody estimates it, and other clients of the same budget need not be known.
//! - Canvas sets 50 units aside for each request in flight, which bounds how many there can be at a time.
//! - Where a platform only refuses, the rate is what it let through between two refusals, a little less at first, and more
//!   and more until it refuses again.
//! - Where it does neither, there is no gap.
//!
//! A call that has to wait takes a ticket, which tells how many gaps are ahead of it. Who comes to an open slot before those
//! that are ahead leaves it to them for a moment, and no longer. So a call that is dropped holds nobody up, and nobody has
//! to be woken.

mod budget;
mod limit;
mod queue;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use jiff::Timestamp;

use crate::interval::Interval;
use crate::retry_after;
use budget::Budget;
use limit::{Limit, Tally};
use queue::Queue;

pub(crate) use queue::Ticket;

/// The gap between requests beyond those of the [`Ramp`]: a platform that takes its time is no reason to stop.
const RAMP_GAP: Duration = Duration::from_millis(50);

/// The longest time after which a call looks again whether it may go.
const LOOK: Duration = Duration::from_secs(1);

/// How long an open slot waits for those who came first, at most.
const GRACE: Duration = Duration::from_millis(20);

/// How late a call may come to its slot without the next one being later, too: timers are not exact.
const LATE: Duration = Duration::from_millis(20);

/// When requests may go. A plain value; what it knows comes in as answers.
#[derive(Debug, Default)]
pub(crate) struct Pacing {
    /// One clone for each request in flight: a call that is dropped needs to tell nobody.
    in_flight: Arc<()>,
    last: Option<Slot>,
    queue: Queue,
    ramp: Ramp,
    /// When the last answer came.
    heard: Option<Timestamp>,
    latency: Latency,
    budget: Option<Budget>,
    limit: Option<Limit>,
    recently: Tally,
    /// When the last requests went, where there is a budget: what it says does not count those that have not arrived.
    departures: VecDeque<Timestamp>,
}

/// How many requests that is, at most.
const DEPARTURES: usize = 64;

/// A request in flight, to be kept as long as it is.
#[derive(Debug)]
pub(crate) struct Flight {
    _alive: Arc<()>,
}

/// The slot that was taken last.
#[derive(Clone, Copy, Debug)]
struct Slot {
    at: Timestamp,
    /// By how much it was taken late.
    late: Duration,
}

impl Pacing {
    /// How long a call must wait before it may send. `None`: it may now.
    pub(crate) fn wait(&mut self, now: Timestamp, ticket: &mut Option<Ticket>) -> Option<Duration> {
        let slot = self.next(now);
        let ahead = match ticket {
            Some(ticket) => self.queue.ahead(ticket),
            None => self.queue.len(),
        };
        let first = match slot.opens {
            Opens::In(left) => left,
            // Those who are ahead may have been dropped, or have not woken up yet.
            Opens::Since(open) if ahead > 0 => slot.each.clamp(GRACE / 10, GRACE).checked_sub(open)?,
            Opens::Since(_) => return None,
        };
        ticket.get_or_insert_with(|| self.queue.join());
        let ahead = u32::try_from(ahead).unwrap_or(u32::MAX);
        Some(first.saturating_add(slot.each.saturating_mul(ahead)).clamp(Duration::from_millis(1), LOOK))
    }

    fn next(&self, now: Timestamp) -> Next {
        let allowed = self.allowed();
        if let Some(allowed) = allowed
            && self.in_flight() >= allowed
        {
            let each = self.latency.average() / u32::try_from(allowed).unwrap_or(u32::MAX);
            // The longer nothing is heard, the more seldom a call looks again.
            let seldom = match self.heard {
                Some(heard) if heard <= now => Interval::since(heard, now) / 8,
                _ => RAMP_GAP,
            };
            let each = each.max(Duration::from_millis(1)).max(seldom);
            return Next { opens: Opens::In(each), each };
        }
        let gap = self.gap(now);
        let Some(Slot { at, late }) = self.last.filter(|_| !gap.is_zero() || allowed.is_some()) else {
            return Next { opens: Opens::Since(LOOK), each: gap };
        };
        let length = gap.saturating_sub(late);
        let opens = match Interval::new(at, length).remaining(now) {
            Some(left) => Opens::In(left),
            None if now < at => Opens::Since(LOOK),
            None => {
                let open = Interval::since(at, now).saturating_sub(length);
                // A clock that went back has heard nothing yet.
                let heard = self.heard.filter(|heard| *heard <= now).unwrap_or(at);
                Opens::Since(open.min(Interval::since(heard, now)))
            }
        };
        Next { opens, each: gap }
    }

    /// A request goes out.
    pub(crate) fn sent(&mut self, now: Timestamp, ticket: Option<Ticket>) -> Flight {
        let gap = self.gap(now);
        let late = self.last.map_or(Duration::ZERO, |Slot { at, late }| {
            Interval::since(at, now).saturating_sub(gap.saturating_sub(late)).min(gap.max(LATE).min(LOOK))
        });
        // A slot that nobody waited for was not missed.
        let late = if ticket.is_some() || self.queue.len() > 0 { late } else { Duration::ZERO };
        self.last = Some(Slot { at: now, late });
        if let Some(ticket) = ticket {
            self.queue.leave(&ticket);
        }
        if self.budget.is_some() {
            self.departures.push_front(now);
            self.departures.truncate(DEPARTURES);
        }
        Flight { _alive: Arc::clone(&self.in_flight) }
    }

    /// An answer has come, to a request that was sent then. Tells whether calls that wait may now go.
    pub(crate) fn answered(
        &mut self,
        now: Timestamp,
        sent: Timestamp,
        headers: &HeaderMap,
        refused: bool,
    ) -> bool {
        self.heard = Some(now);
        self.latency.add(Interval::since(sent, now));
        let remaining = retry_after::rate_limit_remaining(headers);
        let is_budgeted = self.heed(now, remaining, refused);
        if refused {
            if !is_budgeted {
                self.restrain(now, sent);
            }
        } else {
            self.recently.add(now);
            self.limit = self.limit.take().and_then(|limit| limit.allowed_one_more(now));
        }
        self.ramp.goes_on(refused) && self.queue.len() > 0
    }

    /// The session rests for this long after a refusal.
    pub(crate) fn rests(&mut self, length: Duration) {
        if let Some(limit) = &mut self.limit {
            limit.rest = limit.rest.max(length);
        }
    }

    /// Takes note of what is left of the budget; tells whether that explains a refusal.
    fn heed(&mut self, now: Timestamp, remaining: Option<f64>, refused: bool) -> bool {
        let Some(remaining) = remaining else {
            // Answers of a proxy in front do not tell.
            if refused && let Some(budget) = &mut self.budget {
                budget.heed(0.0, 0, true);
                return budget.is_believed();
            }
            return false;
        };
        let half = self.latency.average() / 2;
        let unseen = self.departures.iter().take_while(|sent| Interval::since(**sent, now) < half).count();
        let seen = self.in_flight().saturating_sub(unseen);
        let budget = self.budget.get_or_insert_with(|| Budget::new(remaining));
        budget.heed(remaining, seen, refused);
        budget.is_believed() && budget.gap() > Duration::ZERO
    }

    fn restrain(&mut self, now: Timestamp, sent: Timestamp) {
        let limit = match self.limit.take() {
            Some(limit) => limit.refused(now, sent),
            None => Limit::begun(self.recently.rate(now), now),
        };
        self.limit = Some(limit);
    }

    fn in_flight(&self) -> usize {
        Arc::strong_count(&self.in_flight) - 1
    }

    /// How many requests may be in flight, where that is bounded.
    fn allowed(&self) -> Option<usize> {
        self.budget.as_ref().filter(|budget| budget.is_believed())?.allowed()
    }

    fn gap(&self, now: Timestamp) -> Duration {
        let ramp = if self.ramp.allows(self.in_flight()) { Duration::ZERO } else { RAMP_GAP };
        let budget = self.budget.as_ref().filter(|budget| budget.is_believed());
        let limit = self.limit.as_ref().filter(|limit| limit.is_fresh(now));
        budget.map_or(ramp, |budget| budget.gap().max(ramp)).max(limit.map_or(Duration::ZERO, Limit::gap))
    }
}

/// The slot that is to be taken next.
struct Next {
    opens: Opens,
    /// How far the slots behind it are apart.
    each: Duration,
}

enum Opens {
    In(Duration),
    Since(Duration),
}

/// How many requests may be in flight at first: few, and twice as many as often as that many were answered. When it is over,
/// nothing is known against any number.
#[derive(Debug)]
struct Ramp {
    allowed: usize,
    answers: usize,
}

impl Default for Ramp {
    fn default() -> Self {
        Self { allowed: 4, answers: 0 }
    }
}

impl Ramp {
    const END: usize = 64;

    fn allows(&self, in_flight: usize) -> bool {
        self.allowed >= Self::END || in_flight < self.allowed
    }

    /// Takes an answer into account; tells whether more may go now. The first one tells whether there is a budget.
    fn goes_on(&mut self, refused: bool) -> bool {
        if self.allowed >= Self::END || refused {
            return false;
        }
        self.answers += 1;
        let doubles = self.answers >= self.allowed;
        if doubles {
            (self.allowed, self.answers) = (self.allowed * 2, 0);
        }
        doubles
    }
}

/// How long answers take, lately.
#[derive(Debug, Default)]
struct Latency(Option<Duration>);

impl Latency {
    fn add(&mut self, latency: Duration) {
        // A platform that hangs says little of the next request.
        let latency = latency.min(Duration::from_secs(5));
        self.0 = Some(self.0.map_or(latency, |average| (average * 7 + latency) / 8));
    }

    fn average(&self) -> Duration {
        self.0.unwrap_or(RAMP_GAP)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(1_772_442_000_000 + milliseconds).unwrap()
    }

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    /// With half of a budget of 600 left, and so a gap of 30 ms.
    fn half() -> Pacing {
        let mut budget = Budget::new(600.0);
        budget.heed(243.0, 0, false);
        Pacing { budget: Some(budget), ..Pacing::default() }
    }

    #[test]
    fn who_comes_later_leaves_an_open_slot_to_those_ahead_for_a_moment() {
        let mut pacing = half();
        let (mut first, mut second) = (None, None);
        assert_eq!(pacing.wait(at(0), &mut first), None);
        let _flight = pacing.sent(at(0), None);
        assert_eq!(pacing.wait(at(10), &mut first), Some(ms(20)));
        assert_eq!(pacing.wait(at(10), &mut second), Some(ms(50)));
        assert_eq!(pacing.wait(at(31), &mut second), Some(ms(49)));
        assert_eq!(pacing.wait(at(31), &mut first), None);
        // Those ahead may have been dropped.
        assert_eq!(pacing.wait(at(51), &mut second), None);
        // It counts from when the last answer came, which may have woken them.
        pacing.heard = Some(at(50));
        assert_eq!(pacing.wait(at(52), &mut second), Some(ms(48)));
        pacing.heard = Some(at(100));
        assert_eq!(pacing.wait(at(52), &mut second), None);
        // A clock that went back holds nobody up.
        assert_eq!(pacing.wait(at(-5_000), &mut second), None);
    }

    #[test]
    fn the_longer_nothing_is_heard_the_more_seldom_a_call_looks_whether_it_has_room() {
        let mut budget = Budget::new(600.0);
        budget.heed(61.0, 0, false);
        let mut pacing = Pacing { budget: Some(budget), ..Pacing::default() };
        let _flight = pacing.sent(at(0), None);
        for (heard, now, wait) in
            [(None, 0, 50), (Some(0), 100, 50), (Some(0), 4_000, 500), (Some(0), 60_000, 1_000)]
        {
            pacing.heard = heard.map(at);
            assert_eq!(pacing.wait(at(now), &mut None), Some(ms(wait)), "{heard:?}, {now}");
        }
    }

    #[test]
    fn a_refusal_that_the_budget_does_not_explain_is_a_limit() {
        for (remaining, is_explained) in [("600", false), ("243", true)] {
            let mut pacing = Pacing::default();
            pacing.answered(at(0), at(-50), &left("600"), false);
            pacing.answered(at(100), at(50), &left(remaining), true);
            assert_eq!(pacing.limit.is_none(), is_explained, "{remaining}");
        }
    }

    fn left(remaining: &str) -> HeaderMap {
        let name = http::HeaderName::from_static("x-rate-limit-remaining");
        HeaderMap::from_iter([(name, remaining.parse().unwrap())])
    }

    #[test]
    fn few_may_be_in_flight_at_first_and_twice_as_many_when_as_many_were_answered() {
        let mut ramp = Ramp::default();
        assert!(ramp.allows(3) && !ramp.allows(4));
        assert_eq!(
            [true, false, false, false, false].map(|refused| ramp.goes_on(refused)),
            [false, false, false, false, true]
        );
        assert!(ramp.allows(7) && !ramp.allows(8));
        while !ramp.allows(1_000) {
            ramp.goes_on(false);
        }
        assert_eq!((ramp.allowed, ramp.goes_on(false)), (Ramp::END, false));
    }
}
