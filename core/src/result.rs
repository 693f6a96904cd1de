//! Results: what the gradebook holds for each user of a line item (AGS 3.3).

use std::cell::Cell;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, Unexpected, Visitor};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use crate::extensions::Extensions;
use crate::line_item::located;
use crate::number::{Number, Points};
use crate::text::{Key, Text, is_blank};

/// The result of a user in a line item: the gradebook's word on it (AGS 3.3), which may have been scaled or
/// overridden and so may differ from the score that was sent.
///
/// The specification calls it a result. Here it says whose, since `Result` means something else in Rust and
/// `LineItemResult` would read as a `Result<LineItem, _>`.
#[derive(Clone, Debug, PartialEq)]
pub struct UserResult {
    user_id: Box<str>,
    id: Option<Box<str>>,
    score_of: Option<Box<str>>,
    result_score: Option<f64>,
    result_maximum: Option<f64>,
    comment: Comment,
    scoring_user_id: Option<Box<str>>,
    extensions: Extensions,
}

#[derive(Clone, Debug, PartialEq)]
enum Comment {
    Missing,
    Null,
    Text(Box<str>),
}

impl UserResult {
    /// Whose it is (AGS 3.3.4.4): a user id of the platform's, always as text.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// The URL of the result (AGS 3.3.4.2), if the platform gives it one.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The URL of the line item (AGS 3.3.4.3). It may differ from the one asked, in its query for one.
    pub fn score_of(&self) -> Option<&str> {
        self.score_of.as_deref()
    }

    /// The points (AGS 3.3.4.5); `None` if there is no grade, which 0 is. It may exceed the maximum.
    pub const fn result_score(&self) -> Option<f64> {
        self.result_score
    }

    /// The maximum of the points: 1 where the platform does not say (AGS 3.3.4.6). Some platforms send 0 or less.
    pub fn result_maximum(&self) -> f64 {
        self.result_maximum.unwrap_or(1.0)
    }

    /// The maximum the platform sent, if it did.
    pub const fn sent_result_maximum(&self) -> Option<f64> {
        self.result_maximum
    }

    /// The comment (AGS 3.3.4.7), unless it is blank.
    pub fn comment(&self) -> Option<&str> {
        match &self.comment {
            Comment::Text(text) if !is_blank(text) => Some(text),
            _ => None,
        }
    }

    /// Whether the platform said anything on a comment, be it that there is none (`""`, null). Blackboard leaves the
    /// member out of results asked for by user, where it says nothing.
    pub const fn has_comment_member(&self) -> bool {
        !matches!(self.comment, Comment::Missing)
    }

    /// Who gave the grade (AGS 3.3.4.8).
    pub fn scoring_user_id(&self) -> Option<&str> {
        self.scoring_user_id.as_deref()
    }

    /// The members AGS does not name (AGS 3.1.2).
    pub const fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The score as a share of the maximum: 1 is all of it. `None` without a grade, or if the maximum is not
    /// greater than 0.
    pub fn fraction(&self) -> Option<f64> {
        self.points_of(1.0)
    }

    /// The score in percent of the maximum; `None` as for [`fraction`](Self::fraction).
    pub fn percent(&self) -> Option<f64> {
        self.points_of(100.0)
    }

    /// The score on a scale of so many points; `None` as for [`fraction`](Self::fraction).
    pub fn points_of(&self, maximum: f64) -> Option<f64> {
        let from = self.result_maximum();
        let score = self.result_score.filter(|_| from > 0.0)?;
        // Multiplied first, so that 7 of 100 is 7 %, not 7.000000000000001 %.
        let points = score * maximum / from;
        points.is_finite().then_some(points)
    }
}

/// As the platform sent it, but for nulls, which are left out.
impl Serialize for UserResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        macro_rules! put {
            ($($name:ident: $value:expr),* $(,)?) => {
                $(if let Some(value) = $value { map.serialize_entry($name, &value)?; })*
            };
        }
        put! {
            ID: self.id.as_deref(),
            SCORE_OF: self.score_of.as_deref(),
            USER_ID: Some(&*self.user_id),
            RESULT_SCORE: self.result_score.map(Points),
            RESULT_MAXIMUM: self.result_maximum.map(Points),
            COMMENT: match &self.comment { Comment::Text(text) => Some(&**text), _ => None },
            SCORING_USER_ID: self.scoring_user_id.as_deref(),
        }
        self.extensions.write(&mut map, |_| false)?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for UserResult {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let at = Cell::new("");
        UserResultSeed(&at).deserialize(deserializer).map_err(|error| located(at.get(), error))
    }
}

