//! Line items: the columns of a gradebook (AGS 3.2), as a platform holds them and as a tool makes them.

use std::cell::Cell;
use std::fmt;

use jiff::Timestamp;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, Unexpected, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::extensions::{ExtensionError, Extensions};
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
        self.extensions.write(map, but)
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

/// A line item to create (AGS 3.2.5). What is not set is not sent; the platform gives the `id`.
///
/// ```
/// use lti_ags::line_item::NewLineItem;
///
/// let lab = NewLineItem::new("Lab 3", 20.0)?.with_resource_id("lab-3").with_tag("grade");
/// assert_eq!(
///     serde_json::to_string(&lab).unwrap(),
///     r#"{"label":"Lab 3","scoreMaximum":20,"resourceId":"lab-3","tag":"grade"}"#
/// );
/// # Ok::<(), lti_ags::line_item::InvalidLineItem>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NewLineItem(LineItem);

impl NewLineItem {
    /// The two members that every line item has: a label that is not blank (AGS 3.2.7) and a maximum score, in
    /// points, greater than 0 (AGS 3.2.8).
    pub fn new(label: &str, score_maximum: f64) -> Result<Self, InvalidLineItem> {
        Ok(Self(LineItem {
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
        }))
    }

    /// Binds it to a resource link of this tool in the same context, by the id its launch gave (AGS 3.2.9).
    #[must_use]
    pub fn with_resource_link_id(mut self, id: &str) -> Self {
        self.0.resource_link_id = unless_blank(Some(id));
        self
    }

    /// The tool's own identifier of what is graded (AGS 3.2.10).
    #[must_use]
    pub fn with_resource_id(mut self, id: &str) -> Self {
        self.0.set_resource_id(Some(id));
        self
    }

    /// The tool's own qualifier (AGS 3.2.11).
    #[must_use]
    pub fn with_tag(mut self, tag: &str) -> Self {
        self.0.set_tag(Some(tag));
        self
    }

    /// When submissions open (AGS 3.2.12).
    #[must_use]
    pub fn with_start_date_time(mut self, time: Timestamp) -> Self {
        self.0.set_start_date_time(Some(time));
        self
    }

    /// When submissions close (AGS 3.2.13).
    #[must_use]
    pub fn with_end_date_time(mut self, time: Timestamp) -> Self {
        self.0.set_end_date_time(Some(time));
        self
    }

    /// Whether learners may see their grades: a wish that the platform may ignore (AGS 3.2.14).
    #[must_use]
    pub fn with_grades_released(mut self, released: bool) -> Self {
        self.0.set_grades_released(Some(released));
        self
    }

    /// Adds an extension: its name is an absolute URL (AGS 3.1.2).
    pub fn with_extension<T: Serialize + ?Sized>(
        mut self,
        name: &str,
        value: &T,
    ) -> Result<Self, ExtensionError> {
        self.0.extensions.set(name, value)?;
        Ok(self)
    }

    /// The extensions, to change.
    pub const fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.0.extensions
    }

    /// The same members, to look at: a line item without an id.
    pub const fn as_line_item(&self) -> &LineItem {
        &self.0
    }
}

/// The body of the POST that creates it: no `id`, no nulls.
impl Serialize for NewLineItem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.update().serialize(serializer)
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
