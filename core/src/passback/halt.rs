//! What ends a passback early: whoever stops it, or a failure that all would meet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, ServiceUrl};

/// Stops a passback, from wherever, within a second: nothing more is sent, and requests that are under way are settled. Rows
/// that were not begun stay in hand, and so do those that wait to be sent again.
#[derive(Clone, Debug, Default)]
pub struct Stopper(Arc<AtomicBool>);

impl Stopper {
    /// Stops it.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Lets it go on.
    pub fn go_on(&self) {
        self.0.store(false, Ordering::Release);
    }

    /// Whether it is stopped.
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Why nothing more is sent: to a line item, or at all.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Halt {
    /// The line item; `None` where it is all of them.
    pub line_item: Option<ServiceUrl>,
    /// The failure that all would have met.
    pub error: Error,
}