/// Reads a result; if that fails, the cell holds the member it failed at.
pub(crate) struct UserResultSeed<'a>(pub(crate) &'a Cell<&'static str>);

impl<'de> DeserializeSeed<'de> for UserResultSeed<'_> {
    type Value = UserResult;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<UserResult, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for UserResultSeed<'_> {
    type Value = UserResult;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a result")
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<UserResult, A::Error> {
        let Self(at) = self;
        let (mut user_id, mut id, mut score_of, mut scoring_user_id) = (None, None, None, None);
        let (mut result_score, mut result_maximum) = (None, None);
        let mut comment = Comment::Missing;
        let mut extensions = Extensions::new();
        while let Some(key) = map.next_key::<Key<'de>>()? {
            macro_rules! read {
                ($name:ident, $seed:expr) => {{
                    at.set($name);
                    map.next_value_seed($seed)?
                }};
            }
            match &*key.0 {
                ID => id = read!(ID, Text),
                SCORE_OF => score_of = read!(SCORE_OF, Text),
                USER_ID => user_id = read!(USER_ID, Text),
                RESULT_SCORE => result_score = read!(RESULT_SCORE, Number),
                RESULT_MAXIMUM => result_maximum = read!(RESULT_MAXIMUM, Number),
                COMMENT => comment = read!(COMMENT, Text).map_or(Comment::Null, Comment::Text),
                SCORING_USER_ID => scoring_user_id = read!(SCORING_USER_ID, Text),
                _ => {
                    at.set("");
                    extensions.keep(key, map.next_value()?);
                }
            }
        }
        extensions.settle();
        at.set(USER_ID);
        let user_id = user_id.ok_or_else(|| A::Error::missing_field(USER_ID))?;
        Ok(UserResult {
            user_id,
            id,
            score_of,
            result_score,
            result_maximum,
            comment,
            scoring_user_id,
            extensions,
        })
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<UserResult, E> {
        // Its text stays out of the message: it may be a person's.
        Err(E::invalid_type(Unexpected::Other("a string"), &self))
    }
}

