//! A line item: a column of the gradebook (AGS 3.2).

use serde_json::{Map, Value};

/// A column of the gradebook (AGS 3.2).
///
/// One given to a [`Builder`](crate::Builder) belongs to the link from which [`Lms::claims`](crate::Lms::claims)
/// launch, as if a teacher had placed it there, unless it is [`unlinked`](Self::unlinked) or of
/// [another link](Self::resource_link_id).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LineItem {
    /// Its name in tests and, unless [`LineItem::at`] says otherwise, part of its URL. Line items that the tool
    /// makes get one from the platform.
    pub id: String,
    /// What people call it (AGS 3.2.7).
    pub label: String,
    /// The maximum to which scores are scaled (AGS 3.2.8).
    pub score_maximum: f64,
    /// Path and query of its URL; empty until the platform has placed it.
    pub target: String,
    /// The link it belongs to (AGS 3.2.9).
    pub resource_link_id: Option<String>,
    /// The tool's own identifier of what is graded (AGS 3.2.10).
    pub resource_id: Option<String>,
    /// The tool's own qualifier (AGS 3.2.11).
    pub tag: Option<String>,
    /// When submissions open, as it was written (AGS 3.2.12).
    pub start_date_time: Option<String>,
    /// When submissions close, as it was written (AGS 3.2.13).
    pub end_date_time: Option<String>,
    /// Whether learners may see their grades (AGS 3.2.14).
    pub grades_released: Option<bool>,
    /// Further members (AGS 3.1.2).
    pub extensions: Map<String, Value>,
    /// Whether it came with a link, and not through the service.
    pub coupled: bool,
    pub(crate) unlinked: bool,
}

impl LineItem {
    /// A line item labelled by its id.
    #[must_use]
    pub fn new(id: impl Into<String>, score_maximum: f64) -> Self {
        let id = id.into();
        Self {
            label: id.clone(),
            target: String::new(),
            id,
            score_maximum,
            resource_link_id: None,
            resource_id: None,
            tag: None,
            start_date_time: None,
            end_date_time: None,
            grades_released: None,
            extensions: Map::new(),
            coupled: false,
            unlinked: false,
        }
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

    /// Sets the link it belongs to.
    #[must_use]
    pub fn resource_link_id(mut self, id: impl Into<String>) -> Self {
        self.resource_link_id = Some(id.into());
        self
    }

    /// Makes it belong to no link, like most that tools make.
    #[must_use]
    pub fn unlinked(mut self) -> Self {
        self.unlinked = true;
        self
    }

    /// Sets the tool's own identifier.
    #[must_use]
    pub fn resource_id(mut self, id: impl Into<String>) -> Self {
        self.resource_id = Some(id.into());
        self
    }

    /// Sets the tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tag = Some(tag.into());
        self
    }

    /// Sets when submissions close; any text, for platforms write dates in many ways.
    #[must_use]
    pub fn end_date_time(mut self, text: impl Into<String>) -> Self {
        self.end_date_time = Some(text.into());
        self
    }

    /// Sets when submissions open; any text.
    #[must_use]
    pub fn start_date_time(mut self, text: impl Into<String>) -> Self {
        self.start_date_time = Some(text.into());
        self
    }

    /// Adds a further member, such as a vendor's extension.
    #[must_use]
    pub fn extension(mut self, name: impl Into<String>, value: Value) -> Self {
        self.extensions.insert(name.into(), value);
        self
    }

    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(crate) fn query(&self) -> Option<&str> {
        self.target.split_once('?').map(|(_, query)| query)
    }
}
