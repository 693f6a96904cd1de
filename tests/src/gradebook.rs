//! The gradebook: line items, learners, and what scores made of them (AGS 3.3, 3.4).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// A column of the gradebook (AGS 3.2).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LineItem {
    /// Its name in tests and, unless [`LineItem::at`] says otherwise, the end of its URL.
    pub id: String,
    /// What people call it.
    pub label: String,
    /// The maximum to which scores are scaled.
    pub score_maximum: f64,
    /// Path and query of its URL.
    pub target: String,
}

impl LineItem {
    /// A line item at `/lineitems/{id}`, labelled by its id.
    #[must_use]
    pub fn new(id: impl Into<String>, score_maximum: f64) -> Self {
        let id = id.into();
        Self { label: id.clone(), target: format!("/lineitems/{id}"), id, score_maximum }
    }

    /// Sets the label.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Sets path and query of its URL, such as Moodle's
    /// `/mod/lti/services.php/88/lineitems/12/lineitem?type_id=1`.
    #[must_use]
    pub fn at(mut self, target: impl Into<String>) -> Self {
        self.target = target.into();
        self
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(crate) fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }
}

/// What the gradebook holds for one learner in one line item. `Debug` leaves the comment out.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Entry {
    /// The score, scaled to `maximum`; `None` where the last update cleared it (AGS-SCORE-06).
    pub score: Option<f64>,
    /// The line item's maximum.
    pub maximum: f64,
    /// The last update's comment, unless blank (AGS-SCORE-16).
    pub comment: Option<String>,
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
    /// Score given and its maximum.
    pub(crate) score: Option<(f64, f64)>,
    pub(crate) comment: Option<String>,
    pub(crate) scoring_user_id: Option<String>,
    pub(crate) started_at: Option<Timestamp>,
    pub(crate) submitted_at: Option<Timestamp>,
    pub(crate) extensions: Map<String, Value>,
    pub(crate) body: Vec<u8>,
}

/// The columns, the learners and the entries; as a value, a view of one moment.
#[derive(Clone, Default)]
pub struct Gradebook {
    line_items: Vec<LineItem>,
    learners: BTreeSet<String>,
    entries: BTreeMap<String, BTreeMap<String, Entry>>,
}

impl fmt::Debug for Gradebook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gradebook")
            .field("line_items", &self.line_items)
            .field("learners", &self.learners.len())
            .field("entries", &self.entries)
            .finish()
    }
}

impl Gradebook {
    pub(crate) fn new(line_items: Vec<LineItem>, learners: BTreeSet<String>) -> Self {
        Self { line_items, learners, entries: BTreeMap::new() }
    }

    /// The line items, in the order they were made.
    pub fn line_items(&self) -> &[LineItem] {
        &self.line_items
    }

    /// The line item of this id.
    pub fn line_item(&self, id: &str) -> Option<&LineItem> {
        self.line_items.iter().find(|item| item.id == id)
    }

    /// Whether this user is enrolled as a learner.
    pub fn is_enrolled(&self, user_id: &str) -> bool {
        self.learners.contains(user_id)
    }

    /// What is on record for a learner in a line item; `None` if no score was ever accepted.
    pub fn result(&self, line_item: &str, user_id: &str) -> Option<&Entry> {
        self.entries.get(line_item)?.get(user_id)
    }

    /// Everything on record: line item, user, entry.
    pub fn results(&self) -> impl Iterator<Item = (&str, &str, &Entry)> {
        self.entries.iter().flat_map(|(item, entries)| {
            entries.iter().map(move |(user, entry)| (item.as_str(), user.as_str(), entry))
        })
    }

    /// Everything on record as JSON, comments included.
    pub fn to_json(&self) -> Value {
        self.results()
            .map(|(line_item, user_id, entry)| {
                json!({
                    "lineItem": line_item,
                    "userId": user_id,
                    "score": entry.score,
                    "maximum": entry.maximum,
                    "comment": entry.comment,
                    "timestamp": entry.timestamp.to_string(),
                    "activityProgress": entry.activity_progress,
                    "gradingProgress": entry.grading_progress,
                    "scoringUserId": entry.scoring_user_id,
                    "startedAt": entry.started_at.map(|at| at.to_string()),
                    "submittedAt": entry.submitted_at.map(|at| at.to_string()),
                    "extensions": entry.extensions,
                    "posts": entry.posts,
                })
            })
            .collect()
    }

