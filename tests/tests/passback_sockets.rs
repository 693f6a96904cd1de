//! Bulk passback over real sockets, through both transports.

mod common;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Limits, OverHyper, OverUreq, Tool, endpoint, impatient, registration};
use lti_ags::{
    History, Journal, JournalError, JournalHeader, JournalReader, Passback, Row, RowOutcome, Score,
    ServiceUrl, Settlement, Stopper, Summary, Timestamp,
};
use lti_ags_testing::{Platform, Route, Script};
use lti_ags_ureq::JournalFile;

/// A tool that passes scores back.
trait Bulk: Tool {
    /// Settles rows until `look` has seen enough, or all are settled.
    fn pass_back(
        &self,
        passback: Passback,
        rows: Vec<Row>,
        journal: Option<JournalFile>,
        look: impl FnMut(&Settlement, &Stopper) -> bool,
    ) -> Result<Summary, JournalError>;

    fn all(&self, passback: Passback, rows: Vec<Row>, journal: Option<JournalFile>) -> Summary {
        self.pass_back(passback, rows, journal, |_, _| true).unwrap()
    }
}

impl Bulk for OverUreq {
    fn pass_back(
        &self,
        passback: Passback,
        rows: Vec<Row>,
        journal: Option<JournalFile>,
        mut look: impl FnMut(&Settlement, &Stopper) -> bool,
    ) -> Result<Summary, JournalError> {
        let mut settlements = self.0.pass_back(passback, rows);
        if let Some(journal) = journal {
            settlements = settlements.journal(journal);
        }
        let stopper = settlements.stopper();
        for settlement in &mut settlements {
            if !look(&settlement?, &stopper) {
                break;
            }
        }
        Ok(settlements.summary())
    }
}

impl Bulk for OverHyper {
    fn pass_back(
        &self,
        passback: Passback,
        rows: Vec<Row>,
        journal: Option<JournalFile>,
        look: impl FnMut(&Settlement, &Stopper) -> bool,
    ) -> Result<Summary, JournalError> {
        use lti_ags_hyper::Settlements;
        use std::pin::pin;

        async fn drain<T>(
            settlements: Settlements<T>,
            mut look: impl FnMut(&Settlement, &Stopper) -> bool,
        ) -> Result<Summary, JournalError>
        where
            T: futures_core::Stream<Item = Result<Settlement, JournalError>> + Unpin,
        {
            let mut settlements = pin!(settlements);
            let stopper = settlements.stopper();
            while let Some(settlement) =
                std::future::poll_fn(|context| futures_core::Stream::poll_next(settlements.as_mut(), context))
                    .await
            {
                if !look(&settlement?, &stopper) {
                    break;
                }
            }
            Ok(settlements.summary())
        }

        self.runtime.block_on(async {
            match journal {
                Some(journal) => {
                    drain(self.client.pass_back_with_journal(passback, rows, journal), look).await
                }
                None => drain(self.client.pass_back(passback, rows), look).await,
            }
        })
    }
}

/// A file of its own, which is gone afterwards.
struct Temporary(PathBuf);

fn header(line_items: &[&ServiceUrl]) -> JournalHeader {
    JournalHeader::new("these rows", line_items.iter().copied())
}

