//! Line items: the columns of a gradebook, as a platform holds them (AGS 3.2).

use std::cell::Cell;
use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, Unexpected, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::extensions::Extensions;
use crate::number::{Number, Points};
use crate::text::{Flag, Key, Text, is_blank};

/// A line item as a platform holds it (AGS 3.2.2).
///
/// To change one, read it, set what changes and send [`update`](Self::update): a PUT replaces the whole line item,
/// so everything else, known or not, goes back as it came (AGS 3.2.6). Its `id` and `resourceLinkId` cannot be
/// changed (AGS 3.2.6), so there is no way to set them.
#[derive(Clone, Debug, PartialEq)]
pub struct LineItem {
    id: Option<Box<str>>,
    // A blank label is kept, since Moodle wants one in every PUT.
    label: Option<Box<str>>,
    score_maximum: f64,
    resource_link_id: Option<Box<str>>,
    resource_id: Option<Box<str>>,
    tag: Option<Box<str>>,
    // Dates stay text: an unreadable one has to go back as it came, and most callers never look.
    start_date_time: Option<Box<str>>,
    end_date_time: Option<Box<str>>,
    grades_released: Option<bool>,
    extensions: Extensions,
}

/// Why a line item would not be one (AGS 3.2.7, 3.2.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidLineItem {
    /// The label is blank (AGS 3.2.7).
    #[error("the label of a line item must not be blank")]
    BlankLabel,
    /// The maximum score is not a finite number greater than 0 (AGS 3.2.8).
    #[error("the maximum score of a line item must be a finite number greater than 0")]
    ScoreMaximum,
}

impl LineItem {
    /// One that no platform holds yet.
    pub(crate) fn new(label: &str, score_maximum: f64) -> Result<Self, InvalidLineItem> {
        Ok(Self {
            id: None,
            label: Some(valid_label(label)?),
            score_maximum: valid_maximum(score_maximum)?,
            resource_link_id: None,
            resource_id: None,
            tag: None,
            start_date_time: None,
            end_date_time: None,
            grades_released: None,
            extensions: Extensions::new(),
        })
    }

    /// The URL of the line item, as the platform gave it (AGS 3.2.3). Keep it as it is: it is the base of the URLs
    /// of scores and results. `None` if the platform left it out.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The text people see (AGS 3.2.7); empty if the platform left it out.
    pub fn label(&self) -> &str {
        self.label.as_deref().unwrap_or_default()
    }

    /// The maximum score, in points (AGS 3.2.8). It should be greater than 0; some platforms hold 0 or less.
    pub const fn score_maximum(&self) -> f64 {
        self.score_maximum
    }

    /// The platform's identifier of the resource link it belongs to (AGS 3.2.9).
    pub fn resource_link_id(&self) -> Option<&str> {
        self.resource_link_id.as_deref()
    }

    /// The tool's own identifier of what is graded (AGS 3.2.10).
    pub fn resource_id(&self) -> Option<&str> {
        self.resource_id.as_deref()
    }

    /// The tool's own qualifier (AGS 3.2.11).
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// When submissions open (AGS 3.2.12); `None` also if the platform's text is no time with a zone.
    pub fn start_date_time(&self) -> Option<Timestamp> {
        self.start_date_time_text().and_then(instant)
    }

    /// [`start_date_time`](Self::start_date_time) as the platform wrote it.
    pub fn start_date_time_text(&self) -> Option<&str> {
        self.start_date_time.as_deref()
    }

    /// When submissions close (AGS 3.2.13); `None` also if the platform's text is no time with a zone.
    pub fn end_date_time(&self) -> Option<Timestamp> {
        self.end_date_time_text().and_then(instant)
    }

    /// [`end_date_time`](Self::end_date_time) as the platform wrote it.
    pub fn end_date_time_text(&self) -> Option<&str> {
        self.end_date_time.as_deref()
    }

    /// Whether learners may see their grades (AGS 3.2.14).
    pub const fn grades_released(&self) -> Option<bool> {
        self.grades_released
    }

