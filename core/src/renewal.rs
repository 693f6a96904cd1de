//! What renewing a token did not help against, so that a refusal of many calls does not cost as many tokens.

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;

use crate::interval::Interval;

/// How long a renewal in vain is remembered first; the `n`th one in a row n² as long.
const HOLD: Duration = Duration::from_secs(5);

/// The longest: a token that is revoked early meanwhile is renewed no later than this.
const MAX_HOLD: Duration = Duration::from_secs(60);

/// Renewals in vain, by the status that a new token did not change.
///
/// Brightspace answers 403 for each user who is not enrolled: without this, every one of them would cost a new token.
#[derive(Debug, Default)]
pub(crate) struct Renewals {
    unauthorized: Vain,
    forbidden: Vain,
    /// The newest token that a service has accepted, by its serial number.
    proven: u64,
}

#[derive(Debug, Default)]
struct Vain {
    times: u32,
    hold: Option<Interval>,
}

impl Renewals {
    /// Whether a new token may help against this status now.
    pub(crate) fn may_help(&self, status: StatusCode, now: Timestamp) -> bool {
        let hold = if status == StatusCode::FORBIDDEN { &self.forbidden } else { &self.unauthorized }.hold;
        hold.and_then(|hold| hold.remaining(now)).is_none()
    }

    /// A new token has met the same status again.
    pub(crate) fn in_vain(&mut self, status: StatusCode, now: Timestamp) {
        let vain = if status == StatusCode::FORBIDDEN { &mut self.forbidden } else { &mut self.unauthorized };
        vain.times = vain.times.saturating_add(1);
        vain.hold = Some(Interval::new(now, HOLD.saturating_mul(vain.times.saturating_pow(2)).min(MAX_HOLD)));
    }

    /// Whether a service has accepted this token, or a later one: where it is refused then, it has ended early.
    pub(crate) fn is_proven(&self, serial: u64) -> bool {
        serial <= self.proven
    }

    /// A token was accepted: after that, a 401 is about the token again. A 403 may still be about the user.
    pub(crate) fn accepted(&mut self, serial: u64, after_renewal: bool) {
        self.proven = self.proven.max(serial);
        self.unauthorized = Vain::default();
        if after_renewal {
            self.forbidden = Vain::default();
        }
    }
}