impl Temporary {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("passback-{}-{number}.journal", std::process::id())))
    }

    fn journal(&self) -> Result<JournalFile, JournalError> {
        JournalFile::open(&self.0, header(&[]))
    }

    fn journal_of(&self, platform: &Platform) -> Result<JournalFile, JournalError> {
        JournalFile::open(&self.0, header(&[endpoint(platform).line_item().unwrap()]))
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn rows(count: u32) -> Vec<Row> {
    let score = |number| Score::graded(format!("u-{}", 1_001 + number % 100), f64::from(number % 100), 100.0);
    (0..count).map(|number| score(number).build().unwrap().into()).collect()
}

fn passback(platform: &Platform) -> Passback {
    Passback::new(&endpoint(platform)).concurrency(8)
}

/// One token, and each score once, in the order of its user.
fn scores_are_passed_back<T: Bulk>() {
    let platform = Platform::start();
    let summary = T::on(&platform).all(passback(&platform), rows(300), None);
    assert_eq!((summary.rows, summary.sent, summary.requests, summary.token_requests), (300, 300, 300, 1));
    for number in 0..100 {
        let entry = platform.gradebook().result("li-1", &format!("u-{}", 1_001 + number)).cloned().unwrap();
        assert_eq!((entry.given, entry.posts), (Some((f64::from(number), 100.0)), 3));
    }
    platform.assert_no_violations();
}

fn only_what_changed_is_passed_back<T: Bulk>() {
    let platform = Platform::start();
    let tool = T::on(&platform);
    tool.all(passback(&platform), rows(100), None);
    let mut rows = rows(100);
    rows[17] = Score::graded("u-1018", 99.5, 100.0).build().unwrap().into();
    let summary = tool.all(passback(&platform).only_changed(), rows, None);
    assert_eq!((summary.sent, summary.unchanged, summary.requests), (1, 99, 2));
}

fn faults_are_survived<T: Bulk>() {
    let platform = Platform::start();
    let busy =
        Script::throttled().then(Script::reply(503).times(3)).then(Script::reset_after_acting().times(3));
    platform.script(Route::Scores, busy.then(Script::reset_before_acting().times(3)).then(Script::hang_up()));
    let mut policy = impatient();
    policy.max_attempts = 20;
    let tool = T::assemble(registration(&platform), policy, Limits::default());
    let summary = tool.all(passback(&platform), rows(100), None);
    assert!(summary.all_held(), "{summary:?}");
    assert!(summary.requests >= 111, "{summary:?}");
    platform.assert_no_violations();
}

/// The loop is left in the middle; a later run goes on, and sends no settled row again.
fn a_run_that_was_left_is_gone_on_with<T: Bulk>() {
    let (platform, file) = (Platform::start(), Temporary::new());
    let tool = T::on(&platform);
    let mut seen = 0;
    let look = |_: &Settlement, _: &Stopper| {
        seen += 1;
        seen < 50
    };
    tool.pass_back(passback(&platform), rows(100), Some(file.journal_of(&platform).unwrap()), look).unwrap();
    let journal = file.journal_of(&platform).unwrap();
    let settled = journal.recorded().settled();
    assert!((50..100).contains(&settled), "{settled} settled");
    let mut replayed = 0;
    let look = |settlement: &Settlement, _: &Stopper| {
        replayed += usize::from(settlement.replayed);
        true
    };
    let summary = tool.pass_back(passback(&platform), rows(100), Some(journal), look).unwrap();
    assert_eq!((summary.rows, summary.all_held(), replayed), (100, true, settled));
    assert_eq!(summary.requests, 100 - settled as u64);
    let summary = tool.all(passback(&platform), rows(100), Some(file.journal_of(&platform).unwrap()));
    assert_eq!((summary.rows, summary.requests), (100, 0));
    platform.assert_no_violations();
}

fn a_stopped_run_settles_what_was_begun<T: Bulk>() {
    let (platform, file) = (Platform::start(), Temporary::new());
    let look = |settlement: &Settlement, stopper: &Stopper| {
        assert_eq!(settlement.outcome, RowOutcome::Sent);
        stopper.stop();
        true
    };
    let tool = T::on(&platform);
    let journal = file.journal_of(&platform).unwrap();
    let summary = tool.pass_back(passback(&platform), rows(300), Some(journal), look).unwrap();
    assert!(summary.rows < 100, "{summary:?}");
    assert_eq!(platform.ledger().service_requests().len() as u64, summary.sent);
    assert_eq!(file.journal_of(&platform).unwrap().recorded().settled() as u64, summary.sent);
}

fn a_refused_token_ends_it<T: Bulk>() {
    let platform = Platform::start();
    platform.script(Route::Token, Script::reply(401));
    let summary = T::on(&platform).all(passback(&platform), rows(300), None);
    assert_eq!((summary.skipped, summary.requests, summary.token_requests), (300, 0, 1));
}

/// Nothing leaves that is not recorded.
fn a_journal_that_cannot_be_written_ends_it<T: Bulk>() {
    let platform = Platform::start();
    // It is journaled, and has no journal.
    let endpoint = endpoint(&platform);
    let nothing = JournalReader::new(header(&[endpoint.line_item().unwrap()])).finish().unwrap();
    let passback = passback(&platform).journaled(nothing.history);
    let error = T::on(&platform).pass_back(passback, rows(10), None, |_, _| true).unwrap_err();
    assert!(matches!(error, JournalError::Write(_)));
    assert!(platform.ledger().is_empty());
}

scenarios! {
    scores_are_passed_back,
    only_what_changed_is_passed_back,
    faults_are_survived,
    a_run_that_was_left_is_gone_on_with,
    a_stopped_run_settles_what_was_begun,
    a_refused_token_ends_it,
    a_journal_that_cannot_be_written_ends_it,
}

/// A disk that is full after so many writes.
struct Full {
    history: History,
    left: usize,
    written: Arc<Mutex<String>>,
}

impl Journal for Full {
    fn history(&mut self) -> History {
        std::mem::take(&mut self.history)
    }

    fn append(&mut self, line: &[u8], _: bool) -> std::io::Result<()> {
        self.left = self.left.checked_sub(1).ok_or(std::io::ErrorKind::StorageFull)?;
        self.written.lock().unwrap().push_str(std::str::from_utf8(line).unwrap());
        Ok(())
    }
}

/// Fills the disk up at each write of a run: `pass_back` says how the run ended.
fn nothing_is_sent_that_is_not_recorded(
    pass_back: impl Fn(&Platform, Vec<Row>, Full) -> Result<(), JournalError>,
) {
    // Told apart by their timestamps.
    let begun: Timestamp = "2026-03-02T09:00:00Z".parse().unwrap();
    let row = |number: u64| {
        let score = Score::graded(format!("u-{}", 1_001 + number % 4), 1.0, 2.0);
        score.timestamp(begun + Duration::from_secs(number)).build().unwrap().into()
    };
    for left in 0.. {
        let platform = Platform::start();
        let endpoint = endpoint(&platform);
        let nothing = JournalReader::new(header(&[endpoint.line_item().unwrap()])).finish().unwrap();
        let written = Arc::default();
        let journal = Full { history: nothing.history, left, written: Arc::clone(&written) };
        let result = pass_back(&platform, (0..12).map(row).collect(), journal);
        let written = written.lock().unwrap();
        for exchange in platform.ledger().service_requests() {
            let score = exchange.json().unwrap();
            assert!(written.contains(score["timestamp"].as_str().unwrap()), "after {left} writes: {score}");
        }
        match result {
            Err(error) => assert!(matches!(error, JournalError::Write(_)), "{error}"),
            Ok(()) => return assert!(left > 3 && platform.ledger().service_requests().len() == 12),
        }
    }
}

#[test]
fn a_full_disk_ends_a_run_on_the_calling_thread() {
    nothing_is_sent_that_is_not_recorded(|platform, rows, journal| {
        let tool = OverUreq::on(platform);
        let mut run = tool.0.pass_back(passback(platform), rows).journal(journal);
        run.try_for_each(|settlement| settlement.map(drop))
    });
}

#[test]
fn a_full_disk_ends_a_run_as_a_stream() {
    use futures_util::{StreamExt as _, future};

    nothing_is_sent_that_is_not_recorded(|platform, rows, journal| {
        let tool = OverHyper::on(platform);
        let run = tool.client.pass_back_with_journal(passback(platform), rows, journal);
        let failed = async { run.filter_map(|settlement| future::ready(settlement.err())).next().await };
        tool.runtime.block_on(failed).map_or(Ok(()), Err)
    });
}

#[test]
fn a_stream_that_is_dropped_while_it_fetches_the_token_holds_nobody_up() {
    use std::future::poll_fn;
    use std::pin::pin;

    use futures_core::Stream as _;

    let platform = Platform::start();
    // Less than the minute for which the right to fetch it is held.
    let mut policy = impatient();
    policy.deadline = Duration::from_secs(20);
    let tool = OverHyper::with(&platform, policy);
    let passback = passback(&platform);
    let look = async {
        let mut settlements = pin!(tool.client.pass_back(passback, rows(20)));
        // On a fast machine the token may have come by then.
        let once = poll_fn(|context| std::task::Poll::Ready(settlements.as_mut().poll_next(context)));
        drop(once.await);
    };
    tool.runtime.block_on(look);
    assert!(tool.all(self::passback(&platform), rows(20), None).all_held());
}

#[test]
fn a_journal_is_for_its_owner_and_for_one_run_at_a_time() {
    let file = Temporary::new();
    let journal = file.journal().unwrap();
    assert!(matches!(file.journal().unwrap_err(), JournalError::InUse));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file.0).unwrap().permissions().mode() & 0o777, 0o600);
    }
    drop(journal);
    assert!(file.journal().unwrap().recorded().is_empty());
}

