//! How hard to try, how long to wait, where a token may go: plain values that a caller can change.

use std::time::Duration;

use http::HeaderValue;

use crate::url::Origin;

/// The limits and permissions of a session.
///
/// ```
/// use std::time::Duration;
/// use lti_ags::Policy;
///
/// let mut policy = Policy::default();
/// policy.deadline = Duration::from_secs(20);
/// policy.allow_origins.push("https://lms-2.example".parse()?);
/// # Ok::<(), lti_ags::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Policy {
    /// How often one call may be sent, the first time included; renewing a token and following a redirect do not count.
    /// A plain 500 is tried once more at most. Default 5.
    pub max_attempts: u32,
    /// How long one call may take, waits and retries included. No exchange begins after it, and in the
    /// transports none takes longer than it. Of the scores of a [passback](crate::Passback), what one waits for the platform's
    /// limit does not count as long as the platform takes others. Default 120 seconds.
    pub deadline: Duration,
    /// The longest wait before the second attempt; it doubles with each further one. Default 500 milliseconds.
    pub backoff: Duration,
    /// The longest wait of our own choosing between two attempts. Default 30 seconds.
    pub max_backoff: Duration,
    /// The longest wait that a platform may ask for; beyond it the call fails at once. Default 60 seconds.
    pub max_retry_after: Duration,
    /// How long before its expiry a token is renewed, at most half its lifetime. Default 60 seconds.
    pub token_margin: Duration,
    /// The lifetime of a token whose expiry the platform does not tell. Default one hour.
    pub token_lifetime: Duration,
    /// Which scopes a token is asked for.
    pub token_scopes: TokenScopes,
    /// By how much assertions are back-dated, in whole seconds, for platforms whose clock is behind. Default 5 seconds.
    pub back_dating: Duration,
    /// How far the timestamps of one user's scores are apart at least. Default one second, since Moodle compares whole
    /// seconds.
    pub timestamp_step: Duration,
    /// How many pages of one list are read before it counts as endless. Default 1,000.
    pub max_pages: u32,
    /// How many line items or results one page may hold. Default 100,000.
    pub max_page_items: usize,
    /// What requests call the tool; Canvas refuses those that say nothing. Default `lti-ags/` and the version.
    pub user_agent: HeaderValue,
    /// Hosts that may be reached over plain http, by exact name. Loopback always may.
    pub allow_http_hosts: Vec<String>,
    /// Origins that a token may go to beside those of the endpoint.
    pub allow_origins: Vec<Origin>,
}

/// Which scopes a token is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenScopes {
    /// All AGS scopes of the endpoint at once, so that one token serves every call; where the platform refuses that set
    /// (`invalid_scope`), just what the call needs.
    #[default]
    OfEndpoint,
    /// Just what each call needs.
    OfOperation,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            max_attempts: 5,
            deadline: Duration::from_secs(120),
            backoff: Duration::from_millis(500),
            max_backoff: Duration::from_secs(30),
            max_retry_after: Duration::from_secs(60),
            token_margin: Duration::from_secs(60),
            token_lifetime: Duration::from_secs(3600),
            token_scopes: TokenScopes::OfEndpoint,
            back_dating: Duration::from_secs(5),
            timestamp_step: Duration::from_secs(1),
            max_pages: 1_000,
            max_page_items: 100_000,
            user_agent: HeaderValue::from_static(concat!("lti-ags/", env!("CARGO_PKG_VERSION"))),
            allow_http_hosts: Vec::new(),
            allow_origins: Vec::new(),
        }
    }
}

impl Policy {
    /// A little time, less than the shortest rest: what keeps calls apart that wait for the same moment.
    pub(crate) fn jitter(&self, share: f64) -> Duration {
        self.backoff.min(self.max_backoff).mul_f64(share) + Duration::from_millis(1)
    }

    /// How long to rest after the `failures`th failure: anything up to a ceiling that doubles ("full jitter"), so that
    /// callers who failed together do not come back together. `share` is between 0 and 1.
    pub(crate) fn rest(&self, failures: u32, share: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(16);
        let ceiling = self.backoff.saturating_mul(1 << doublings).min(self.max_backoff);
        ceiling.mul_f64(share).max(Duration::from_millis(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rest_doubles_up_to_its_bound() {
        let policy = Policy {
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(10),
            ..Policy::default()
        };
        let rests = [1, 2, 3, 4, 5, 90].map(|failures| policy.rest(failures, 1.0).as_secs());
        assert_eq!(rests, [1, 2, 4, 8, 10, 10]);
    }
}
