//! The gradebook: line items, learners, and what scores made of them (AGS 3.3, 3.4).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value, json};

use crate::entry::{Entry, Update};
use crate::line_item::LineItem;

/// The columns, the learners and the entries; as a value, a view of one moment.
#[derive(Clone, Default)]
pub struct Gradebook {
    line_items: Vec<LineItem>,
    learners: BTreeSet<String>,
    entries: BTreeMap<String, BTreeMap<String, Entry>>,
    /// How many results a line item is born with; see [`seeded_user`].
    seeded: BTreeMap<String, u64>,
}

/// A result as the results service shows it.
#[derive(Debug, Clone)]
pub(crate) struct Row<'a> {
    pub(crate) user_id: Cow<'a, str>,
    pub(crate) score: Option<f64>,
    pub(crate) maximum: f64,
    /// What is on record; `None` for seeded results, and for learners without any.
    pub(crate) entry: Option<&'a Entry>,
}

/// The ids of learners with seeded results are the numbers from here on, which is an id on every platform.
const FIRST_SEEDED: u64 = 1_000_001;

fn seeded_user(index: u64) -> String {
    (FIRST_SEEDED + index).to_string()
}

fn seeded_index(user_id: &str) -> Option<u64> {
    if user_id.len() < 7 || user_id.starts_with('0') {
        return None;
    }
    user_id.parse::<u64>().ok()?.checked_sub(FIRST_SEEDED)
}

impl fmt::Debug for Gradebook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gradebook")
            .field("line_items", &self.line_items)
            .field("learners", &self.learners.len())
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}

impl Gradebook {
    pub(crate) fn new(line_items: Vec<LineItem>, learners: BTreeSet<String>) -> Self {
        Self { line_items, learners, ..Self::default() }
    }

    /// Gives so many learners of their own a result in a line item.
    pub(crate) fn seed(&mut self, line_item: &str, results: u64) {
        self.seeded.insert(line_item.to_owned(), results);
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
            || seeded_index(user_id).is_some_and(|index| self.seeded.values().any(|count| index < *count))
    }

    /// The learners, apart from those of seeded results.
    pub fn learners(&self) -> impl Iterator<Item = &str> {
        self.learners.iter().map(String::as_str)
    }

    /// What is on record for a learner in a line item; `None` if no score was ever accepted.
    pub fn result(&self, line_item: &str, user_id: &str) -> Option<&Entry> {
        self.entries.get(line_item)?.get(user_id)
    }

    pub(crate) fn line_item_mut(&mut self, id: &str) -> Option<&mut LineItem> {
        self.line_items.iter_mut().find(|item| item.id == id)
    }

    pub(crate) fn entry_mut(&mut self, line_item: &str, user_id: &str) -> Option<&mut Entry> {
        self.entries.get_mut(line_item)?.get_mut(user_id)
    }

    pub(crate) fn add(&mut self, item: LineItem) {
        self.line_items.push(item);
    }

    /// Removes a line item and all its results.
    pub(crate) fn remove(&mut self, id: &str) {
        self.line_items.retain(|item| item.id != id);
        self.entries.remove(id);
        self.seeded.remove(id);
    }

    /// Brings the results of a line item to its new maximum (AGS 3.2.6).
    pub(crate) fn rescale(&mut self, id: &str, from: f64, to: f64) {
        for entry in self.entries.get_mut(id).into_iter().flat_map(BTreeMap::values_mut) {
            entry.score = entry.score.map(|score| scale(score, from, to));
            entry.maximum = to;
        }
    }

    /// How many results a line item has.
    pub(crate) fn count(&self, item: &LineItem) -> u64 {
        let seeded = self.seeded.get(&item.id).copied().unwrap_or(0);
        seeded + self.unseeded(item).count() as u64
    }