    /// The members AGS does not name, with which a line item may be extended (AGS 3.1.2).
    pub const fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// The members AGS does not name, to change.
    pub const fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    /// Changes the label, which must not be blank (AGS 3.2.7).
    pub fn set_label(&mut self, label: &str) -> Result<(), InvalidLineItem> {
        self.label = Some(valid_label(label)?);
        Ok(())
    }

    /// Changes the maximum score, which must be greater than 0 (AGS 3.2.8). A platform that takes the change
    /// rescales the results (AGS 3.2.6): read them again.
    pub fn set_score_maximum(&mut self, points: f64) -> Result<(), InvalidLineItem> {
        self.score_maximum = valid_maximum(points)?;
        Ok(())
    }

    /// Only before it is created: afterwards it cannot be changed (AGS 3.2.6).
    pub(crate) fn bind(&mut self, resource_link_id: &str) {
        self.resource_link_id = unless_blank(Some(resource_link_id));
    }

    /// Changes or unsets the tool's own identifier.
    pub fn set_resource_id(&mut self, id: Option<&str>) {
        self.resource_id = unless_blank(id);
    }

    /// Changes or unsets the tag.
    pub fn set_tag(&mut self, tag: Option<&str>) {
        self.tag = unless_blank(tag);
    }

    /// Changes or voids when submissions open.
    pub fn set_start_date_time(&mut self, time: Option<Timestamp>) {
        self.start_date_time = time.map(utc);
    }

    /// Changes or voids when submissions close.
    pub fn set_end_date_time(&mut self, time: Option<Timestamp>) {
        self.end_date_time = time.map(utc);
    }

    /// Changes or unsets whether learners may see their grades.
    pub const fn set_grades_released(&mut self, released: Option<bool>) {
        self.grades_released = released;
    }

    /// Gives it an id where the platform sent none: the URL it was read from, or the `Location` of its creation.
    #[must_use]
    pub fn or_id(mut self, url: &str) -> Self {
        self.id.get_or_insert_with(|| url.into());
        self
    }

    /// The body of a PUT that replaces the platform's line item with this one (AGS 3.2.6).
    pub const fn update(&self) -> LineItemUpdate<'_> {
        LineItemUpdate { item: self, but: &[] }
    }

    fn write<M: SerializeMap>(&self, map: &mut M, but: &[&str]) -> Result<(), M::Error> {
        let Self { id: _, label, resource_link_id, resource_id, tag, start_date_time, end_date_time, .. } =
            self;
        put(map, but, LABEL, label.as_deref())?;
        put(map, but, SCORE_MAXIMUM, Some(Points(self.score_maximum)))?;
        put(map, but, RESOURCE_LINK_ID, resource_link_id.as_deref())?;
        put(map, but, RESOURCE_ID, resource_id.as_deref())?;
        put(map, but, TAG, tag.as_deref())?;
        put(map, but, START_DATE_TIME, start_date_time.as_deref())?;
        put(map, but, END_DATE_TIME, end_date_time.as_deref())?;
        put(map, but, GRADES_RELEASED, self.grades_released)?;
        self.extensions.write(map, |name| MEMBERS.contains(&name) || but.contains(&name))
    }
}

/// A line item as the body of a PUT: every member but `id`, without nulls (AGS 3.2.6).
#[derive(Clone, Copy, Debug)]
pub struct LineItemUpdate<'a> {
    item: &'a LineItem,
    but: &'a [&'a str],
}

impl<'a> LineItemUpdate<'a> {
    /// Leaves members of these JSON names out. Blackboard refuses an update that has read-only ones.
    #[must_use]
    pub const fn without(self, names: &'a [&'a str]) -> Self {
        Self { but: names, ..self }
    }
}

impl Serialize for LineItemUpdate<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        self.item.write(&mut map, self.but)?;
        map.end()
    }
}

/// The whole line item, `id` included: for storing and showing. To send one, see [`LineItem::update`].
impl Serialize for LineItem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        put(&mut map, &[], ID, self.id.as_deref())?;
        self.write(&mut map, &[])?;
        map.end()
    }
}

impl<'de> Deserialize<'de> for LineItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let at = Cell::new("");
        LineItemSeed(&at).deserialize(deserializer).map_err(|error| located(at.get(), error))
    }
}

