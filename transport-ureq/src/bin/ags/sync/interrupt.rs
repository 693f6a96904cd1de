//! Ctrl-C, and the polite way to end a process: what is on its way arrives, and nothing more begins. The second time ends it
//! at once, which a journal survives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lti_ags_ureq::Stopper;

use crate::output;

/// Whether somebody wants it to end.
#[derive(Debug)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Stops the run at the first signal, and ends the process at the second.
    pub(super) fn listen(stopper: Stopper) -> Self {
        let heard = Arc::new(AtomicBool::new(false));
        #[cfg(unix)]
        listen(stopper, &heard);
        // Elsewhere Ctrl-C ends the process at once.
        #[cfg(not(unix))]
        drop(stopper);
        Self(heard)
    }

    pub(super) fn was_heard(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(unix)]
fn listen(stopper: Stopper, heard: &Arc<AtomicBool>) {
    use signal_hook::consts::{SIGINT, SIGTERM};
    // Where the system does not let us listen, a signal ends the process at once.
    let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]) else { return };
    let heard = Arc::clone(heard);
    std::thread::spawn(move || {
        for signal in signals.forever() {
            if heard.swap(true, Ordering::Relaxed) {
                // As a shell reports a process that a signal ended.
                std::process::exit(128 + signal);
            }
            output::note("stopping: what is on its way arrives first; once more ends it at once");
            stopper.stop();
        }
    });
}
