//! Line items to create (AGS 3.2.5).

use jiff::Timestamp;
use serde::ser::{Serialize, Serializer};

use crate::{Error, Extensions, LineItem};

/// A line item to create (AGS 3.2.5). What is not set is not sent; the platform gives the `id`.
///
/// ```
/// use lti_ags::NewLineItem;
///
/// let lab = NewLineItem::new("Lab 3", 20.0)?.with_resource_id("lab-3").with_tag("grade");
/// assert_eq!(
///     serde_json::to_string(&lab).unwrap(),
///     r#"{"label":"Lab 3","scoreMaximum":20,"resourceId":"lab-3","tag":"grade"}"#
/// );
/// # Ok::<(), lti_ags::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct NewLineItem(LineItem);

impl NewLineItem {
    /// The two members that every line item has: a label that is not blank (AGS 3.2.7) and a maximum score, in
    /// points, greater than 0 (AGS 3.2.8).
    pub fn new(label: &str, score_maximum: f64) -> Result<Self, Error> {
        LineItem::new(label, score_maximum).map(Self)
    }

    /// Binds it to a resource link of this tool in the same context, by the id its launch gave (AGS 3.2.9).
    #[must_use]
    pub fn with_resource_link_id(mut self, id: &str) -> Self {
        self.0.bind(id);
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

    /// Adds an extension, whose name is an absolute URL (AGS 3.1.2).
    pub fn with_extension<T: Serialize + ?Sized>(mut self, name: &str, value: &T) -> Result<Self, Error> {
        self.0.extensions_mut().set(name, value)?;
        Ok(self)
    }

    /// The extensions, to change.
    pub const fn extensions_mut(&mut self) -> &mut Extensions {
        self.0.extensions_mut()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(item: &NewLineItem) -> String {
        serde_json::to_string(item).unwrap()
    }

    #[test]
    fn the_least_body_is_a_label_and_a_maximum() {
        // AGS-CREATE-02
        assert_eq!(sent(&NewLineItem::new("Lab 3", 20.0).unwrap()), r#"{"label":"Lab 3","scoreMaximum":20}"#);
        assert_eq!(sent(&NewLineItem::new("é", 0.5).unwrap()), r#"{"label":"é","scoreMaximum":0.5}"#);
    }

    #[test]
    fn a_blank_label_is_refused() {
        // AGS-ITEM-02
        for label in ["", "  ", "\u{a0}\n"] {
            assert_eq!(NewLineItem::new(label, 1.0).unwrap_err().specification(), Some("AGS 3.2.7"));
        }
    }

    #[test]
    fn a_maximum_that_is_not_positive_is_refused() {
        // AGS-ITEM-03
        for points in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(NewLineItem::new("a", points).unwrap_err().specification(), Some("AGS 3.2.8"));
        }
    }

    #[test]
    fn every_member_is_sent_with_times_in_utc() {
        // AGS-ITEM-08, AGS-DATE-01, AGS-DATE-02
        let item = NewLineItem::new("a", 1.0)
            .unwrap()
            .with_resource_link_id("rl")
            .with_resource_id("r")
            .with_tag("t")
            .with_start_date_time("2026-04-01T00:00:00+02:00".parse().unwrap())
            .with_end_date_time("2026-04-02T00:00:00.25Z".parse().unwrap())
            .with_grades_released(false)
            .with_extension("https://tool.test/x", &[1])
            .unwrap();
        assert_eq!(
            sent(&item),
            concat!(
                r#"{"label":"a","scoreMaximum":1,"resourceLinkId":"rl","resourceId":"r","tag":"t","#,
                r#""startDateTime":"2026-03-31T22:00:00.000Z","endDateTime":"2026-04-02T00:00:00.250Z","gradesReleased":false,"#,
                r#""https://tool.test/x":[1]}"#
            )
        );
    }

    #[test]
    fn blank_members_are_not_sent() {
        let item =
            NewLineItem::new("a", 1.0).unwrap().with_resource_link_id("").with_resource_id(" ").with_tag("");
        assert_eq!(sent(&item), r#"{"label":"a","scoreMaximum":1}"#);
    }
}
