//! Ctrl-C, and the polite way to end a process: the first time, what is on its way arrives, and nothing more begins. The
//! second time ends it at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::output;

/// Whether somebody wants it to end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on, the first signal is noted, with these words for who sent it, and does this; the second ends the process.
    /// Elsewhere than on Unix, and where the system does not let us listen, the first one does.
    pub(crate) fn listen(words: &'static str, then: impl Fn() + Send + 'static) -> Self {
        let interrupt = Self::default();
        #[cfg(unix)]
        interrupt.clone().wait(words, then);
        #[cfg(not(unix))]
        drop((words, then));
        interrupt
    }

    pub(crate) fn was_heard(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    #[cfg(unix)]
    fn wait(self, words: &'static str, then: impl Fn() + Send + 'static) {
        use signal_hook::consts::{SIGINT, SIGTERM};
        let Ok(mut signals) = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]) else { return };
        std::thread::spawn(move || {
            for signal in signals.forever() {
                if self.0.swap(true, Ordering::Relaxed) {
                    // As a shell tells of a process that a signal ended.
                    std::process::exit(128 + signal);
                }
                output::note(words);
                then();
            }
        });
    }
}