/// Reads a line item; if that fails, the cell holds the member it failed at.
pub(crate) struct LineItemSeed<'a>(pub(crate) &'a Cell<&'static str>);

impl<'de> DeserializeSeed<'de> for LineItemSeed<'_> {
    type Value = LineItem;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<LineItem, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for LineItemSeed<'_> {
    type Value = LineItem;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a line item")
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LineItem, A::Error> {
        let Self(at) = self;
        let (mut id, mut label, mut score_maximum) = (None, None, None);
        let (mut resource_link_id, mut resource_id, mut tag) = (None, None, None);
        let (mut start_date_time, mut end_date_time, mut grades_released) = (None, None, None);
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
                LABEL => label = read!(LABEL, Text),
                SCORE_MAXIMUM => score_maximum = read!(SCORE_MAXIMUM, Number),
                RESOURCE_LINK_ID => resource_link_id = read!(RESOURCE_LINK_ID, Text),
                RESOURCE_ID => resource_id = read!(RESOURCE_ID, Text),
                TAG => tag = read!(TAG, Text),
                START_DATE_TIME => start_date_time = read!(START_DATE_TIME, Text),
                END_DATE_TIME => end_date_time = read!(END_DATE_TIME, Text),
                GRADES_RELEASED => grades_released = read!(GRADES_RELEASED, Flag),
                _ => {
                    at.set("");
                    extensions.keep(key, map.next_value()?);
                }
            }
        }
        extensions.settle();
        at.set(SCORE_MAXIMUM);
        let score_maximum = score_maximum.ok_or_else(|| A::Error::missing_field(SCORE_MAXIMUM))?;
        Ok(LineItem {
            id: id.filter(|text| !is_blank(text)),
            label,
            score_maximum,
            resource_link_id: resource_link_id.filter(|text| !is_blank(text)),
            resource_id: resource_id.filter(|text| !is_blank(text)),
            tag: tag.filter(|text| !is_blank(text)),
            start_date_time: start_date_time.filter(|text| !is_blank(text)),
            end_date_time: end_date_time.filter(|text| !is_blank(text)),
            grades_released,
            extensions,
        })
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<LineItem, E> {
        // Its text stays out of the message: it may be a person's.
        Err(E::invalid_type(Unexpected::Other("a string"), &self))
    }
}

const ID: &str = "id";
const LABEL: &str = "label";
const SCORE_MAXIMUM: &str = "scoreMaximum";
const RESOURCE_LINK_ID: &str = "resourceLinkId";
const RESOURCE_ID: &str = "resourceId";
const TAG: &str = "tag";
const START_DATE_TIME: &str = "startDateTime";
const END_DATE_TIME: &str = "endDateTime";
const GRADES_RELEASED: &str = "gradesReleased";
const MEMBERS: [&str; 9] = [
    ID,
    LABEL,
    SCORE_MAXIMUM,
    RESOURCE_LINK_ID,
    RESOURCE_ID,
    TAG,
    START_DATE_TIME,
    END_DATE_TIME,
    GRADES_RELEASED,
];

fn put<M: SerializeMap, T: Serialize>(
    map: &mut M,
    but: &[&str],
    name: &'static str,
    value: Option<T>,
) -> Result<(), M::Error> {
    match value {
        Some(value) if !but.contains(&name) => map.serialize_entry(name, &value),
        _ => Ok(()),
    }
}

/// An error of a member, with the member's name in front.
pub(crate) fn located<E: serde::de::Error>(member: &str, error: E) -> E {
    if member.is_empty() { error } else { E::custom(format_args!("{member}: {error}")) }
}

fn valid_label(label: &str) -> Result<Box<str>, InvalidLineItem> {
    if label.trim().is_empty() { Err(InvalidLineItem::BlankLabel) } else { Ok(label.into()) }
}

fn valid_maximum(points: f64) -> Result<f64, InvalidLineItem> {
    if points.is_finite() && points > 0.0 { Ok(points) } else { Err(InvalidLineItem::ScoreMaximum) }
}

