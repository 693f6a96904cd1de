//! What a score leaves in the gradebook (AGS 3.4).

use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value};

/// What the gradebook holds for one learner in one line item. `Debug` leaves the comment out.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Entry {
    /// The score, scaled to `maximum`; `None` where the last update cleared it (AGS-SCORE-06).
    pub score: Option<f64>,
    /// The line item's maximum.
    pub maximum: f64,
    /// The last score given and its maximum, as they were sent.
    pub given: Option<(f64, f64)>,
    /// The last update's comment, unless blank (AGS-SCORE-16).
    pub comment: Option<String>,
    /// Comments of updates before the last, on platforms that keep them all (Canvas).
    pub earlier_comments: Vec<String>,
    /// How many submission attempts the updates made, on platforms that count them (Canvas).
    pub attempts: u64,
    /// The last update's timestamp.
    pub timestamp: Timestamp,
    /// The last update's activity progress.
    pub activity_progress: String,
    /// The last update's grading progress.
    pub grading_progress: String,
    /// Who graded, if the last update said.
    pub scoring_user_id: Option<String>,
    /// When the work was begun (AGS-SUBM-05).
    pub started_at: Option<Timestamp>,
    /// When the work was handed in (AGS-SUBM-05).
    pub submitted_at: Option<Timestamp>,
    /// Whether the last update said itself when the work was handed in.
    pub(crate) submission_given: bool,
    /// The last update's extension members.
    pub extensions: Map<String, Value>,
    /// How many updates were accepted.
    pub posts: u64,
    /// The body of the last accepted update, to tell a retry from another update (AGS-TS-08).
    pub(crate) body: Vec<u8>,
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("score", &self.score)
            .field("maximum", &self.maximum)
            .field("timestamp", &self.timestamp)
            .field("activity_progress", &self.activity_progress)
            .field("grading_progress", &self.grading_progress)
            .field("posts", &self.posts)
            .finish_non_exhaustive()
    }
}

/// A score update that passed every check.
#[derive(Clone)]
pub(crate) struct Update {
    pub(crate) user_id: String,
    pub(crate) timestamp: Timestamp,
    pub(crate) activity_progress: String,
    pub(crate) grading_progress: String,
    pub(crate) given: Option<f64>,
    pub(crate) maximum: Option<f64>,
    pub(crate) comment: Option<String>,
    pub(crate) scoring_user_id: Option<String>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) submitted_at: Option<Timestamp>,
    pub(crate) extensions: Map<String, Value>,
    pub(crate) body: Vec<u8>,
}
