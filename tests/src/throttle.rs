//! Throttling by a leaky bucket, as Canvas does it.
//!
//! The bucket leaks all the time. Each request reserves room in it when it comes; when it is done, its cost takes the
//! place of the reservation. One that finds the bucket full up to a mark below its brim is refused.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::reply::Reply;

/// How a platform throttles the services; token requests pass. The amounts are of no unit: on Canvas a unit is about a
/// second of work.
///
/// ```
/// use lti_ags_testing::{Platform, Throttle};
///
/// // A small bucket: two requests at the same time find room, a third one does not.
/// let platform = Platform::builder().throttle(Throttle::canvas().high_water(110.0).cost(1.5)).start();
/// # drop(platform);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Throttle {
    high_water: f64,
    brim: f64,
    drain: f64,
    reservation: f64,
    cost: f64,
    refusal: Refusal,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Refusal {
    /// 403, in the words of Canvas, and headers that tell what is left.
    Canvas,
    /// 429, with `Retry-After` perhaps.
    TooManyRequests(Option<Duration>),
}

impl Throttle {
    /// As Canvas sets it: full at 600 of 800, leaking 10 a second, 50 reserved for each request in flight. A request
    /// costs 0.05 unless said otherwise, and is refused with 403 and "Rate Limit Exceeded".
    #[must_use]
    pub fn canvas() -> Self {
        Self {
            high_water: 600.0,
            brim: 800.0,
            drain: 10.0,
            reservation: 50.0,
            cost: 0.05,
            refusal: Refusal::Canvas,
        }
    }

    /// How full the bucket may be before requests are refused, the reservation of the one that comes included.
    #[must_use]
    pub fn high_water(mut self, mark: f64) -> Self {
        self.high_water = mark;
        self
    }

    /// How much the bucket holds: what is beyond that is forgiven.
    #[must_use]
    pub fn brim(mut self, brim: f64) -> Self {
        self.brim = brim;
        self
    }

    /// How much leaks in a second.
    #[must_use]
    pub fn drain(mut self, per_second: f64) -> Self {
        self.drain = per_second;
        self
    }

    /// What is set aside for a request while it is in flight: until its answer goes out, after the delay that a
    /// [script](crate::Script::delay) gives it.
    #[must_use]
    pub fn reservation(mut self, reservation: f64) -> Self {
        self.reservation = reservation;
        self
    }

    /// What a request costs in the end.
    #[must_use]
    pub fn cost(mut self, cost: f64) -> Self {
        self.cost = cost;
        self
    }

    /// Refuses with a plain 429 instead, with or without `Retry-After`, and has no headers that tell what is left.
    #[must_use]
    pub fn too_many_requests(mut self, retry_after: Option<Duration>) -> Self {
        self.refusal = Refusal::TooManyRequests(retry_after);
        self
    }
}

/// A bucket and what is in it.
#[derive(Debug)]
pub(crate) struct Bucket {
    throttle: Throttle,
    level: f64,
    touched: Timestamp,
    /// When the requests in flight will be done, the earliest first.
    in_flight: Vec<Timestamp>,
}

impl Bucket {
    pub(crate) fn new(throttle: Throttle) -> Self {
        Self { throttle, level: 0.0, touched: Timestamp::MIN, in_flight: Vec::new() }
    }

    /// Whether a request that comes now is let in. It is in flight until it is told [done](Self::done).
    pub(crate) fn admits(&mut self, now: Timestamp) -> bool {
        let over = self.in_flight.iter().take_while(|done| **done <= now).count();
        for done in self.in_flight.drain(..over).collect::<Vec<_>>() {
            self.pour(done, self.throttle.cost - self.throttle.reservation);
        }
        self.pour(now, self.throttle.reservation);
        self.level < self.throttle.high_water
    }

    /// Completes the answer to a request that came now and has been let in, or not.
    pub(crate) fn done(&mut self, now: Timestamp, admitted: bool, reply: Reply) -> Reply {
        let Throttle { cost, reservation, high_water, refusal, .. } = self.throttle;
        let until = SignedDuration::try_from(reply.delay).ok().and_then(|delay| now.checked_add(delay).ok());
        match until {
            Some(until) if admitted && until > now => {
                let at = self.in_flight.partition_point(|done| *done <= until);
                self.in_flight.insert(at, until);
            }
            _ => self.pour(now, if admitted { cost } else { 0.0 } - reservation),
        }
        if refusal != Refusal::Canvas {
            return reply;
        }
        // In the answer of a request that takes its time, its own reservation is no longer counted.
        let own = if admitted && !reply.delay.is_zero() { reservation - cost } else { 0.0 };
        let mut reply = reply.without("X-Request-Cost").without("X-Rate-Limit-Remaining");
        if admitted {
            reply = reply.header("X-Request-Cost", format!("{cost:?}"));
        }
        reply.header("X-Rate-Limit-Remaining", format!("{:?}", high_water - self.level + own))
    }

