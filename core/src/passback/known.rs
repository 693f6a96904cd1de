//! What the gradebook holds, and what a score will leave there: the two are compared so that what is equal need not be
//! sent. Where they cannot be told apart for certain, it is sent.

use std::collections::btree_map::{BTreeMap, Entry};
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use crate::{ActivityProgress, GradingProgress, Score, UserResult};

/// Moodle keeps five decimals.
const KEPT_DECIMALS: f64 = 5e-6;

/// No difference above this share of the maximum is taken for rounding: 0.005 points of 100.
const MAX_ROUNDING: f64 = 5e-5;

/// Arithmetic alone makes such differences.
const NOISE: f64 = 1e-9;

/// What a line item holds for its users, some ninety bytes for each.
#[derive(Debug, Default)]
pub(super) struct Known {
    grades: BTreeMap<u128, Held>,
}

/// What is held for one user, who has something.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Held {
    /// It cannot be told.
    Unclear,
    /// As the platform showed it: in its own scale, rounded as it may be.
    Shown { grade: Option<Grade>, comment: Option<u64>, by_others: bool },
    /// As it was sent.
    Sent { grade: Grade, comment: Option<u64> },
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Grade {
    points: f64,
    maximum: f64,
}

/// What a score leaves in the gradebook where it is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Effect {
    /// Platforms differ, or results do not show it.
    Unclear,
    /// No result.
    Nothing,
    Grade(Sent),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sent {
    grade: Grade,
    comment: Option<u64>,
}

impl Effect {
    pub(super) fn of(score: &Score) -> Self {
        let comment = digest(score.comment());
        let points = score.score_given().zip(score.score_maximum());
        match (points, score.activity_progress(), score.grading_progress()) {
            // What a tool adds may matter, and results do not show it.
            _ if !score.extensions().is_empty() => Self::Unclear,
            (Some((points, maximum)), _, GradingProgress::FullyGraded) => {
                Self::Grade(Sent { grade: Grade { points, maximum }, comment })
            }
            (None, ActivityProgress::Initialized, GradingProgress::NotReady) if comment.is_none() => {
                Self::Nothing
            }
            _ => Self::Unclear,
        }
    }
}

impl Known {
    /// Takes note of a result; `ours` tells who grades for the tool.
    pub(super) fn note(&mut self, result: &UserResult, ours: impl Fn(&str) -> bool) {
        let comment = digest(result.comment());
        let by_others = result.scoring_user_id().is_some_and(|id| !ours(id));
        let maximum = result.result_maximum();
        let held = match result.result_score() {
            Some(_) if maximum <= 0.0 => Held::Unclear,
            points => {
                let grade = points.map(|points| Grade { points, maximum });
                Held::Shown { grade, comment, by_others }
            }
        };
        match self.grades.entry(user(result.user_id())) {
            Entry::Occupied(mut entry) if *entry.get() != held => {
                entry.insert(Held::Unclear);
            }
            Entry::Occupied(_) => {}
            Entry::Vacant(entry) => {
                entry.insert(held);
            }
        }
    }

    /// Whether the gradebook is the same after the score as before.
    pub(super) fn has(&self, user_id: &str, effect: Effect) -> bool {
        match (self.grades.get(&user(user_id)), effect) {
            (_, Effect::Unclear)
            | (Some(Held::Unclear), _)
            | (None, Effect::Grade(_))
            | (Some(Held::Sent { .. }), Effect::Nothing) => false,
            (None, Effect::Nothing) => true,
            (Some(Held::Shown { grade, comment, .. }), Effect::Nothing) => {
                grade.is_none() && comment.is_none()
            }
            (Some(Held::Shown { grade, comment, .. }), Effect::Grade(sent)) => {
                *comment == sent.comment && grade.is_some_and(|shown| shown.may_show(sent.grade))
            }
            (Some(Held::Sent { grade, comment }), Effect::Grade(sent)) => {
                *comment == sent.comment && grade.equals(sent.grade)
            }
        }
    }

    /// Whether somebody else than the tool has graded.
    pub(super) fn is_by_others(&self, user_id: &str) -> bool {
        matches!(self.grades.get(&user(user_id)), Some(Held::Shown { by_others: true, .. }))
    }

    /// A score has been taken.
    pub(super) fn take(&mut self, user_id: &str, effect: Effect) {
        match effect {
            Effect::Unclear => self.forget(user_id),
            Effect::Nothing => drop(self.grades.remove(&user(user_id))),
            Effect::Grade(Sent { grade, comment }) => {
                self.grades.insert(user(user_id), Held::Sent { grade, comment });
            }
        }
    }

