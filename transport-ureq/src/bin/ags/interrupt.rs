//! Ctrl-C, and the polite way to end a process: the first time, what is on its way arrives, and nothing more begins. The
//! second time ends it at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::Failure;

/// Whether somebody wants it to end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on, the first signal is noted, and does this; the second ends the process with the failure that is made then.
    /// Elsewhere than on Unix, and where the system does not let us listen, the first one ends it.
    pub(crate) fn listen(
        json: bool,
        first: impl FnOnce() + Send + 'static,
        second: impl FnOnce() -> Failure + Send + 'static,
    ) -> Self {
        let interrupt = Self::default();
        #[cfg(unix)]
        interrupt.clone().wait(json, first, second);
        #[cfg(not(unix))]
        drop((json, first, second));
        interrupt
    }

    pub(crate) fn was_heard(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    #[cfg(unix)]
    fn wait(
        self,
        json: bool,
        first: impl FnOnce() + Send + 'static,
        second: impl FnOnce() -> Failure + Send + 'static,
    ) {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
        // A terminal that is closed is no reason to leave things half done; under `nohup`, it is none to end.
        let wanted = [SIGINT, SIGTERM].into_iter().chain((!ignores_hangup()).then_some(SIGHUP));
        let Ok(mut signals) = signal_hook::iterator::Signals::new(wanted) else { return };
        std::thread::spawn(move || {
            let mut signals = signals.forever();
            if signals.next().is_some() {
                self.0.store(true, Ordering::Relaxed);
                first();
            }
            if signals.next().is_some() {
                second().report(json);
                std::process::exit(1);
            }
        });
    }
}

/// Whether this process was begun so that the end of its terminal does not end it; known on Linux alone.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
