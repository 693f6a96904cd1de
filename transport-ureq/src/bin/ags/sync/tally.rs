//! What became of the rows: a line each for programs; for people, those that were not taken, and the sum.

use std::collections::BTreeMap;
use std::time::Duration;

use lti_ags_ureq::{ErrorKind, Halt, Reason, RowOutcome, Settlement, Summary};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{self, Output, counted};
use crate::table::{Column, Table};

/// How many rows that were not taken are shown to people one by one.
const MANY: u64 = 100;

/// How many of each kind are told of to people who watch a program.
const FEW: u64 = 3;

/// What there is to tell in the end.
#[derive(Debug)]
pub(super) struct Tally<'a> {
    output: Output<'a>,
    dry_run: bool,
    has_journal: bool,
    told: Told,
    /// Rows that an earlier run settled.
    replayed: u64,
    /// Rows that the platform does not hold, by outcome and reason.
    failed: BTreeMap<(&'static str, &'static str), u64>,
    /// Of them, those that fail this run: a dry run may skip, and what was rejected before is known.
    failing: u64,
    shown: u64,
    /// Nobody reads what is written, and the work goes on.
    is_unread: bool,
}

/// Ended without waiting for what was on its way.
pub(super) fn cut_short(has_journal: bool) -> Failure {
    Failure::new(
        "rows_failed",
        format_args!(
            "ended before the answers to what was on its way had come; {}",
            how_to_go_on(has_journal)
        ),
    )
}

fn how_to_go_on(has_journal: bool) -> &'static str {
    if has_journal {
        "run the same command again, and it goes on with what was skipped or given up"
    } else {
        "run again, it sends every row again, unless told --only-changed; with --journal it would go on where it stood"
    }
}

/// Which rows there was something to tell of: a bit for each.
#[derive(Debug, Default)]
struct Told(Vec<u64>);

impl Told {
    /// Takes note of a row, and says whether it is new.
    fn note(&mut self, row: u64) -> bool {
        let Ok(word) = usize::try_from(row / 64) else { return true };
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let (bit, Some(word)) = (1 << (row % 64), self.0.get_mut(word)) else { return true };
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }
}

#[derive(Serialize)]
struct Line<'a> {
    row: u64,
    user_id: &'a str,
    outcome: &'static str,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
}

impl<'a> Tally<'a> {
    pub(super) fn new(output: Output<'a>, dry_run: bool, has_journal: bool) -> Self {
        Self {
            output,
            dry_run,
            has_journal,
            told: Told::default(),
            replayed: 0,
            failed: BTreeMap::new(),
            failing: 0,
            shown: 0,
            is_unread: false,
        }
    }

    pub(super) fn replayed(&self) -> u64 {
        self.replayed
    }

    /// Takes note of a row. What there is to tell of it is for [`tell`](Self::tell).
    pub(super) fn settle(&mut self, settlement: &Settlement) -> Result<Option<String>, Failure> {
        let Settlement { row, user_id, outcome, attempts, replayed, error, .. } = settlement;
        let reason = outcome.reason().map(Reason::name);
        self.told.note(*row);
        self.replayed += u64::from(*replayed);
        if let Some(reason) = reason {
            *self.failed.entry((outcome.name(), reason)).or_default() += 1;
            let is_expected = self.dry_run && (*replayed || outcome.reason() == Some(Reason::DryRun));
            self.failing += u64::from(!is_expected);
        }
        if self.output.is_json() {
            if let (Some(reason), RowOutcome::Rejected(_) | RowOutcome::GaveUp(_), Some(error)) =
                (reason, outcome, error)
                && self.failed.get(&(outcome.name(), reason)).is_some_and(|rows| *rows <= FEW)
            {
                self.output.note(&format!("row {row}: {}: {error}", outcome.name().replace('_', " ")));
            }
            let line = Line { row: *row, user_id, outcome: outcome.name(), attempts: *attempts, reason };
            return output::line(&line).map(Some);
        }
        // A skipped row is told of by what skipped it.
        let (Some(reason), false) = (reason, matches!(outcome, RowOutcome::Skipped(_))) else {
            return Ok(None);
        };
        self.shown += 1;
        Ok(match self.shown {
            1..=MANY => {
                let why = error.as_ref().map_or_else(|| reason.to_owned(), ToString::to_string);
                let before = if *replayed { ", by an earlier run" } else { "" };
                Some(
                    self.output.shown(&format!(
                        "row {row}, {user_id}: {}{before}: {why}",
                        outcome.name().replace('_', " ")
                    )) + "\n",
                )
            }
            _ if self.shown == MANY + 1 => {
                Some("There are more rows like these; --json tells all of them.\n".to_owned())
            }
            _ => None,
        })
    }

    /// Takes note of a row of which the run has told nothing, unless there is none: it was not sent for the reason for which
    /// nothing was, or else nobody knows.
    pub(super) fn skip(
        &mut self,
        row: u64,
        user_id: &str,
        halts: &[Halt],
        summary: &mut Summary,
    ) -> Result<(), Failure> {
        if !self.told.note(row) {
            return Ok(());
        }
        let kind = halts.first().map_or(ErrorKind::OutcomeUnknown, |halt| halt.error.kind());
        let outcome = RowOutcome::Skipped(Reason::Failed(kind)).name();
        *self.failed.entry((outcome, kind.name())).or_default() += 1;
        self.failing += 1;
        summary.rows += 1;
        summary.skipped += 1;
        if self.output.is_json() {
            let line = Line { row, user_id, outcome, attempts: 0, reason: Some(kind.name()) };
            self.tell(&output::line(&line)?)?;
        }
        Ok(())
    }

