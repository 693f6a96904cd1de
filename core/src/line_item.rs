//! Line items: the columns of a gradebook, as a platform holds them (AGS 3.2).

mod json;

use jiff::Timestamp;

pub use json::LineItemUpdate;
pub(crate) use json::{LineItemSeed, located};

use crate::extensions::Extensions;
use crate::text::is_blank;
use crate::{Error, date};

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

impl LineItem {
    /// One that no platform holds yet.
    pub(crate) fn new(label: &str, score_maximum: f64) -> Result<Self, Error> {
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
        self.start_date_time_text().and_then(date::parse)
    }

    /// [`start_date_time`](Self::start_date_time) as the platform wrote it.
    pub fn start_date_time_text(&self) -> Option<&str> {
        self.start_date_time.as_deref()
    }

    /// When submissions close (AGS 3.2.13); `None` also if the platform's text is no time with a zone.
    pub fn end_date_time(&self) -> Option<Timestamp> {
        self.end_date_time_text().and_then(date::parse)
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
    pub fn set_label(&mut self, label: &str) -> Result<(), Error> {
        self.label = Some(valid_label(label)?);
        Ok(())
    }

    /// Changes the maximum score, which must be greater than 0 (AGS 3.2.8). A platform that takes the change
    /// rescales the results (AGS 3.2.6): read them again.
    pub fn set_score_maximum(&mut self, points: f64) -> Result<(), Error> {
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
        self.start_date_time = time.map(|time| date::format(time).into());
    }

    /// Changes or voids when submissions close.
    pub fn set_end_date_time(&mut self, time: Option<Timestamp>) {
        self.end_date_time = time.map(|time| date::format(time).into());
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
        LineItemUpdate::of(self)
    }
}

fn valid_label(label: &str) -> Result<Box<str>, Error> {
    if label.trim().is_empty() {
        return Err(Error::input("the label of a line item must not be blank").section("AGS 3.2.7"));
    }
    Ok(label.into())
}

fn valid_maximum(points: f64) -> Result<f64, Error> {
    if points.is_finite() && points > 0.0 {
        return Ok(points);
    }
    let message = format!("the maximum score of a line item is {points}; it must be above 0");
    Err(Error::input(message).section("AGS 3.2.8"))
}

fn unless_blank(text: Option<&str>) -> Option<Box<str>> {
    text.filter(|text| !is_blank(text)).map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

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
    fn an_unreadable_date_is_kept_as_text() {
        // AGS-DATE-04
        let mut item = read(r#"{"label":"a","scoreMaximum":1,"endDateTime":"2026-03-02 09:00"}"#);
        assert_eq!((item.end_date_time(), item.end_date_time_text()), (None, Some("2026-03-02 09:00")));
        assert_eq!(sent(&item), r#"{"label":"a","scoreMaximum":1,"endDateTime":"2026-03-02 09:00"}"#);
        item.set_end_date_time("2026-03-02T09:00:00+02:00".parse().ok());
        assert_eq!(item.end_date_time_text(), Some("2026-03-02T07:00:00.000Z")); // AGS-DATE-02
        item.set_end_date_time(None); // AGS-UPDATE-04
        assert_eq!(sent(&item), r#"{"label":"a","scoreMaximum":1}"#);
    }

    #[test]
    fn an_edit_that_breaks_a_line_item_is_refused() {
        // AGS-ITEM-02, AGS-ITEM-03
        let mut item = read(FULL);
        assert_eq!(item.set_label(" ").unwrap_err().kind(), ErrorKind::InvalidInput);
        for points in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(item.set_score_maximum(points).unwrap_err().specification(), Some("AGS 3.2.8"));
        }
        assert_eq!(item, read(FULL));
        item.set_score_maximum(0.5).unwrap();
        assert_eq!(Some(item.score_maximum()), Some(0.5));
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
}