    /// A stretch of a line item's results, at a cost that does not depend on how many seeded ones come before it.
    pub(crate) fn rows(&self, item: &LineItem, from: u64, most: u64) -> Vec<Row<'_>> {
        let seeded = self.seeded.get(&item.id).copied().unwrap_or(0);
        let end = from.saturating_add(most);
        let first = (from.min(seeded)..end.min(seeded)).map(|index| self.seeded_row(item, index));
        let skipped = usize::try_from(from.saturating_sub(seeded)).unwrap_or(usize::MAX);
        let rest = usize::try_from(end.saturating_sub(from.max(seeded))).unwrap_or(usize::MAX);
        first.chain(self.unseeded(item).skip(skipped).take(rest)).collect()
    }

    /// One user's result in a line item.
    pub(crate) fn row(&self, item: &LineItem, user_id: &str) -> Option<Row<'_>> {
        let seeded = self.seeded.get(&item.id).copied().unwrap_or(0);
        if let Some(index) = seeded_index(user_id).filter(|index| *index < seeded) {
            return Some(self.seeded_row(item, index));
        }
        let (user_id, entry) = self.entries.get(&item.id)?.get_key_value(user_id)?;
        Some(recorded_row(user_id, entry))
    }

    fn seeded_row(&self, item: &LineItem, index: u64) -> Row<'_> {
        let user_id = seeded_user(index);
        if let Some((user_id, entry)) = self.entries.get(&item.id).and_then(|all| all.get_key_value(&user_id))
        {
            return recorded_row(user_id, entry);
        }
        #[expect(clippy::cast_precision_loss, reason = "it is less than 101")]
        let hundredths = (index % 101) as f64;
        Row {
            user_id: user_id.into(),
            score: Some(hundredths * item.score_maximum / 100.0),
            maximum: item.score_maximum,
            entry: None,
        }
    }

    fn unseeded(&self, item: &LineItem) -> impl Iterator<Item = Row<'_>> {
        let seeded = self.seeded.get(&item.id).copied().unwrap_or(0);
        self.entries
            .get(&item.id)
            .into_iter()
            .flatten()
            .filter(move |(user_id, _)| seeded_index(user_id).is_none_or(|index| index >= seeded))
            .map(|(user_id, entry)| recorded_row(user_id, entry))
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
        let given = update.given.zip(update.maximum);
        let score = given.map(|(given, of)| scale(given, of, maximum));
        let effect = match score {
            Some(score) => format!("{} on {}: {score} of {maximum}", update.user_id, line_item.id),
            None => format!("{} on {}: no score", update.user_id, line_item.id),
        };
        let entry = Entry {
            submission_given: update.submitted_at.is_some(),
            score,
            maximum,
            given,
            earlier_comments: before.map(|entry| entry.earlier_comments.clone()).unwrap_or_default(),
            attempts: before.map_or(0, |entry| entry.attempts),
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

fn recorded_row<'a>(user_id: &'a str, entry: &'a Entry) -> Row<'a> {
    Row { user_id: user_id.into(), score: entry.score, maximum: entry.maximum, entry: Some(entry) }
}

/// Rescales (AGS-SCORE-07), leaving a score alone that is out of the same maximum, or of none.
#[expect(clippy::float_cmp, reason = "equal maxima need no arithmetic")]
fn scale(given: f64, of: f64, maximum: f64) -> f64 {
    if of == maximum || of == 0.0 { given } else { given * maximum / of }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::Map;

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
            given: None,
            maximum: None,
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
        let scored = Update {
            given: Some(1.0),
            maximum: Some(3.0),
            comment: Some("fine".into()),
            ..update(1, "Completed")
        };
        book.record(&item, scored);
        let entry = book.result("li-1", "u-1001").unwrap();
        assert_eq!((entry.score, entry.comment.as_deref()), (Some(2.0), Some("fine")));
        assert!(!format!("{entry:?}").contains("fine"));
        book.record(&item, update(2, "Completed"));
        let entry = book.result("li-1", "u-1001").unwrap();
        assert_eq!((entry.score, entry.comment.as_deref(), entry.posts), (None, None, 2));
    }

    #[test]
    fn seeded_results_are_found_by_place_and_by_user_until_a_score_replaces_them() {
        let item = LineItem::new("li-1", 200.0);
        let mut book = Gradebook::new(vec![item.clone()], BTreeSet::from(["u-1".to_owned()]));
        book.seed("li-1", 1_000_000);
        assert!(book.is_enrolled("1000001") && book.is_enrolled("2000000") && !book.is_enrolled("2000001"));
        book.record(&item, Update { user_id: "u-1".into(), ..update(1, "Completed") });
        let scored = Update { given: Some(1.0), maximum: Some(1.0), ..update(1, "Completed") };
        book.record(&item, Update { user_id: "1000002".into(), ..scored });
        assert_eq!(book.count(&item), 1_000_001);
        let users = |from, most| -> Vec<(String, Option<f64>)> {
            book.rows(&item, from, most)
                .into_iter()
                .map(|row| (row.user_id.into_owned(), row.score))
                .collect()
        };
        assert_eq!(users(0, 3)[1], ("1000002".to_owned(), Some(200.0)));
        assert_eq!(users(0, 3)[2], ("1000003".to_owned(), Some(4.0)));
        assert_eq!(users(999_999, 5), [("2000000".to_owned(), Some(198.0)), ("u-1".to_owned(), None)]);
        assert_eq!(users(1_000_001, 5), []);
        assert_eq!(book.row(&item, "2000000").unwrap().score, Some(198.0));
        assert!(book.row(&item, "u-2").is_none());
    }
}
