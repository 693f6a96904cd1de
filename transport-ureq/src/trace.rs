//! What happens to calls, for a subscriber of `tracing`.

use lti_ags::{Event, EventKind};

const TARGET: &str = "lti_ags";

/// Hands an event on to `tracing`, with the target `lti_ags`: what is tried again as a warning, another token as
/// information, exchanges and waits for debugging. An observer for a client:
///
/// ```
/// use lti_ags_ureq::{Client, Registration, trace};
///
/// fn traced(registration: Registration) -> Client {
///     Client::builder(registration).observe(trace).build()
/// }
/// ```
pub fn trace(event: &Event) {
    let Event { operation, attempt, page, kind, .. } = event;
    match kind {
        EventKind::Exchange { method, url, outcome, elapsed, remaining, cost, .. } => {
            let status = outcome.as_ref().ok().map(|(status, _)| status.as_u16());
            let bytes = outcome.as_ref().ok().map(|(_, bytes)| bytes);
            let cause = outcome.as_ref().err().map(|error| tracing::field::debug(error.cause()));
            tracing::debug!(
                target: TARGET, operation, attempt, page, %method, url = &**url, status, bytes, cause, remaining, cost,
                elapsed_seconds = elapsed.as_secs_f64(), "exchange"
            );
        }
        EventKind::Wait { length, reason } => tracing::debug!(
            target: TARGET, operation, attempt, page, %reason, seconds = length.as_secs_f64(), "wait"
        ),
        EventKind::Renewal { status } => {
            tracing::info!(target: TARGET, operation, attempt, page, status = status.as_u16(), "renewal");
        }
        EventKind::Retry { error } => {
            tracing::warn!(target: TARGET, operation, attempt, page, %error, "retry");
        }
        _ => tracing::debug!(target: TARGET, "{event}"),
    }
}