fn unless_blank(text: Option<&str>) -> Option<Box<str>> {
    text.filter(|text| !is_blank(text)).map(Into::into)
}

fn instant(text: &str) -> Option<Timestamp> {
    text.trim().parse().ok()
}

/// RFC 3339 in UTC, with `Z` (AGS 4.2).
fn utc(time: Timestamp) -> Box<str> {
    time.to_string().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    fn read(json: &str) -> LineItem {
        serde_json::from_str(json).unwrap()
    }

    fn sent(item: &LineItem) -> String {
        serde_json::to_string(&item.update()).unwrap()
    }

    const FULL: &str = concat!(
        r#"{"id":"https:\/\/lms.test\/li\/1?type_id=1","label":"Essay","scoreMaximum":33.33,"resourceLinkId":"rl 1","#,
        r#""resourceId":"quiz-9","tag":"grade","startDateTime":"2026-04-01T00:00:00+02:00","#,
        r#""endDateTime":"2026-04-06T22:05:03.123Z","gradesReleased":false,"ltiLinkId":"1","#,
        r#""https://vendor.test/x":{"k":[1,null],"n":1.0}}"#
    );

    #[test]
    fn every_member_is_read() {
        let item = read(FULL);
        assert_eq!(item.id(), Some("https://lms.test/li/1?type_id=1"));
        assert_eq!((item.label(), item.score_maximum()), ("Essay", 33.33)); // AGS-ITEM-03
        assert_eq!(item.resource_link_id(), Some("rl 1"));
        assert_eq!((item.resource_id(), item.tag()), (Some("quiz-9"), Some("grade")));
        assert_eq!(item.start_date_time(), "2026-03-31T22:00:00Z".parse().ok()); // AGS-ITEM-07, AGS-DATE-05
        assert_eq!(item.end_date_time(), "2026-04-06T22:05:03.123Z".parse().ok());
        assert_eq!(item.grades_released(), Some(false)); // AGS-ITEM-08
        assert_eq!(item.extensions().len(), 2);
    }

    #[test]
    fn an_edit_keeps_everything_else() {
        // AGS-ITEM-10, AGS-UPDATE-02, AGS-UPDATE-03
        let mut item = read(FULL);
        item.set_label("B").unwrap();
        assert_eq!(
            sent(&item),
            concat!(
                r#"{"label":"B","scoreMaximum":33.33,"resourceLinkId":"rl 1","resourceId":"quiz-9","tag":"grade","#,
                r#""startDateTime":"2026-04-01T00:00:00+02:00","endDateTime":"2026-04-06T22:05:03.123Z","#,
                r#""gradesReleased":false,"ltiLinkId":"1","https://vendor.test/x":{"k":[1,null],"n":1.0}}"#
            )
        );
    }

    #[test]
    fn missing_null_and_blank_are_one() {
        // AGS-ITEM-04, AGS-ITEM-05, AGS-ITEM-07, AGS-DATE-04
        let missing = read(r#"{"label":"a","scoreMaximum":1}"#);
        for unset in ["null", "\"\"", "\"  \""] {
            let item = read(&format!(
                r#"{{"id":{unset},"label":"a","scoreMaximum":1,"resourceLinkId":{unset},"resourceId":{unset},"tag":{unset},
                    "startDateTime":{unset},"endDateTime":{unset},"gradesReleased":null}}"#
            ));
            assert_eq!(item, missing);
            assert_eq!(sent(&item), r#"{"label":"a","scoreMaximum":1}"#);
        }
    }

    #[test]
    fn a_missing_label_does_not_hide_the_line_item() {
        // AGS-ITEM-02
        let item = read(r#"{"scoreMaximum":10}"#);
        assert_eq!(item.label(), "");
        assert_eq!(sent(&item), r#"{"scoreMaximum":10}"#);
        assert_eq!(sent(&read(r#"{"label":"","scoreMaximum":10}"#)), r#"{"label":"","scoreMaximum":10}"#);
    }

    #[test]
    fn numbers_and_text_stand_in_for_each_other() {
        // AGS-ITEM-09
        let item =
            read(r#"{"id":7,"label":2026,"resourceLinkId":77,"resourceId":-1,"tag":1,"scoreMaximum":"10"}"#);
        assert_eq!((item.id(), item.label(), item.resource_link_id()), (Some("7"), "2026", Some("77")));
        assert_eq!((item.resource_id(), item.tag(), item.score_maximum()), (Some("-1"), Some("1"), 10.0));
    }

    #[test]
    fn an_unreadable_date_is_kept_as_text() {
        // AGS-DATE-04
        let mut item = read(r#"{"label":"a","scoreMaximum":1,"endDateTime":"2026-03-02 09:00"}"#);
        assert_eq!((item.end_date_time(), item.end_date_time_text()), (None, Some("2026-03-02 09:00")));
        assert_eq!(sent(&item), r#"{"label":"a","scoreMaximum":1,"endDateTime":"2026-03-02 09:00"}"#);
        item.set_end_date_time("2026-03-02T09:00:00+02:00".parse().ok());
        assert_eq!(item.end_date_time_text(), Some("2026-03-02T07:00:00Z")); // AGS-DATE-02
        item.set_end_date_time(None); // AGS-UPDATE-04
        assert_eq!(sent(&item), r#"{"label":"a","scoreMaximum":1}"#);
    }

    #[test]
    fn what_a_platform_should_not_hold_goes_back_as_it_came() {
        // Moodle 4.5 accepts 0 and negative maxima.
        for json in [r#"{"label":"a","scoreMaximum":0}"#, r#"{"label":"a","scoreMaximum":-1}"#] {
            assert_eq!(sent(&read(json)), json);
        }
    }

    #[test]
    fn an_edit_that_breaks_a_line_item_is_refused() {
        // AGS-ITEM-02, AGS-ITEM-03
        let mut item = read(FULL);
        assert_eq!(item.set_label(" "), Err(InvalidLineItem::BlankLabel));
        for points in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(item.set_score_maximum(points), Err(InvalidLineItem::ScoreMaximum));
        }
        assert_eq!(item, read(FULL));
        item.set_score_maximum(0.5).unwrap();
        assert_eq!(item.score_maximum(), 0.5);
    }

    #[test]
    fn named_members_can_be_left_out_of_an_update() {
        let item = read(FULL);
        let update = item.update().without(&[
            "resourceLinkId",
            "startDateTime",
            "endDateTime",
            "gradesReleased",
            "ltiLinkId",
        ]);
        assert_eq!(
            serde_json::to_value(update).unwrap(),
            json!({"label": "Essay", "scoreMaximum": 33.33, "resourceId": "quiz-9", "tag": "grade",
                   "https://vendor.test/x": {"k": [1, null], "n": 1.0}})
        );
    }

    #[test]
    fn an_extension_never_doubles_a_standard_member() {
        // AGS-EXT-02: members of a result are unknown to it where a line item has them.
        let mut item = read(r#"{"label":"a","scoreMaximum":1,"tag":"t"}"#);
        *item.extensions_mut() = serde_json::from_str(r#"{"tag":1,"id":2,"x":3,"resourceId":4}"#).unwrap();
        assert_eq!(sent(&item), r#"{"label":"a","scoreMaximum":1,"tag":"t","x":3}"#);
    }

    #[test]
    fn a_bad_member_is_named() {
        // AGS-LIST-07
        for (json, member) in [
            (r#"{"label":"a"}"#, "scoreMaximum"),
            (r#"{"label":"a","scoreMaximum":null}"#, "scoreMaximum"),
            (r#"{"label":"a","scoreMaximum":{}}"#, "scoreMaximum"),
            (r#"{"label":["Jane"],"scoreMaximum":1}"#, "label"),
            (r#"{"tag":true,"scoreMaximum":1}"#, "tag"),
            (r#"{"gradesReleased":"Jane","scoreMaximum":1}"#, "gradesReleased"),
        ] {
            let error = serde_json::from_str::<LineItem>(json).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{member}: ")) && !error.contains("Jane"), "{error}");
        }
    }

    #[test]
    fn it_is_read_from_a_value_and_from_a_reader_too() {
        let from_value: LineItem = serde_json::from_value(serde_json::from_str(FULL).unwrap()).unwrap();
        let from_reader: LineItem = serde_json::from_reader(FULL.as_bytes()).unwrap();
        assert_eq!(from_reader, read(FULL));
        assert_eq!(serde_json::to_value(from_value).unwrap(), serde_json::to_value(read(FULL)).unwrap());
    }

    #[test]
    fn an_id_is_given_only_where_none_is() {
        // AGS-ITEM-09, AGS-CREATE-04
        assert_eq!(
            read(r#"{"scoreMaximum":1}"#).or_id("https://lms.test/5").id(),
            Some("https://lms.test/5")
        );
        assert_eq!(read(FULL).or_id("https://lms.test/5").id(), Some("https://lms.test/li/1?type_id=1"));
    }

    /// A text member: what a platform may send, and what is to come back.
    fn text() -> impl Strategy<Value = (Value, Option<Value>)> {
        prop_oneof![
            "[^\\s\\pC].{0,12}".prop_map(|text| (json!(text), Some(json!(text)))),
            any::<i64>().prop_map(|number| (json!(number), Some(json!(number.to_string())))),
            Just((Value::Null, None)),
            Just((json!(" "), None)),
        ]
    }

    fn points() -> impl Strategy<Value = (Value, Option<Value>)> {
        let number =
            prop_oneof![any::<i32>().prop_map(f64::from), prop::num::f64::NORMAL, prop::num::f64::SUBNORMAL];
        (number, any::<bool>()).prop_map(|(number, quoted)| {
            (if quoted { json!(number.to_string()) } else { json!(number) }, Some(json!(number)))
        })
    }

    fn raw() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "null",
            "true",
            "1e400",
            "-0.0",
            "83.330",
            "123456789012345678901234567890",
            r#""\ud83d\u00e9\/ü""#,
            r#"" ""#,
            r#"{"a" : [1, {"b":null}],"a":2}"#,
            "[]",
        ])
    }

    fn comparable(value: &Value) -> Value {
        value.as_f64().map_or_else(|| value.clone(), Value::from)
    }

    proptest! {
        #[test]
        fn any_line_item_survives_reading_and_writing(
            standard in (points(), [text(), text(), text(), text(), text(), text()].prop_map(Vec::from), any::<Option<bool>>()),
            extensions in prop::collection::btree_map("x[a-z:/\"ü]{0,8}", raw(), 0..12),
        ) {
            let (maximum, texts, released) = standard;
            let names = [ID, RESOURCE_LINK_ID, RESOURCE_ID, TAG, START_DATE_TIME, END_DATE_TIME];
            let mut members = vec![(SCORE_MAXIMUM, maximum), (GRADES_RELEASED, (json!(released), released.map(Value::from)))];
            members.extend(names.into_iter().zip(texts));
            let mut body: Vec<String> = members.iter().map(|(name, (value, _))| format!("{}:{value}", json!(name))).collect();
            body.extend(extensions.iter().map(|(name, value)| format!("{}: {value} ", json!(name))));
            let item = read(&format!("{{{}}}", body.join(" ,")));

            let sent: Extensions = serde_json::from_str(&sent(&item)).unwrap();
            let (known, unknown): (Vec<_>, Vec<_>) = sent.iter().partition(|(name, _)| !extensions.contains_key(*name));
            let expected: Vec<_> = extensions.iter().map(|(name, value)| (name.as_str(), *value)).collect();
            let unknown: Vec<_> = unknown.into_iter().map(|(name, value)| (name, value.get())).collect();
            prop_assert_eq!(unknown, expected);
            let known: Map<String, Value> = known.into_iter()
                .map(|(name, value)| (name.to_owned(), comparable(&serde_json::from_str(value.get()).unwrap()))).collect();
            let expected: Map<String, Value> = members.into_iter()
                .filter_map(|(name, (_, value))| Some((name.to_owned(), comparable(&value?)))).filter(|(name, _)| name != ID).collect();
            prop_assert_eq!(known, expected);
            let again: LineItem = serde_json::from_str(&serde_json::to_string(&item).unwrap()).unwrap();
            prop_assert_eq!(again, item);
        }
    }
}
