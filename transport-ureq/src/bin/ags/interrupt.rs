//! Ctrl-C, and the polite way to end a process: the first time, what is on its way arrives, and nothing more begins. The
//! second time ends it at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether somebody wants it to end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on, the first signal is noted, and does this; the second ends the process. Elsewhere than on Unix, and where
    /// the system does not let us listen, the first one does.
    pub(crate) fn listen(first: impl FnOnce() + Send + 'static) -> Self {
        let interrupt = Self::default();
        #[cfg(unix)]
        interrupt.clone().wait(first);
        #[cfg(not(unix))]
        drop(first);
        interrupt
    }

    pub(crate) fn was_heard(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    #[cfg(unix)]
    fn wait(self, first: impl FnOnce() + Send + 'static) {
        use signal_hook::consts::{SIGINT, SIGTERM};
        let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]) else { return };
        let mut first = Some(first);
        std::thread::spawn(move || {
            for signal in signals.forever() {
                match first.take() {
                    Some(first) => {
                        self.0.store(true, Ordering::Relaxed);
                        first();
                    }
                    // As a shell tells of a process that a signal ended.
                    None => std::process::exit(128 + signal),
                }
            }
        });
    }
}
