//! A plan of faults that come by chance, and come again with the same seed.

use std::fmt;
use std::time::Duration;

use crate::ledger::Service;
use crate::script::{Route, Script, Scripts};

/// Faults, each with its probability. The same plan does the same to the same requests in the same order.
///
/// It prints itself, seed and all, so that a test that fails can say what it ran.
///
/// ```
/// use lti_ags_testing::{Plan, Platform, Route, Script};
///
/// let plan = Plan::new(17)
///     .with(0.05, Route::Scores, Script::reset_after_acting())
///     .with(0.01, Route::Any, Script::reply(503).times(3));
/// assert_eq!(
///     plan.to_string(),
///     "seed 17: 5% of score requests: act, then reset the connection; 1% of all requests: answer 503, 3 times"
/// );
/// let platform = Platform::builder().plan(plan).start();
/// # drop(platform);
/// ```
#[derive(Debug, Clone)]
pub struct Plan {
    seed: u64,
    random: fastrand::Rng,
    chances: Vec<Chance>,
}

#[derive(Debug, Clone)]
struct Chance {
    probability: f64,
    route: Route,
    script: Script,
}

impl Plan {
    /// One without faults.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed, random: fastrand::Rng::with_seed(seed), chances: Vec::new() }
    }

    /// The faults that a client has to survive in the long run, about one request in six: broken connections, lost and
    /// cut answers, what is no HTTP, bursts of 503, throttling, revoked tokens. None of them makes a client wait for its
    /// own time limit.
    #[must_use]
    pub fn random(seed: u64) -> Self {
        Self::new(seed)
            .with(0.03, Route::Any, Script::reset_before_acting())
            .with(0.03, Route::Any, Script::reset_after_acting())
            .with(0.02, Route::Any, Script::hang_up())
            .with(0.02, Route::Any, Script::truncated())
            .with(0.01, Route::Any, Script::garbage())
            .with(0.01, Route::Any, Script::reply(502))
            .with(0.01, Route::Any, Script::reply(503).times(3))
            .with(0.01, Route::Any, Script::reply(504).after_acting())
            .with(0.01, Route::Any, Script::throttled())
            .with(0.01, Route::Any, Script::normal().delay(Duration::from_millis(20)))
            .with(0.01, Route::Any, Script::refuse_connections(Duration::from_millis(20)))
            .with(0.01, Route::Any, Script::revoke_tokens())
    }

    /// With this fault too, at this probability from 0 to 1 for each request of the route that nothing else happens to.
    /// A script of several steps, once begun, goes on with the requests of the route that follow.
    #[must_use]
    pub fn with(mut self, probability: f64, route: Route, script: Script) -> Self {
        self.chances.push(Chance { probability, route, script });
        self
    }

    /// The seed.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Puts a fault among the scripts, if one is due to this request.
    pub(crate) fn draw(&mut self, service: Service, path: &str, scripts: &mut Scripts) {
        for Chance { probability, route, script } in &self.chances {
            if route.takes(service, path) && self.random.f64() < *probability {
                scripts.add(route, script.clone());
                return;
            }
        }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "seed {}:", self.seed)?;
        for (at, Chance { probability, route, script }) in self.chances.iter().enumerate() {
            let percent = probability * 100.0;
            write!(f, "{} {percent}% of {route}: {script}", if at == 0 { "" } else { ";" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(plan: &mut Plan) -> Vec<bool> {
        let mut scripts = Scripts::default();
        let draw = |_| {
            plan.draw(Service::Scores, "/li/scores", &mut scripts);
            scripts.next(Service::Scores, "/li/scores").is_some()
        };
        (0..200).map(draw).collect()
    }

    #[test]
    fn a_seed_says_what_happens() {
        let drawn = |seed| drawn(&mut Plan::random(seed));
        assert_eq!(drawn(17), drawn(17));
        assert_ne!(drawn(17), drawn(18));
        let faults = (0..50).flat_map(drawn).filter(|fault| *fault).count();
        assert!((1_000..3_000).contains(&faults), "{faults} of 10,000");
    }

    #[test]
    fn a_plan_is_for_its_routes() {
        let mut plan = Plan::new(1).with(1.0, Route::Token, Script::reply(500));
        assert!(!drawn(&mut plan).contains(&true));
        let mut plan = Plan::new(1).with(1.0, Route::Scores, Script::reply(500));
        assert!(!drawn(&mut plan).contains(&false));
    }
}
