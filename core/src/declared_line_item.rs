//! A line item that is declared in a content item of Deep Linking, instead of being created (Deep Linking 2.0 §3.2).

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::NewLineItem;
use crate::number::Points;

/// A line item in its Deep Linking form: the value of the member `lineItem` of an `ltiResourceLink` content item.
///
/// The platform makes the line item with the link, and lists it in the container from then on: find it there, by its
/// resource id or tag, rather than creating another. A platform whose settings say `accept_lineitem: false` ignores it.
/// It has no dates and no resource link id; those of the line item are not sent.
///
/// ```
/// use lti_ags::NewLineItem;
///
/// let lab = NewLineItem::new("Lab 3", 20.0)?.with_resource_id("lab-3").with_tag("grade");
/// let content_item = serde_json::json!({
///     "type": "ltiResourceLink",
///     "title": "Lab 3",
///     "lineItem": lab.declaration(),
/// });
/// assert_eq!(content_item["lineItem"]["scoreMaximum"], 20);
/// # Ok::<(), lti_ags::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct DeclaredLineItem<'a>(&'a NewLineItem);

impl NewLineItem {
    /// The line item as it is declared in a content item of Deep Linking.
    pub const fn declaration(&self) -> DeclaredLineItem<'_> {
        DeclaredLineItem(self)
    }
}

impl Serialize for DeclaredLineItem<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let item = self.0.as_line_item();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("label", item.label())?;
        map.serialize_entry("scoreMaximum", &Points(item.score_maximum()))?;
        if let Some(id) = item.resource_id() {
            map.serialize_entry("resourceId", id)?;
        }
        if let Some(tag) = item.tag() {
            map.serialize_entry("tag", tag)?;
        }
        if let Some(released) = item.grades_released() {
            map.serialize_entry("gradesReleased", &released)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_has_neither_id_nor_dates_nor_link() {
        // AGS-CREATE-10
        let item = NewLineItem::new("Lab 3", 20.0)
            .unwrap()
            .with_resource_link_id("rl-55")
            .with_resource_id("lab-3")
            .with_tag("grade")
            .with_end_date_time("2026-04-02T00:00:00Z".parse().unwrap())
            .with_grades_released(true);
        assert_eq!(
            serde_json::to_string(&item.declaration()).unwrap(),
            r#"{"label":"Lab 3","scoreMaximum":20,"resourceId":"lab-3","tag":"grade","gradesReleased":true}"#
        );
    }
}