    /// Nobody knows what became of a score.
    pub(super) fn forget(&mut self, user_id: &str) {
        self.grades.insert(user(user_id), Held::Unclear);
    }
}

impl Grade {
    fn on_scale_of(self, other: Self) -> f64 {
        self.points * other.maximum / self.maximum
    }

    fn equals(self, other: Self) -> bool {
        is_noise(self.points, other.on_scale_of(self))
    }

    /// Whether it is what the platform makes of this grade: converted to its own scale, and rounded to the decimals that it
    /// shows, if these are two or more. A whole number says nothing about rounding.
    fn may_show(self, sent: Self) -> bool {
        let expected = sent.on_scale_of(self);
        if is_noise(self.points, expected) {
            return true;
        }
        let shown = match decimals(self.points) {
            0 | 1 => 0.0,
            decimals => 0.5 * 10_f64.powi(-decimals),
        };
        let rounding = shown.max(KEPT_DECIMALS).min(MAX_ROUNDING * self.maximum);
        (self.points - expected).abs() <= rounding * (1.0 + 1e-6)
    }
}

fn is_noise(one: f64, other: f64) -> bool {
    (one - other).abs() <= NOISE * one.abs().max(other.abs())
}

/// How many decimals the shortest way to write the number has.
fn decimals(number: f64) -> i32 {
    let text = number.to_string();
    text.split_once('.').map_or(0, |(_, decimals)| decimals.len().try_into().unwrap_or(i32::MAX))
}

/// Of a comment, whatever the line breaks and the space around it, in which platforms differ. `None` where it is blank.
fn digest(comment: Option<&str>) -> Option<u64> {
    let comment = comment.map(str::trim).filter(|comment| !comment.is_empty())?;
    let mut hasher = DefaultHasher::new();
    for line in comment.lines() {
        line.hash(&mut hasher);
    }
    Some(hasher.finish())
}