#[test]
fn a_torn_line_is_cut_off_and_said() {
    let file = Temporary::new();
    drop(file.journal().unwrap());
    let whole = std::fs::read(&file.0).unwrap();
    std::fs::write(&file.0, [&whole[..], b"{\"crc\":\"0"].concat()).unwrap();
    assert!(JournalFile::look(&file.0, header(&[])).unwrap().is_empty());
    assert_ne!(std::fs::read(&file.0).unwrap(), whole, "to look changes nothing");
    assert_eq!(file.journal().unwrap().torn(), 9);
    assert_eq!(std::fs::read(&file.0).unwrap(), whole);
    assert_eq!(file.journal().unwrap().torn(), 0);
}

#[test]
fn a_file_that_is_no_journal_stays_as_it_is() {
    let file = Temporary::new();
    for bytes in [&b"user_id,score\nu-1,5\n"[..], b"{\"crc\":\"00000000\",\"lti-ags-journal\":1}\n", b"x"] {
        std::fs::write(&file.0, bytes).unwrap();
        assert!(matches!(file.journal().unwrap_err(), JournalError::NotAJournal));
        assert_eq!(std::fs::read(&file.0).unwrap(), bytes);
    }
}

#[test]
fn threads_keep_their_connections() {
    let platform = Platform::start();
    let summary = OverUreq::on(&platform).all(passback(&platform).concurrency(16), rows(600), None);
    assert_eq!(summary.sent, 600);
    let connections: HashSet<_> = platform.ledger().iter().map(|exchange| exchange.connection).collect();
    assert!(connections.len() <= 16, "{} connections", connections.len());
}
