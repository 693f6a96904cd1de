//! A row of the file as a score (AGS 3.4). An error names the column and not the cell, which may be a comment that slipped.

use lti_ags_ureq::{ActivityProgress, GradingProgress, Score, ScoreBuilder, Timestamp, parse_timestamp};

use crate::output::counted;
use crate::scores::with;

use super::columns::{Column, Columns};
use super::csv::Record;

/// Reads a row.
pub(super) fn score(columns: &Columns, record: &Record) -> Result<Score, String> {
    builder(columns, record)?.build().map_err(|error| error.to_string())
}

/// Reads a row, and gives it the timestamp that `stamp` makes of its user and the one that it brings.
pub(super) fn stamped(
    columns: &Columns,
    record: &Record,
    stamp: impl FnOnce(&str, Option<Timestamp>) -> Timestamp,
) -> Result<Score, String> {
    let own = time(Column::Timestamp, columns.cell(record, Column::Timestamp))?;
    let user_id = columns.cell(record, Column::UserId).unwrap_or_default();
    let builder = builder(columns, record)?.timestamp(stamp(user_id, own));
    builder.build().map_err(|error| error.to_string())
}

fn builder(columns: &Columns, record: &Record) -> Result<ScoreBuilder, String> {
    if record.len() != columns.count() {
        return Err(format!(
            "it has {}, and the header row names {}",
            counted(record.len(), "cell", "cells"),
            counted(columns.count(), "column", "columns")
        ));
    }
    let cell = |column| columns.cell(record, column);
    let user_id = cell(Column::UserId).unwrap_or_default();
    let given = number(Column::ScoreGiven, cell(Column::ScoreGiven))?;
    let maximum = number(Column::ScoreMaximum, cell(Column::ScoreMaximum))?;
    let activity = parsed::<ActivityProgress>(Column::ActivityProgress, cell(Column::ActivityProgress))?;
    let grading = parsed::<GradingProgress>(Column::GradingProgress, cell(Column::GradingProgress))?;
    let mut builder = match (given, maximum, activity, grading) {
        (Some(given), Some(maximum), ..) => Score::graded(user_id, given, maximum),
        (Some(_), None, ..) => return Err("score_given needs score_maximum".to_owned()),
        (None, Some(_), ..) => {
            return Err(
                "there is a score_maximum and no score_given; a row without a score leaves both empty"
                    .to_owned(),
            );
        }
        (None, None, Some(activity), Some(grading)) => Score::ungraded(user_id, activity, grading),
        (None, None, ..) => {
            return Err("there is no score, and then both activity_progress and grading_progress are needed (a status \
                        alone clears the grade on most platforms)"
                .to_owned());
        }
    };
    builder = with(builder, activity, ScoreBuilder::activity_progress);
    builder = with(builder, grading, ScoreBuilder::grading_progress);
    builder = with(builder, cell(Column::Comment), ScoreBuilder::comment);
    builder = with(builder, cell(Column::ScoringUserId), ScoreBuilder::scoring_user_id);
    builder = with(builder, time(Column::Timestamp, cell(Column::Timestamp))?, ScoreBuilder::timestamp);
    builder = with(builder, time(Column::StartedAt, cell(Column::StartedAt))?, ScoreBuilder::started_at);
    Ok(with(builder, time(Column::SubmittedAt, cell(Column::SubmittedAt))?, ScoreBuilder::submitted_at))
}

/// A number as JSON has it: no spaces, no sign but a minus, a point.
fn number(column: Column, cell: Option<&str>) -> Result<Option<f64>, String> {
    let Some(cell) = cell else { return Ok(None) };
    let is_bare = !cell.contains(|character: char| character.is_whitespace());
    match serde_json::from_str::<f64>(cell) {
        Ok(number) if is_bare => Ok(Some(number)),
        _ if cell.contains(',') => Err(format!("{} has a comma in it; write 85.5", column.name())),
        _ => Err(format!("{} is not a number as it is written in JSON, such as 85 or 85.5", column.name())),
    }
}

fn parsed<T: std::str::FromStr<Err = lti_ags_ureq::Error>>(
    column: Column,
    cell: Option<&str>,
) -> Result<Option<T>, String> {
    cell.map(str::parse)
        .transpose()
        .map_err(|error: lti_ags_ureq::Error| format!("{}: {error}", column.name()))
}

fn time(column: Column, cell: Option<&str>) -> Result<Option<Timestamp>, String> {
    cell.map(parse_timestamp).transpose().map_err(|error| format!("{}: {error}", column.name()))
}

#[cfg(test)]
mod tests {
    use super::super::csv::Records;
    use super::*;

    fn read(text: &str) -> Result<Score, String> {
        let mut records = Records::new(text.as_bytes());
        let columns = Columns::read(records.next().unwrap().unwrap()).unwrap();
        let record = records.next().unwrap().unwrap();
        score(&columns, record)
    }

    #[test]
    fn a_row_says_what_the_flags_of_a_post_say() {
        let row = "comment,user_id,score_maximum,score_given,timestamp,activity_progress,submitted_at\n\
                   \" fine, \"\"really\"\" \",u-1,1e2,85.50,2026-03-02T10:00:00+01:00,Submitted,2026-03-02T08:00:00Z\n";
        let expected = Score::graded("u-1", 85.5, 100.0)
            .comment(" fine, \"really\" ")
            .activity_progress(ActivityProgress::Submitted)
            .timestamp("2026-03-02T09:00:00Z".parse().unwrap())
            .submitted_at("2026-03-02T08:00:00Z".parse().unwrap());
        assert_eq!(read(row), Ok(expected.build().unwrap()));
        assert_eq!(
            read("user_id,activity_progress,grading_progress,score_given\nu-1,Started,NotReady,\n"),
            Ok(Score::ungraded("u-1", ActivityProgress::Started, GradingProgress::NotReady).build().unwrap())
        );
    }

    #[test]
    fn what_is_wrong_with_a_row_names_the_column_and_not_the_cell() {
        let header = "user_id,score_given,score_maximum,activity_progress,grading_progress,timestamp";
        for (row, words) in [
            (",1,2,,,", "names no user"),
            (" ,1,2,,,", "names no user"),
            ("u,Planted,2,,,", "score_given is not a number"),
            ("u,1, 2,,,", "score_maximum is not a number"),
            ("u,+1,2,,,", "not a number"),
            ("u,NaN,2,,,", "not a number"),
            ("u,1e999,2,,,", "not a number"),
            ("u,0x1,2,,,", "not a number"),
            ("u,01,2,,,", "not a number"),
            ("u,\"85,5\",100,,,", "write 85.5"),
            ("u,-1,2,,,", "0 or more"),
            ("u,1,0,,,", "above 0"),
            ("u,1,,,,", "needs score_maximum"),
            ("u,,2,Completed,FullyGraded,", "no score_given"),
            ("u,,,,,", "both activity_progress and grading_progress"),
            ("u,,,Completed,,", "both activity_progress and grading_progress"),
            ("u,1,2,Planted,,", "activity_progress: "),
            ("u,1,2,,fullygraded,", "grading_progress: "),
            ("u,1,2,,,2026-03-02T09:00:00", "timestamp: "),
            ("u,1,2,,,Planted", "timestamp: "),
            ("u,1,2,,", "5 cells"),
            ("u,1,2,,,,", "7 cells"),
            ("\"\"", "1 cell,"),
        ] {
            let error = read(&format!("{header}\n{row}\n")).unwrap_err();
            assert!(error.contains(words) && !error.contains("Planted"), "{row}: {error}");
        }
    }
}
