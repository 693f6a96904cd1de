//! Scores: what a tool tells a platform about a user's work (AGS 3.4).

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::extensions::Extensions;
use crate::{Error, date, number};

/// How far the user is with the activity (AGS 3.4.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ActivityProgress {
    /// Not begun, or reset.
    Initialized,
    /// Begun.
    Started,
    /// Under way.
    InProgress,
    /// Handed in; the user may hand in again.
    Submitted,
    /// Done, as far as the user is concerned.
    Completed,
}

/// How far the grading is (AGS 3.4.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum GradingProgress {
    /// The score is final. Platforms may ignore a score that is not.
    FullyGraded,
    /// Partly graded; the rest comes by itself.
    Pending,
    /// Partly graded; the rest needs a person.
    PendingManual,
    /// Grading failed.
    Failed,
    /// Nothing is graded yet.
    NotReady,
}

/// What a tool tells a platform about a user's work. It cannot be built wrong: see [`ScoreBuilder::build`].
///
/// There are three ways to begin one, and they differ in what becomes of the user's grade:
/// [`graded`](Self::graded) sets it, [`cleared`](Self::cleared) removes it, and [`ungraded`](Self::ungraded) tells
/// progress alone, by which **most platforms remove it too** (AGS 3.4.4).
///
/// Each score replaces the comment of the one before, on most platforms also by having none: repeat a comment that is
/// to stay (AGS 3.4.11).
///
/// ```
/// use lti_ags::Score;
///
/// let score = Score::graded("u-1001", 85.0, 100.0).comment("Clear plots.").build()?;
/// assert_eq!(
///     serde_json::to_string(&score)?,
///     r#"{"userId":"u-1001","scoreGiven":85,"scoreMaximum":100,"comment":"Clear plots.","activityProgress":"Completed","gradingProgress":"FullyGraded"}"#,
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It serialises as the specification has it, so that it can wait in a queue; give it its
/// [`timestamp`](ScoreBuilder::timestamp) then, since that says when it was earned and not when it was sent.
#[derive(Clone, PartialEq)]
pub struct Score {
    user_id: String,
    scoring_user_id: Option<String>,
    points: Option<Points>,
    comment: Option<String>,
    activity: ActivityProgress,
    grading: GradingProgress,
    timestamp: Option<Timestamp>,
    started_at: Option<Timestamp>,
    submitted_at: Option<Timestamp>,
    extensions: Extensions,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Points {
    given: f64,
    maximum: f64,
}

/// Builds a [`Score`].
#[derive(Clone, Debug)]
#[must_use = "a score is built with `build`"]
pub struct ScoreBuilder {
    score: Score,
    error: Option<Error>,
}

impl Score {
    /// A grade: `given` points out of `maximum`, in the tool's own scale, which the platform converts. It is final
    /// (`Completed`, `FullyGraded`) unless said otherwise. More points than the maximum are extra credit.
    pub fn graded(user_id: impl Into<String>, given: f64, maximum: f64) -> ScoreBuilder {
        let builder = ScoreBuilder::new(user_id, ActivityProgress::Completed, GradingProgress::FullyGraded);
        ScoreBuilder {
            score: Score { points: Some(Points { given, maximum }), ..builder.score },
            error: None,
        }
    }

    /// Progress without a grade. **Most platforms remove the grade that the user had** (AGS 3.4.4): tell progress before
    /// the first grade, not after.
    pub fn ungraded(
        user_id: impl Into<String>,
        activity: ActivityProgress,
        grading: GradingProgress,
    ) -> ScoreBuilder {
        ScoreBuilder::new(user_id, activity, grading)
    }

    /// Removes the user's grade and comment, as if the work had not been begun (`Initialized`, `NotReady`; AGS 4.5).
    pub fn cleared(user_id: impl Into<String>) -> ScoreBuilder {
        ScoreBuilder::new(user_id, ActivityProgress::Initialized, GradingProgress::NotReady)
    }

    /// Whose work it is.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// Who graded it.
    pub fn scoring_user_id(&self) -> Option<&str> {
        self.scoring_user_id.as_deref()
    }

    /// The points given.
    pub fn score_given(&self) -> Option<f64> {
        self.points.map(|points| points.given)
    }

    /// The points that they are out of.
    pub fn score_maximum(&self) -> Option<f64> {
        self.points.map(|points| points.maximum)
    }

    /// What was said to the user.
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// How far the user is.
    pub fn activity_progress(&self) -> ActivityProgress {
        self.activity
    }

    /// How far the grading is.
    pub fn grading_progress(&self) -> GradingProgress {
        self.grading
    }

    /// When it came to be. `None`: when it is posted.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// When the user began.
    pub fn started_at(&self) -> Option<Timestamp> {
        self.started_at
    }

    /// When the user handed in.
    pub fn submitted_at(&self) -> Option<Timestamp> {
        self.submitted_at
    }

