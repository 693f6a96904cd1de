//! Line items as JSON (AGS 3.2.2): read leniently, written without `id` and nulls.

use std::cell::Cell;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, Unexpected, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::LineItem;
use crate::extensions::Extensions;
use crate::number::{Number, Points};
use crate::text::{Flag, Key, Text, is_blank};

/// A line item as the body of a PUT: every member but `id`, without nulls (AGS 3.2.6).
#[derive(Clone, Copy, Debug)]
pub struct LineItemUpdate<'a> {
    item: &'a LineItem,
    but: &'a [&'a str],
}

impl<'a> LineItemUpdate<'a> {
    pub(super) const fn of(item: &'a LineItem) -> Self {
        Self { item, but: &[] }
    }

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

impl LineItem {
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
    fn what_a_platform_should_not_hold_goes_back_as_it_came() {
        // Moodle 4.5 accepts 0 and negative maxima.
        for json in [r#"{"label":"a","scoreMaximum":0}"#, r#"{"label":"a","scoreMaximum":-1}"#] {
            assert_eq!(sent(&read(json)), json);
        }
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