/// Two hashes, since two users who are taken for one would lose a grade.
fn user(user_id: &str) -> u128 {
    let hash = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, user_id).hash(&mut hasher);
        u128::from(hasher.finish())
    };
    hash(0) << 64 | hash(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(results: &[&str]) -> Known {
        let mut known = Known::default();
        for result in results {
            known.note(&serde_json::from_str(result).unwrap(), |id| id == "tool");
        }
        known
    }

    fn graded(points: f64, maximum: f64) -> Effect {
        Effect::of(&Score::graded("u", points, maximum).build().unwrap())
    }

    #[test]
    fn a_share_is_compared_on_the_scale_of_the_platform() {
        // Moodle 4.5: 83 of 100 on a line item of 80 points.
        let held = known(&[r#"{"userId":"u","resultScore":66.4,"resultMaximum":80}"#]);
        assert!(held.has("u", graded(83.0, 100.0)) && held.has("u", graded(0.83, 1.0)));
        assert!(!held.has("u", graded(83.01, 100.0)) && !held.has("u", graded(66.4, 100.0)));
        assert!(!held.has("v", graded(83.0, 100.0)));
    }

    #[test]
    fn what_was_rounded_is_equal_and_what_was_changed_is_not() {
        for (held, points, equal) in [
            ("66.66667", 200.0 / 3.0, true), // Moodle: five decimals
            ("66.67", 200.0 / 3.0, true),
            ("66.7", 200.0 / 3.0, false),
            ("67", 200.0 / 3.0, false),
            ("66.666666666666671", 200.0 / 3.0, true),
            ("66.66", 200.0 / 3.0, false),
            ("66.666", 200.0 / 3.0, false),
            ("66.667", 200.0 / 3.0, true),
            ("85.01", 85.005, true), // the half itself, as arithmetic leaves it
            ("85", 85.004, false),
            ("85", 85.01, false),
            ("85.01", 85.02, false),
            ("0", 0.0, true),
            ("0", 0.001, false),
        ] {
            let held = known(&[&format!(r#"{{"userId":"u","resultScore":{held},"resultMaximum":100}}"#)]);
            assert_eq!(held.has("u", graded(points, 100.0)), equal, "{held:?}, {points}");
        }
    }

    #[test]
    fn two_decimals_of_a_maximum_of_one_are_no_rounding() {
        // Half a point of 100 would be lost in it.
        let held = known(&[r#"{"userId":"u","resultScore":0.83}"#]);
        assert!(held.has("u", graded(83.0, 100.0)));
        assert!(!held.has("u", graded(83.3, 100.0)));
    }

    #[test]
    fn what_cannot_be_told_is_not_equal() {
        let twice = [
            r#"{"userId":"u","resultScore":5,"resultMaximum":10}"#,
            r#"{"userId":"u","resultScore":6,"resultMaximum":10}"#,
        ];
        assert!(!known(&twice).has("u", graded(5.0, 10.0)) && !known(&twice).has("u", graded(6.0, 10.0)));
        for points in [5, 0] {
            let no_scale = format!(r#"{{"userId":"u","resultScore":{points},"resultMaximum":0}}"#);
            assert!(!known(&[&no_scale]).has("u", graded(5.0, 10.0)));
        }
        assert!(known(&[twice[0], twice[0]]).has("u", graded(5.0, 10.0)));
        let held = known(&twice[..1]);
        let pending = Score::graded("u", 5.0, 10.0).grading_progress(GradingProgress::PendingManual);
        let extended = Score::graded("u", 5.0, 10.0).extension("https://tool.test/x", &1);
        for score in [pending, extended] {
            assert!(!held.has("u", Effect::of(&score.build().unwrap())));
        }
        let submitted = Score::ungraded("v", ActivityProgress::Submitted, GradingProgress::Pending);
        assert!(!held.has("v", Effect::of(&submitted.build().unwrap())));
    }

    #[test]
    fn what_was_sent_is_held_as_it_was_sent() {
        let mut held = known(&[]);
        held.take("u", graded(1_000.0, 1_000.0));
        // Arithmetic makes such differences, and no rounding is forgiven.
        assert!(held.has("u", graded(1_000.0, 1_000.0)) && held.has("u", graded(1_000.000_000_2, 1_000.0)));
        assert!(!held.has("u", graded(999.999, 1_000.0)));
        let comment = Score::graded("u", 1_000.0, 1_000.0).comment("Well done.").build().unwrap();
        assert!(!held.has("u", Effect::of(&comment)));
        held.take("u", Effect::of(&comment));
        assert!(held.has("u", Effect::of(&comment)) && !held.has("u", graded(1_000.0, 1_000.0)));
        held.take("u", Effect::Nothing);
        assert!(held.has("u", Effect::Nothing));
        held.take("u", graded(5.0, 10.0));
        held.forget("u");
        assert!(!held.has("u", graded(5.0, 10.0)) && !held.has("u", Effect::Nothing));
    }

    #[test]
    fn comments_are_equal_whatever_their_line_breaks_and_margins() {
        let held = known(&[r#"{"userId":"u","resultScore":5,"resultMaximum":10,"comment":" One\r\ntwo\n"}"#]);
        let with =
            |comment: &str| Effect::of(&Score::graded("u", 5.0, 10.0).comment(comment).build().unwrap());
        assert!(held.has("u", with("One\ntwo")));
        for other in ["", "One two", "One\n\ntwo", "one\ntwo"] {
            assert!(!held.has("u", with(other)), "{other:?}");
        }
    }

    #[test]
    fn a_result_without_a_grade_is_none() {
        // Moodle 4.5: a cleared row has only id and userId.
        let clear = Effect::of(&Score::cleared("u").build().unwrap());
        let told = Score::cleared("u").comment("Not yet.").build().unwrap();
        assert!(!known(&[]).has("u", Effect::of(&told)));
        assert!(known(&[r#"{"userId":"u"}"#]).has("u", clear) && known(&[]).has("u", clear));
        assert!(!known(&[r#"{"userId":"u","comment":"Well?"}"#]).has("u", clear));
        assert!(!known(&[r#"{"userId":"u","resultScore":0,"resultMaximum":10}"#]).has("u", clear));
    }

    #[test]
    fn who_graded_is_told_apart() {
        let held = known(&[
            r#"{"userId":"a","resultScore":5,"resultMaximum":10,"scoringUserId":"teacher"}"#,
            r#"{"userId":"b","resultScore":5,"resultMaximum":10,"scoringUserId":"tool"}"#,
            r#"{"userId":"c","resultScore":5,"resultMaximum":10}"#,
        ]);
        assert_eq!(["a", "b", "c"].map(|user| held.is_by_others(user)), [true, false, false]);
    }
}