    /// Writes it. That nobody reads it is no reason to leave scores unsent.
    pub(super) fn tell(&mut self, text: &str) -> Result<(), Failure> {
        if !self.is_unread {
            self.is_unread = output::write(text)?.is_break();
        }
        Ok(())
    }

    /// Tells the sum.
    pub(super) fn finish(&mut self, summary: &Summary, elapsed: Duration) -> Result<(), Failure> {
        #[derive(Serialize)]
        struct Sum {
            summary: Numbers,
        }
        #[derive(Serialize)]
        struct Numbers {
            rows: u64,
            sent: u64,
            unchanged: u64,
            superseded: u64,
            skipped: u64,
            rejected: u64,
            gave_up: u64,
            requests: u64,
            token_requests: u64,
            seconds: f64,
        }
        let Summary {
            rows,
            sent,
            unchanged,
            superseded,
            skipped,
            rejected,
            gave_up,
            requests,
            token_requests,
            ..
        } = *summary;
        // In whole milliseconds.
        let seconds = (elapsed.as_secs_f64() * 1000.0).round() / 1000.0;
        let numbers = Numbers {
            rows,
            sent,
            unchanged,
            superseded,
            skipped,
            rejected,
            gave_up,
            requests,
            token_requests,
            seconds,
        };
        let text = if self.output.is_json() {
            output::line(&Sum { summary: numbers })?
        } else {
            let mut table =
                Table::new([Column::text("OUTCOME", 20), Column::number("ROWS"), Column::text("WHY", 60)]);
            let outcomes = [
                ("sent", sent),
                ("unchanged", unchanged),
                ("superseded", superseded),
                ("skipped", skipped),
                ("rejected", rejected),
                ("gave_up", gave_up),
            ];
            let those = outcomes.into_iter().filter(|(_, rows)| *rows > 0);
            let table =
                table.page(those.map(|(outcome, rows)| {
                    [outcome.replace('_', " "), rows.to_string(), self.reasons(outcome)]
                }));
            format!(
                "{table}{}, {} and {} for tokens, in {seconds:.1} seconds.\n",
                counted(rows, "row", "rows"),
                counted(requests, "request", "requests"),
                token_requests
            )
        };
        self.tell(&text)
    }

    /// Whether all is done; else what is not, why, and how to go on. So many rows are left without a word.
    pub(super) fn verdict(&self, left: u64, halts: &[Halt]) -> Result<(), Failure> {
        if self.failing == 0 && left == 0 {
            return Ok(());
        }
        let mut parts = Vec::new();
        for outcome in ["skipped", "rejected", "gave_up"] {
            let reasons = self.reasons(outcome);
            parts.extend((!reasons.is_empty()).then(|| format!("{} ({reasons})", outcome.replace('_', " "))));
        }
        let mut message = match &*parts {
            [] => String::new(),
            parts => format!("not all rows were taken: {}", parts.join(", ")),
        };
        let mut add = |text: String| {
            message.push_str(if message.is_empty() { "" } else { "; " });
            message.push_str(&text);
        };
        for Halt { error, .. } in halts {
            // With what can be done about it.
            add(format!("nothing more could be sent: {}", Failure::from(error.clone()).message()));
        }
        if left > 0 {
            add(format!("stopped with {} to go", counted(left, "row", "rows")));
        }
        let is_open = |(outcome, _): &(&str, &str)| *outcome != "rejected";
        if left > 0 || self.failed.keys().any(is_open) {
            let mended =
                if halts.iter().all(|halt| halt.error.is_transient()) { "" } else { "when that is mended, " };
            let how = how_to_go_on(self.has_journal);
            add(format!("{mended}{how}"));
        }
        Err(Failure::new("rows_failed", message))
    }

    fn reasons(&self, outcome: &str) -> String {
        let reasons = self.failed.iter().filter(|((of, _), _)| *of == outcome);
        reasons.map(|((_, reason), rows)| format!("{reason} {rows}")).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_which_nothing_was_told_is_skipped_and_fails_the_run() {
        let mut tally = Tally::new(Output::new(true), false, false);
        let mut summary = Summary::default();
        for row in [1, 64, 65] {
            assert!(tally.told.note(row));
        }
        for row in 1..=65 {
            tally.skip(row, "u", &[], &mut summary).unwrap();
        }
        assert_eq!((summary.rows, summary.skipped), (62, 62));
        let failure = tally.verdict(0, &[]).unwrap_err();
        assert!(failure.message().contains("skipped (outcome_unknown 62)"), "{failure:?}");
    }

    #[test]
    fn no_run_that_leaves_rows_is_a_success() {
        let tally = Tally::new(Output::new(true), true, false);
        assert!(tally.verdict(0, &[]).is_ok());
        assert!(tally.verdict(1, &[]).unwrap_err().message().contains("1 row to go"));
    }
}
