//! `ags scores sync`: many scores out of a file (AGS 3.4). What is sent, in which order, and when nothing more can be, is the
//! library's affair; here are the file, the journal, what is shown, and how it is stopped.

mod columns;
mod csv;
mod input;
mod progress;
mod row;
mod tally;
mod times;

use std::path::Path;
use std::time::Instant;

use lti_ags_ureq::{History, JournalError, JournalFile, JournalHeader, Passback, Row, ServiceUrl, Timestamp};

use crate::args::{self, Global};
use crate::failure::{Failure, chain};
use crate::interrupt::Interrupt;
use crate::output;
use crate::platform::{Platform, url};

use input::Input;
use progress::{Progress, Throttle};
use tally::Tally;

const STOPPING: &str = "stopping: what is on its way arrives first; once more ends it at once";

pub(crate) fn run(global: &Global, args: &args::SyncScores) -> Result<(), Failure> {
    let line_item = url("--line-item", args.line_item.as_deref())?;
    let throttle = Throttle::default();
    let is_watched = Progress::is_wanted(global);
    let platform = if is_watched {
        let throttle = throttle.clone();
        Platform::watched(global, line_item.as_ref(), move |event| throttle.note(event))?
    } else {
        Platform::open(global, line_item.as_ref())?
    };
    let input = Input::check(&args.file, start(args))?;
    if let Some(note) = input.note() {
        output::note(&note);
    }
    let line_item = match line_item {
        Some(url) => url,
        None => platform.endpoint().line_item()?.clone(),
    };
    let journal = Opened::of(args, &input, &line_item)?;
    let progress = if is_watched { Progress::begin(input.rows(), throttle) } else { Progress::NONE };
    sync(&platform, args, &input, journal, &line_item, progress)
}

/// When the run begins: not before one that it goes on with, whose rows have timestamps of its own time.
fn start(args: &args::SyncScores) -> Timestamp {
    let written = args.journal.as_ref().and_then(|path| std::fs::metadata(path).ok()?.modified().ok());
    let written = written.and_then(|time| Timestamp::try_from(time).ok());
    written.map_or_else(Timestamp::now, |written| written.max(Timestamp::now()))
}

/// The journal, as far as there is one.
enum Opened {
    None,
    /// Of a dry run, which changes nothing in it.
    Looked(History),
    Open(Box<JournalFile>),
}

impl Opened {
    fn of(args: &args::SyncScores, input: &Input, line_item: &ServiceUrl) -> Result<Self, Failure> {
        let Some(path) = &args.journal else {
            input.check_new()?;
            return Ok(Self::None);
        };
        let failed = |error: JournalError| {
            Failure::new("journal", format_args!("{}: {}", path.display(), chain(&error)))
        };
        let header = JournalHeader::new(input.digest(), [line_item]);
        // Before there is a file: a journal is of one input, also when that input is mended afterwards.
        let history = JournalFile::look(path, header.clone()).map_err(failed)?;
        if history.is_empty() {
            input.check_new()?;
        }
        if args.dry_run {
            return Ok(Self::Looked(history));
        }
        let journal = JournalFile::open(path, header).map_err(failed)?;
        if journal.torn() > 0 {
            output::note(
                "the last line of the journal was not written to its end; what it told of is tried again",
            );
        }
        Ok(Self::Open(Box::new(journal)))
    }
}

fn sync(
    platform: &Platform,
    args: &args::SyncScores,
    input: &Input,
    journal: Opened,
    line_item: &ServiceUrl,
    progress: Progress,
) -> Result<(), Failure> {
    let mut passback = Passback::new(platform.endpoint()).concurrency(args.concurrency.into());
    if args.only_changed {
        passback = passback.only_changed();
    }
    if args.dry_run {
        passback = passback.dry_run();
    }
    let mut scores = input.scores()?;
    let rows = (&mut scores).map(|score| Row::new(score).at(line_item.clone()));
    let (mut run, has_journal) = match journal {
        Opened::None => (platform.client().pass_back(passback, rows), false),
        Opened::Looked(history) => (platform.client().pass_back(passback.journaled(history), rows), true),
        Opened::Open(journal) => (platform.client().pass_back(passback, rows).journal(*journal), true),
    };
    let begun = Instant::now();
    let mut tally = Tally::new(platform.output(), args.dry_run, has_journal);
    let stopper = run.stopper();
    let aside = progress.aside();
    let stop = move || {
        stopper.stop();
        aside.write(|| output::note(STOPPING));
    };
    let interrupt =
        Interrupt::listen(platform.output().is_json(), stop, move || tally::cut_short(has_journal));
    let mut trouble = None;
    while let Some(settlement) = run.next() {
        let told = match settlement {
            Ok(settlement) => tally.settle(&settlement),
            Err(error) => {
                let path = args.journal.as_deref().unwrap_or(Path::new("")).display();
                Err(Failure::new("journal", format_args!("{path}: {}", chain(&error))).too_late())
            }
        };
        progress.set(run.summary(), tally.replayed());
        let written =
            told.and_then(|text| text.map_or(Ok(()), |text| progress.aside().write(|| tally.tell(&text))));
        if let Err(failure) = written {
            trouble.get_or_insert(failure);
            run.stopper().stop();
        }
    }
    drop(progress);
    let (mut summary, halts) = (run.summary(), run.halts().collect::<Vec<_>>());
    drop(run);
    trouble = trouble.or_else(|| scores.trouble().map(Failure::too_late));
    // Whatever the run says of itself: a row without a word is one that was not sent.
    if trouble.is_none() && !interrupt.was_heard() && summary.rows < input.rows() {
        let mut again = input.scores().map_err(Failure::too_late)?;
        for (row, score) in (1..).zip(&mut again) {
            tally.skip(row, score.user_id(), &halts, &mut summary)?;
        }
        trouble = again.trouble().map(Failure::too_late);
    }
    let told = tally.finish(&summary, begun.elapsed());
    let left = input.rows().saturating_sub(summary.rows);
    trouble.map_or(told, Err)?;
    tally.verdict(left, &halts).map_err(|failure| failure.map(|message| platform.output().shown(message)))
}
