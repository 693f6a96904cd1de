//! Whether a request is sent again: a pure decision.

use std::time::Duration;

use http::StatusCode;

use crate::operation::Replay;
use crate::refusal::Refusal;
use crate::transport::{Cause, Fate, TransportError};

/// What to do after an attempt that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing: it will fail again.
    Final,
    /// Nothing: it may have been acted on, and acting twice would harm.
    Unknown,
    /// Send it once more, not oftener: Open edX answers 500 to what it should refuse.
    Once,
    /// Send it again, after this long where the platform said so.
    Later(Option<Duration>),
    /// The same, and let every other call rest as well.
    Throttled(Option<Duration>),
}

/// After an exchange without an answer.
pub(crate) fn after_fault(error: &TransportError, replay: Replay) -> Verdict {
    match (error.fate(), error.cause(), replay) {
        // A bad certificate stays bad, and an answer that is too large stays so.
        (Fate::NotSent, Cause::Tls, _) | (_, Cause::TooLarge, Replay::Safe) => Verdict::Final,
        (Fate::NotSent, ..) | (Fate::InDoubt, _, Replay::Safe) => Verdict::Later(None),
        (Fate::InDoubt, _, Replay::Unsafe) => Verdict::Unknown,
    }
}

/// After a refusal that a new token does not mend.
pub(crate) fn after_refusal(refusal: &Refusal, replay: Replay) -> Verdict {
    let after = refusal.retry_after();
    if refusal.is_throttling() {
        return Verdict::Throttled(after);
    }
    match (refusal.status(), replay) {
        (
            StatusCode::REQUEST_TIMEOUT
            | StatusCode::TOO_EARLY
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT,
            Replay::Safe,
        ) => Verdict::Later(after),
        (StatusCode::INTERNAL_SERVER_ERROR, Replay::Safe) => Verdict::Once,
        (StatusCode::REQUEST_TIMEOUT, Replay::Unsafe) => Verdict::Unknown,
        (status, Replay::Unsafe) if status.is_server_error() => Verdict::Unknown,
        _ => Verdict::Final,
    }
}

/// Whether a platform that answers so may have acted on the request all the same.
pub(crate) fn may_have_been_acted_on(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT
}
