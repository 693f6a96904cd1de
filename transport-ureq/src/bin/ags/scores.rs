//! `ags scores …`: posting and clearing scores (AGS 3.4).

use lti_ags_ureq::{
    ActivityProgress, GradingProgress, Outcome, PostScore, Score, ScoreBuilder, ServiceUrl, format_timestamp,
};
use serde::Serialize;

use crate::args::{self, Global, Scores};
use crate::failure::Failure;
use crate::platform::{Platform, url};
use crate::sync;

#[derive(Serialize)]
struct Posted<'a> {
    outcome: &'static str,
    user_id: &'a str,
    timestamp: String,
    attempts: u32,
}

pub(crate) fn run(global: &Global, command: &Scores) -> Result<(), Failure> {
    // A score that cannot be sent is told before anything is read.
    let (score, line_item) = match command {
        Scores::Post(args) => (score(args)?, &args.line_item),
        Scores::Clear(args) => (Score::cleared(&args.user_id).build()?, &args.line_item),
        Scores::Sync(args) => return sync::run(global, args),
    };
    let line_item = url("--line-item", line_item.as_deref())?;
    let platform = Platform::open(global, line_item.as_ref())?;
    post(&platform, score, line_item.as_ref())
}

fn score(args: &args::PostScore) -> Result<Score, Failure> {
    let activity = args.activity_progress.as_deref().map(str::parse::<ActivityProgress>).transpose()?;
    let grading = args.grading_progress.as_deref().map(str::parse::<GradingProgress>).transpose()?;
    let mut builder = match (args.score_given, args.score_maximum, activity, grading) {
        (Some(given), Some(maximum), ..) => Score::graded(&args.user_id, given, maximum),
        (None, None, Some(activity), Some(grading)) => Score::ungraded(&args.user_id, activity, grading),
        _ => {
            return Err(Failure::usage(
                "a score has --score-given and --score-maximum; without them, both --activity-progress and \
                 --grading-progress are needed",
            ));
        }
    };
    builder = with(builder, activity, ScoreBuilder::activity_progress);
    builder = with(builder, grading, ScoreBuilder::grading_progress);
    builder = with(builder, args.comment.as_deref(), ScoreBuilder::comment);
    builder = with(builder, args.scoring_user_id.as_deref(), ScoreBuilder::scoring_user_id);
    builder = with(builder, args.timestamp, ScoreBuilder::timestamp);
    builder = with(builder, args.started_at, ScoreBuilder::started_at);
    builder = with(builder, args.submitted_at, ScoreBuilder::submitted_at);
    for (index, extension) in args.extensions.iter().enumerate() {
        if args.extensions.iter().take(index).any(|earlier| earlier.name == extension.name) {
            return Err(Failure::usage(format_args!("the extension {} is given twice", extension.name)));
        }
        builder = builder.extension(&extension.name, &extension.value);
    }
    Ok(builder.build()?)
}

/// Sets what is given.
pub(crate) fn with<T>(
    builder: ScoreBuilder,
    value: Option<T>,
    set: impl FnOnce(ScoreBuilder, T) -> ScoreBuilder,
) -> ScoreBuilder {
    match value {
        Some(value) => set(builder, value),
        None => builder,
    }
}

fn post(platform: &Platform, score: Score, line_item: Option<&ServiceUrl>) -> Result<(), Failure> {
    let user_id = score.user_id().to_owned();
    let given = score.score_given().zip(score.score_maximum());
    let operation = match line_item {
        Some(url) => PostScore::new(score).at(url)?,
        None => PostScore::new(score),
    };
    let receipt = platform.call(operation)?;
    let timestamp = format_timestamp(receipt.timestamp);
    let (outcome, words) = match receipt.outcome {
        Outcome::Sent => ("sent", "The platform took"),
        Outcome::Superseded => ("superseded", "The platform already held, when it was sent again,"),
    };
    let what = match given {
        Some((given, maximum)) => format!("the score of {user_id}: {given} of {maximum}"),
        None => format!("the progress of {user_id}, without a grade"),
    };
    let words = format!("{words} {what} ({timestamp}).");
    let record = Posted { outcome, user_id: &user_id, timestamp, attempts: receipt.attempts };
    platform.output().tell(&record, &words)
}
