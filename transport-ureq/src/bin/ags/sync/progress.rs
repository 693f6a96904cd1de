//! How far it is, on a terminal: one line on stderr, drawn anew a few times a second.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lti_ags_ureq::{Event, EventKind, Summary, WaitReason};

use crate::args::Global;

/// How long a line stands.
const BEAT: Duration = Duration::from_millis(200);

/// How long it goes on before a rate says anything.
const WARM: Duration = Duration::from_secs(2);

/// How many columns the bar takes.
const BAR: usize = 20;

/// Takes the line away.
const CLEAR: &str = "\r\u{1b}[2K";

/// The line, until it is dropped.
#[derive(Debug)]
pub(super) struct Progress(Option<Shown>);

#[derive(Debug)]
struct Shown {
    shared: Arc<Shared>,
    artist: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    is_over: Condvar,
}

/// Whether the platform throttles: until when it is to be left alone.
#[derive(Clone, Debug, Default)]
pub(super) struct Throttle(Arc<Mutex<Option<Instant>>>);

impl Throttle {
    pub(super) fn note(&self, event: &Event) {
        if let EventKind::Wait { length, reason: WaitReason::Throttled } = event.kind {
            *self.lock() = Instant::now().checked_add(length);
        }
    }

    fn holds(&self) -> bool {
        self.lock().is_some_and(|until| Instant::now() < until)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What there is to tell.
#[derive(Debug)]
struct State {
    rows: u64,
    begun: Instant,
    summary: Summary,
    /// Rows that earlier runs settled, which say nothing of the rate.
    replayed: u64,
    throttle: Throttle,
    is_over: bool,
}

impl Progress {
    /// None.
    pub(super) const NONE: Self = Self(None);

    /// Whether somebody watches, and no trace is in the way.
    pub(super) fn is_wanted(global: &Global) -> bool {
        !global.json && !global.trace && io::stderr().is_terminal()
    }

    /// Of a run over so many rows.
    pub(super) fn begin(rows: u64, throttle: Throttle) -> Self {
        let state = State {
            rows,
            begun: Instant::now(),
            summary: Summary::default(),
            replayed: 0,
            throttle,
            is_over: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), is_over: Condvar::new() });
        let theirs = Arc::clone(&shared);
        let artist = std::thread::Builder::new().name("progress".to_owned()).spawn(move || theirs.draw());
        Self(artist.ok().map(|artist| Shown { shared, artist: Some(artist) }))
    }

    /// How far it is now.
    pub(super) fn set(&self, summary: Summary, replayed: u64) {
        if let Some(shown) = &self.0 {
            let mut state = shown.shared.lock();
            (state.summary, state.replayed) = (summary, replayed);
        }
    }

    /// For what else is written to the terminal.
    pub(super) fn aside(&self) -> Aside {
        Aside(self.0.as_ref().map(|shown| Arc::clone(&shown.shared)))
    }
}

/// Writes to the terminal without the line in its way.
#[derive(Debug)]
pub(super) struct Aside(Option<Arc<Shared>>);

impl Aside {
    pub(super) fn write<R>(&self, write: impl FnOnce() -> R) -> R {
        let Some(shared) = &self.0 else { return write() };
        // The line is not drawn meanwhile.
        let state = shared.lock();
        if !state.is_over {
            put(CLEAR);
        }
        write()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn draw(&self) {
        let mut state = self.lock();
        while !state.is_over {
            put(&format!("{CLEAR}{}", line(&state, state.begun.elapsed())));
            let waited = self.is_over.wait_timeout(state, BEAT);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        put(CLEAR);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let Some(Shown { shared, artist }) = &mut self.0 else { return };
        shared.lock().is_over = true;
        shared.is_over.notify_all();
        if let Some(artist) = artist.take() {
            let _ = artist.join();
        }
    }
}

/// A terminal that is gone is nobody's loss.
fn put(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}

/// The line; what matters most comes first, since a narrow terminal shows no more.
fn line(state: &State, elapsed: Duration) -> String {
    let State { rows, summary, replayed, throttle, .. } = state;
    let percent = if *rows == 0 { 100 } else { summary.rows * 100 / rows };
    let filled = usize::try_from(percent).unwrap_or_default() * BAR / 100;
    let (filled, rest) = ("#".repeat(filled), "-".repeat(BAR.saturating_sub(filled)));
    let mut line = format!("[{filled}{rest}] {} of {rows} ({percent} %)", summary.rows);
    let settled = summary.rows.saturating_sub(*replayed);
    if throttle.holds() {
        line.push_str(", waiting for the platform");
    } else if elapsed >= WARM && settled > 0 {
        #[expect(clippy::cast_precision_loss, reason = "it is shown roughly")]
        let (rate, left) = (settled as f64 / elapsed.as_secs_f64(), rows.saturating_sub(summary.rows) as f64);
        let left = span(Duration::from_secs_f64(left / rate));
        line.extend([", ", &format!("{rate:.0}/s"), ", ", &left, " left"]);
    }
    let counts = [
        ("sent", summary.sent),
        ("unchanged", summary.unchanged),
        ("superseded", summary.superseded),
        ("skipped", summary.skipped),
        ("rejected", summary.rejected),
        ("gave up", summary.gave_up),
    ];
    for (name, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        line.extend([", ", &count.to_string(), " ", name]);
    }
    line
}

/// A time, roughly.
fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(sent: u64, rejected: u64, replayed: u64) -> State {
        let mut summary = Summary::default();
        (summary.rows, summary.sent, summary.rejected) = (sent + rejected, sent, rejected);
        State {
            rows: 1000,
            begun: Instant::now(),
            summary,
            replayed,
            throttle: Throttle::default(),
            is_over: false,
        }
    }

    #[test]
    fn the_line_tells_how_far_it_is_and_how_long_it_will_take() {
        let line = |state: &State, seconds| line(state, Duration::from_secs(seconds));
        assert_eq!(line(&state(0, 0, 0), 0), "[--------------------] 0 of 1000 (0 %)");
        assert_eq!(line(&state(10, 0, 0), 1), "[--------------------] 10 of 1000 (1 %), 10 sent");
        assert_eq!(
            line(&state(198, 2, 0), 10),
            "[####----------------] 200 of 1000 (20 %), 20/s, 40 s left, 198 sent, 2 rejected"
        );
        // What an earlier run did was not done in this time.
        assert_eq!(
            line(&state(500, 0, 490), 10),
            "[##########----------] 500 of 1000 (50 %), 1/s, 8 min 20 s left, 500 sent"
        );
        let waiting = state(10, 0, 0);
        *waiting.throttle.lock() = Some(Instant::now() + Duration::from_secs(3600));
        assert_eq!(
            line(&waiting, 60),
            "[--------------------] 10 of 1000 (1 %), waiting for the platform, 10 sent"
        );
        assert_eq!(line(&State { rows: 0, ..state(0, 0, 0) }, 60), "[####################] 0 of 0 (100 %)");
    }

    #[test]
    fn times_are_told_roughly() {
        let span = |seconds| span(Duration::from_secs(seconds));
        assert_eq!([span(59), span(61), span(7265)], ["59 s", "1 min 1 s", "2 h 1 min"]);
    }
}