    /// Members beside those of the specification.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    pub(crate) fn set_timestamp(&mut self, timestamp: Timestamp) {
        self.timestamp = Some(timestamp);
    }
}

impl ScoreBuilder {
    fn new(user_id: impl Into<String>, activity: ActivityProgress, grading: GradingProgress) -> Self {
        let score = Score {
            user_id: user_id.into(),
            scoring_user_id: None,
            points: None,
            comment: None,
            activity,
            grading,
            timestamp: None,
            started_at: None,
            submitted_at: None,
            extensions: Extensions::default(),
        };
        Self { score, error: None }
    }

    /// How far the user is.
    pub fn activity_progress(mut self, activity: ActivityProgress) -> Self {
        self.score.activity = activity;
        self
    }

    /// How far the grading is. Of a score that is not `FullyGraded`, Moodle removes the grade; Canvas does too, but for
    /// `PendingManual`.
    pub fn grading_progress(mut self, grading: GradingProgress) -> Self {
        self.score.grading = grading;
        self
    }

    /// Says something to the user, as plain text (AGS 3.4.11). An empty comment is none.
    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.score.comment = Some(comment.into()).filter(|comment| !comment.is_empty());
        self
    }

    /// Says who graded: the LTI id of a person (AGS 3.4.6).
    pub fn scoring_user_id(mut self, user_id: impl Into<String>) -> Self {
        self.score.scoring_user_id = Some(user_id.into());
        self
    }

    /// Says when the score came to be (AGS 3.4.9). Without it, it is when the score is posted, and later than any
    /// earlier one of the session for the same line item and user.
    pub fn timestamp(mut self, timestamp: Timestamp) -> Self {
        self.score.timestamp = Some(timestamp);
        self
    }

    /// Says when the user began (AGS 3.4.10.1).
    pub fn started_at(mut self, started_at: Timestamp) -> Self {
        self.score.started_at = Some(started_at);
        self
    }

    /// Says when the user handed in (AGS 3.4.10.2): by this, and not by the timestamp, platforms judge what is late.
    pub fn submitted_at(mut self, submitted_at: Timestamp) -> Self {
        self.score.submitted_at = Some(submitted_at);
        self
    }

    /// Adds a member of one's own, whose name is an absolute URL (AGS 3.1.2). Some platforms refuse scores with members
    /// that they do not know (Schoology).
    pub fn extension(mut self, name: &str, value: &impl Serialize) -> Self {
        if let Err(error) = self.score.extensions.set(name, value) {
            self.error.get_or_insert_with(|| Error::from(error).section("AGS 3.1.2"));
        }
        self
    }

    /// Builds the score.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where a user id is blank, points are negative, infinite
    /// or not a number, the maximum is not above zero, a time lies before the year 0, the work was handed in before it
    /// was begun, or an extension is not one.
    pub fn build(self) -> Result<Score, Error> {
        let Self { score, error } = self;
        if let Some(error) = error {
            return Err(error);
        }
        if score.user_id.trim().is_empty() {
            return Err(Error::input("the score names no user").section("AGS 3.4.5"));
        }
        if score.scoring_user_id.as_ref().is_some_and(|user_id| user_id.trim().is_empty()) {
            return Err(Error::input("the id of who graded is blank; leave it out").section("AGS 3.4.6"));
        }
        if let Some(Points { given, maximum }) = score.points {
            if !given.is_finite() || given < 0.0 {
                return Err(Error::input(format!("the points given are {given}; they must be 0 or more"))
                    .section("AGS 3.4.4"));
            }
            if !maximum.is_finite() || maximum <= 0.0 {
                return Err(Error::input(format!(
                    "the maximum of the points is {maximum}; it must be above 0"
                ))
                .section("AGS 3.4.4"));
            }
        }
        let times = [score.timestamp, score.started_at, score.submitted_at];
        if times.into_iter().flatten().any(|time| !date::is_writable(time)) {
            return Err(Error::input("a time before the year 0 cannot be written").section("AGS 3.4.9"));
        }
        if let (Some(started_at), Some(submitted_at)) = (score.started_at, score.submitted_at)
            && submitted_at < started_at
        {
            return Err(Error::input("the work was handed in before it was begun").section("AGS 3.4.10.2"));
        }
        Ok(score)
    }
}