    /// Puts an update on record and says what that did.
    pub(crate) fn record(&mut self, line_item: &LineItem, update: Update) -> String {
        let maximum = line_item.score_maximum;
        let entries = self.entries.entry(line_item.id.clone()).or_default();
        let before = entries.get(&update.user_id);
        let progress = update.activity_progress.as_str();
        // AGS 3.4.10.1: kept until the activity is reset; without one, the first start serves.
        let started_at = update.started_at.or_else(|| match progress {
            "Initialized" => None,
            "Started" | "InProgress" => before.and_then(|entry| entry.started_at).or(Some(update.timestamp)),
            _ => before.and_then(|entry| entry.started_at),
        });
        // AGS 3.4.10.2: kept until work is taken up again; without one, the first handing in serves.
        let submitted_at = update.submitted_at.or_else(|| match progress {
            "Submitted" | "Completed" => {
                before.and_then(|entry| entry.submitted_at).or(Some(update.timestamp))
            }
            _ => None,
        });
        let score = update.score.map(|(given, of)| scale(given, of, maximum));
        let effect = match score {
            Some(score) => format!("{} on {}: {score} of {maximum}", update.user_id, line_item.id),
            None => format!("{} on {}: no score", update.user_id, line_item.id),
        };
        let entry = Entry {
            score,
            maximum,
            comment: update.comment.filter(|comment| !comment.trim().is_empty()),
            timestamp: update.timestamp,
            scoring_user_id: update.scoring_user_id,
            started_at,
            submitted_at,
            extensions: update.extensions,
            posts: before.map_or(0, |entry| entry.posts) + 1,
            activity_progress: update.activity_progress,
            grading_progress: update.grading_progress,
            body: update.body,
        };
        entries.insert(update.user_id, entry);
        effect
    }
}

/// Rescales (AGS-SCORE-07), leaving a score alone that is out of the same maximum.
#[expect(clippy::float_cmp, reason = "equal maxima need no arithmetic")]
fn scale(given: f64, of: f64, maximum: f64) -> f64 {
    if of == maximum { given } else { given * maximum / of }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_772_442_000 + second).unwrap()
    }

    fn update(second: i64, activity: &str) -> Update {
        Update {
            user_id: "u-1001".into(),
            timestamp: at(second),
            activity_progress: activity.into(),
            grading_progress: "NotReady".into(),
            score: None,
            comment: None,
            scoring_user_id: None,
            started_at: None,
            submitted_at: None,
            extensions: Map::new(),
            body: Vec::new(),
        }
    }

    #[test]
    fn submission_times_are_kept_and_cleared_as_the_activity_goes() {
        // AGS-SUBM-05
        let item = LineItem::new("li-1", 20.0);
        let mut book = Gradebook::new(vec![item.clone()], BTreeSet::new());
        for (second, activity, started, submitted) in [
            (1, "Started", Some(1), None),
            (2, "InProgress", Some(1), None),
            (3, "Submitted", Some(1), Some(3)),
            (4, "Completed", Some(1), Some(3)),
            (5, "InProgress", Some(1), None),
            (6, "Initialized", None, None),
        ] {
            book.record(&item, update(second, activity));
            let entry = book.result("li-1", "u-1001").unwrap();
            assert_eq!(
                (entry.started_at, entry.submitted_at),
                (started.map(at), submitted.map(at)),
                "{activity}"
            );
        }
    }

    #[test]
    fn a_score_is_scaled_and_a_status_alone_clears_it_with_the_comment() {
        // AGS-SCORE-06, AGS-SCORE-07, AGS-SCORE-16
        let item = LineItem::new("li-1", 6.0);
        let mut book = Gradebook::new(vec![item.clone()], BTreeSet::new());
        let scored =
            Update { score: Some((1.0, 3.0)), comment: Some("fine".into()), ..update(1, "Completed") };
        book.record(&item, scored);
        let entry = book.result("li-1", "u-1001").unwrap();
        assert_eq!((entry.score, entry.comment.as_deref()), (Some(2.0), Some("fine")));
        assert!(!format!("{entry:?}").contains("fine"));
        book.record(&item, update(2, "Completed"));
        let entry = book.result("li-1", "u-1001").unwrap();
        assert_eq!((entry.score, entry.comment.as_deref(), entry.posts), (None, None, 2));
    }
}