const ID: &str = "id";
const SCORE_OF: &str = "scoreOf";
const USER_ID: &str = "userId";
const RESULT_SCORE: &str = "resultScore";
const RESULT_MAXIMUM: &str = "resultMaximum";
const COMMENT: &str = "comment";
const SCORING_USER_ID: &str = "scoringUserId";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> UserResult {
        serde_json::from_str(json).unwrap()
    }

    fn written(result: &UserResult) -> String {
        serde_json::to_string(result).unwrap()
    }

    #[test]
    fn every_member_is_read_and_written_as_it_came() {
        // AGS-RESULT-04, AGS-RESULT-10, AGS-RESULT-12
        let json = concat!(
            r#"{"id":"https://lms.test/r/1","scoreOf":"https://lms.test/li/1?x","userId":"u-1","resultScore":83.33,"#,
            r#""resultMaximum":100,"comment":"Good","scoringUserId":"t-1","timestamp":"2026-03-06T20:05:02+00:00","#,
            r#""https://vendor.test/x":{"n":1.0}}"#
        );
        let result = read(json);
        assert_eq!(
            (result.id(), result.score_of()),
            (Some("https://lms.test/r/1"), Some("https://lms.test/li/1?x"))
        );
        assert_eq!((result.user_id(), result.scoring_user_id()), ("u-1", Some("t-1")));
        assert_eq!((result.result_score(), result.result_maximum()), (Some(83.33), 100.0));
        assert_eq!(result.comment(), Some("Good"));
        assert_eq!(result.extensions().get("timestamp").unwrap().get(), r#""2026-03-06T20:05:02+00:00""#);
        assert_eq!(written(&result), json);
        assert_eq!(read(&written(&result)), result);
    }

    #[test]
    fn only_the_user_id_must_be_there() {
        // AGS-RESULT-04, AGS-RESULT-05. Moodle 4.5: a cleared row has only id and userId.
        let result = read(r#"{"userId":"u"}"#);
        assert_eq!((result.id(), result.score_of(), result.result_score()), (None, None, None));
        assert_eq!(written(&result), r#"{"userId":"u"}"#);
        for json in ["{}", r#"{"userId":null}"#, r#"{"id":"x","resultScore":1}"#] {
            let error = serde_json::from_str::<UserResult>(json).unwrap_err().to_string();
            assert!(error.starts_with("userId: missing field"), "{error}");
        }
    }

    #[test]
    fn null_members_are_missing_ones() {
        let json = r#"{"id":null,"scoreOf":null,"userId":"u","resultScore":null,"resultMaximum":null,"scoringUserId":null}"#;
        assert_eq!(read(json), read(r#"{"userId":"u"}"#));
    }

    #[test]
    fn a_user_id_may_be_a_number() {
        assert_eq!(read(r#"{"userId":42}"#).user_id(), "42");
    }

    #[test]
    fn zero_is_a_grade() {
        // AGS-RESULT-05
        let result = read(r#"{"userId":"u","resultScore":0,"resultMaximum":10}"#);
        assert_eq!((result.result_score(), result.fraction()), (Some(0.0), Some(0.0)));
        assert_eq!(read(r#"{"userId":"u","resultMaximum":10}"#).fraction(), None);
    }

    #[test]
    fn a_maximum_that_is_not_sent_is_one() {
        // AGS-RESULT-06
        for json in [
            r#"{"userId":"u","resultScore":0.5}"#,
            r#"{"userId":"u","resultScore":0.5,"resultMaximum":null}"#,
        ] {
            let result = read(json);
            assert_eq!((result.result_maximum(), result.sent_result_maximum()), (1.0, None));
            assert_eq!(
                (result.fraction(), result.percent(), result.points_of(20.0)),
                (Some(0.5), Some(50.0), Some(10.0))
            );
            assert_eq!(written(&result), r#"{"userId":"u","resultScore":0.5}"#);
        }
    }

    #[test]
    fn nothing_is_divided_by_a_maximum_of_zero_or_less() {
        // AGS-RESULT-06
        for maximum in ["0", "-5"] {
            let json = format!(r#"{{"userId":"u","resultScore":1,"resultMaximum":{maximum}}}"#);
            let result = read(&json);
            assert_eq!((result.fraction(), result.percent(), result.points_of(10.0)), (None, None, None));
            assert_eq!(result.sent_result_maximum(), maximum.parse().ok());
            assert_eq!(written(&result), json);
        }
        let tiny = read(r#"{"userId":"u","resultScore":1e300,"resultMaximum":1e-300}"#);
        assert_eq!(tiny.fraction(), None);
    }

    #[test]
    fn shares_are_exact_where_they_can_be() {
        let of = |score: u32, maximum: u32| {
            read(&format!(r#"{{"userId":"u","resultScore":{score},"resultMaximum":{maximum}}}"#))
        };
        for score in 0..=110 {
            assert_eq!(of(score, 100).percent(), Some(f64::from(score)));
        }
        assert_eq!(of(11, 10).fraction(), Some(1.1)); // AGS-RESULT-09
        assert_eq!(of(1, 3).points_of(6.0), Some(2.0));
    }

    #[test]
    fn a_blank_comment_is_none_but_known_to_have_been_there() {
        // AGS-RESULT-07
        for (member, sent, back) in [
            ("", false, r#"{"userId":"u"}"#),
            (r#","comment":null"#, true, r#"{"userId":"u"}"#),
            (r#","comment":"""#, true, r#"{"userId":"u","comment":""}"#),
        ] {
            let result = read(&format!(r#"{{"userId":"u"{member}}}"#));
            assert_eq!((result.comment(), result.has_comment_member()), (None, sent));
            assert_eq!(written(&result), back);
        }
    }

    #[test]
    fn points_may_be_strings_of_digits() {
        let result = read(r#"{"userId":"u","resultScore":"8.5","resultMaximum":"10"}"#);
        assert_eq!((result.result_score(), result.result_maximum()), (Some(8.5), 10.0));
        assert_eq!(read(r#"{"userId":"u","resultScore":""}"#).result_score(), None);
    }

    #[test]
    fn a_bad_member_is_named() {
        for (json, member) in [
            (r#"{"userId":{}}"#, "userId"),
            (r#"{"userId":"u","resultScore":"Jane"}"#, "resultScore"),
            (r#"{"userId":"u","comment":["Jane"]}"#, "comment"),
        ] {
            let error = serde_json::from_str::<UserResult>(json).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{member}: ")) && !error.contains("Jane"), "{error}");
        }
    }
}