impl Serialize for Score {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Number(f64);
        impl Serialize for Number {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                number::serialize(&self.0, serializer)
            }
        }
        struct Submission(Option<Timestamp>, Option<Timestamp>);
        impl Serialize for Submission {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                if let Some(started_at) = self.0 {
                    map.serialize_entry("startedAt", &date::format(started_at))?;
                }
                if let Some(submitted_at) = self.1 {
                    map.serialize_entry("submittedAt", &date::format(submitted_at))?;
                }
                map.end()
            }
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("userId", &self.user_id)?;
        if let Some(user_id) = &self.scoring_user_id {
            map.serialize_entry("scoringUserId", user_id)?;
        }
        if let Some(Points { given, maximum }) = self.points {
            map.serialize_entry("scoreGiven", &Number(given))?;
            map.serialize_entry("scoreMaximum", &Number(maximum))?;
        }
        if let Some(comment) = &self.comment {
            map.serialize_entry("comment", comment)?;
        }
        map.serialize_entry("activityProgress", &self.activity)?;
        map.serialize_entry("gradingProgress", &self.grading)?;
        if let Some(timestamp) = self.timestamp {
            map.serialize_entry("timestamp", &date::format(timestamp))?;
        }
        if self.started_at.is_some() || self.submitted_at.is_some() {
            map.serialize_entry("submission", &Submission(self.started_at, self.submitted_at))?;
        }
        self.extensions.write(&mut map, |_| false)?;
        map.end()
    }
}

/// Reads what [`Serialize`] wrote, and checks it as [`ScoreBuilder::build`] does.
impl<'de> Deserialize<'de> for Score {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Stored)
    }
}

struct Stored;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Submission {
    started_at: Option<String>,
    submitted_at: Option<String>,
}

impl<'de> Visitor<'de> for Stored {
    type Value = Score;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a score")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Score, A::Error> {
        let time = |text: &str| date::parse_strict(text).map_err(de::Error::custom);
        let mut builder = Score::cleared("");
        let (mut given, mut maximum, mut activity, mut grading) = (None, None, None, None);
        while let Some(name) = map.next_key::<String>()? {
            match &*name {
                "userId" => builder.score.user_id = map.next_value()?,
                "scoringUserId" => builder.score.scoring_user_id = map.next_value()?,
                "scoreGiven" => given = map.next_value::<Option<f64>>()?,
                "scoreMaximum" => maximum = map.next_value::<Option<f64>>()?,
                "comment" => builder.score.comment = map.next_value()?,
                "activityProgress" => activity = Some(map.next_value()?),
                "gradingProgress" => grading = Some(map.next_value()?),
                "timestamp" => builder.score.timestamp = Some(time(&map.next_value::<String>()?)?),
                "submission" => {
                    let submission: Submission = map.next_value()?;
                    builder.score.started_at = submission.started_at.as_deref().map(time).transpose()?;
                    builder.score.submitted_at = submission.submitted_at.as_deref().map(time).transpose()?;
                }
                name => {
                    let value: Box<serde_json::value::RawValue> = map.next_value()?;
                    builder = builder.extension(name, &value);
                }
            }
        }
        builder.score.points = match (given, maximum) {
            (Some(given), Some(maximum)) => Some(Points { given, maximum }),
            (None, None) => None,
            (Some(_), None) => return Err(de::Error::missing_field("scoreMaximum")),
            (None, Some(_)) => return Err(de::Error::missing_field("scoreGiven")),
        };
        builder.score.activity = activity.ok_or_else(|| de::Error::missing_field("activityProgress"))?;
        builder.score.grading = grading.ok_or_else(|| de::Error::missing_field("gradingProgress"))?;
        builder.build().map_err(de::Error::custom)
    }
}

/// Without the comment: it is for the user.
impl fmt::Debug for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Score")
            .field("user_id", &self.user_id)
            .field("points", &self.points)
            .field("activity", &self.activity)
            .field("grading", &self.grading)
            .field("timestamp", &self.timestamp)
            .finish_non_exhaustive()
    }
}

impl FromStr for ActivityProgress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(match text {
            "Initialized" => Self::Initialized,
            "Started" => Self::Started,
            "InProgress" => Self::InProgress,
            "Submitted" => Self::Submitted,
            "Completed" => Self::Completed,
            _ => {
                let message =
                    "an activity progress is one of Initialized, Started, InProgress, Submitted, Completed";
                return Err(Error::input(message).section("AGS 3.4.7"));
            }
        })
    }
}

impl FromStr for GradingProgress {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(match text {
            "FullyGraded" => Self::FullyGraded,
            "Pending" => Self::Pending,
            "PendingManual" => Self::PendingManual,
            "Failed" => Self::Failed,
            "NotReady" => Self::NotReady,
            _ => {
                let message =
                    "a grading progress is one of FullyGraded, Pending, PendingManual, Failed, NotReady";
                return Err(Error::input(message).section("AGS 3.4.8"));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_with_line_breaks_is_written_on_one_line() {
        // Moodle answers 200 to a score it refuses when the JSON has a line break in it.
        let stored = "{\"userId\":\"u-1001\",\"activityProgress\":\"Initialized\",\"gradingProgress\":\"NotReady\",\
                      \"https://tool.test/x\":{\r\n\"a\":1}}";
        let score: Score = serde_json::from_str(stored).unwrap();
        let written = serde_json::to_string(&score).unwrap();
        assert!(!written.contains(['\r', '\n']), "{written}");
        assert!(written.contains("\"a\":1"), "{written}");
    }
}