    /// The answer to a request that was not let in.
    pub(crate) fn refusal(&self) -> Reply {
        match self.throttle.refusal {
            Refusal::TooManyRequests(Some(after)) => {
                Reply::new(429).header("Retry-After", after.as_secs().to_string())
            }
            Refusal::TooManyRequests(None) => Reply::new(429),
            Refusal::Canvas => {
                Reply::of_type(403, "text/plain; charset=utf-8", "403 Forbidden (Rate Limit Exceeded)\n")
            }
        }
    }

    /// Lets it leak up to this time, and adds to it.
    fn pour(&mut self, at: Timestamp, amount: f64) {
        // A clock that was set back leaks nothing.
        let elapsed = at.duration_since(self.touched).as_secs_f64().max(0.0);
        self.touched = self.touched.max(at);
        self.level = (self.level - elapsed * self.throttle.drain).max(0.0);
        self.level = (self.level + amount).clamp(0.0, self.throttle.brim);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_772_442_000, 0);

    fn at(millis: i64) -> Timestamp {
        NOW + SignedDuration::from_millis(millis)
    }

    /// One request that takes so long; whether it was let in, and what it was told is left.
    fn request(bucket: &mut Bucket, millis: i64, takes: u64) -> (bool, String) {
        let admitted = bucket.admits(at(millis));
        let mut reply = if admitted { Reply::new(204) } else { bucket.refusal() };
        reply.delay = Duration::from_millis(takes);
        let reply = bucket.done(at(millis), admitted, reply);
        let left = reply.headers.iter().find(|(name, _)| name == "X-Rate-Limit-Remaining");
        (admitted, left.map(|(_, left)| String::from_utf8(left.clone()).unwrap()).unwrap_or_default())
    }

    #[test]
    fn one_request_after_the_other_costs_next_to_nothing() {
        let mut bucket = Bucket::new(Throttle::canvas());
        for second in 0..1_000 {
            assert!(request(&mut bucket, second * 100, 90).0);
        }
    }

    #[test]
    fn requests_at_the_same_time_are_refused_when_their_reservations_fill_the_bucket() {
        let mut bucket = Bucket::new(Throttle::canvas());
        let admitted: Vec<_> = (0..14).map(|_| request(&mut bucket, 0, 1_000).0).collect();
        // The twelfth would fill it up to the mark: eleven reservations of 50 are 550.
        assert_eq!(admitted.iter().filter(|admitted| **admitted).count(), 11);
        assert!(request(&mut bucket, 1_000, 0).0, "all of them are done");
    }

    #[test]
    fn what_is_left_is_told_without_the_own_reservation() {
        let mut bucket = Bucket::new(Throttle::canvas().cost(2.5).drain(1.0));
        assert_eq!(request(&mut bucket, 0, 0), (true, "597.5".into()));
        assert_eq!(request(&mut bucket, 0, 1_000), (true, "595.0".into()));
        // The other one is in flight.
        assert_eq!(request(&mut bucket, 500, 0).1, "545.5");
    }

    /// Canvas takes the reservation back before it tells a refused client what is left, which may then be more than 0.
    #[test]
    fn a_refused_request_may_be_told_that_something_is_left() {
        let mut bucket = Bucket::new(Throttle::canvas().high_water(60.0).cost(30.0));
        assert_eq!(request(&mut bucket, 0, 0), (true, "30.0".into()));
        assert_eq!(request(&mut bucket, 0, 0), (false, "30.0".into()));
    }

    #[test]
    fn a_full_bucket_leaks() {
        let mut bucket = Bucket::new(Throttle::canvas().cost(300.0));
        assert!(request(&mut bucket, 0, 0).0);
        assert!(request(&mut bucket, 0, 0).0);
        assert!(!request(&mut bucket, 0, 0).0);
        assert!(!request(&mut bucket, 4_900, 0).0);
        assert!(request(&mut bucket, 5_100, 0).0, "51 of the 600 have leaked, and a reservation fits");
    }

    #[test]
    fn a_plain_platform_says_429_and_no_more_than_it_is_told() {
        for (after, expected) in [(None, None), (Some(Duration::from_secs(3)), Some("3"))] {
            let mut bucket = Bucket::new(Throttle::canvas().high_water(10.0).too_many_requests(after));
            assert!(!bucket.admits(NOW));
            let refusal = bucket.refusal();
            let reply = bucket.done(NOW, false, refusal);
            assert_eq!(reply.status, 429);
            let headers: Vec<_> = reply.headers.iter().map(|(name, value)| (name.as_str(), value)).collect();
            assert_eq!(headers.len(), usize::from(expected.is_some()));
            if let Some(expected) = expected {
                assert_eq!(headers[0], ("Retry-After", &expected.as_bytes().to_vec()));
            }
        }
    }
}
