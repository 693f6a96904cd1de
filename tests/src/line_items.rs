//! Line items and their container: every rule for asking for them, making and changing them (AGS 3.2).

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::asked::{Asked, Filters};
use crate::body;
use crate::cause::Cause;
use crate::gradebook::Gradebook;
use crate::line_item::LineItem;
use crate::names::MEDIA_LINE_ITEMS;
use crate::page::{Page, PageSize};
use crate::personality::Manner;
use crate::reply::Reply;
use crate::time::{self, Flaw};
use crate::violation::Verdict;

/// The parameters of the container.
pub(crate) const PARAMETERS: [&str; 4] = ["resource_link_id", "resource_id", "tag", "limit"];

/// The members AGS names.
const MEMBERS: [&str; 9] = [
    "id",
    "label",
    "scoreMaximum",
    "resourceLinkId",
    "resourceId",
    "tag",
    "startDateTime",
    "endDateTime",
    "gradesReleased",
];

/// A number as most write it: without a fraction where there is none.
pub(crate) fn number(value: f64) -> Value {
    #[expect(clippy::cast_possible_truncation, reason = "the value is whole and small")]
    if value.fract() == 0.0 && value.abs() < 1e15 { Value::from(value as i64) } else { Value::from(value) }
}

/// A line item as the specification shows it: unset members are left out.
pub(crate) fn to_json(asked: &Asked<'_>, item: &LineItem) -> Map<String, Value> {
    let mut members = item.extensions.clone();
    members.insert("id".to_owned(), asked.url(&item.target).into());
    members.insert("label".to_owned(), item.label.as_str().into());
    members.insert("scoreMaximum".to_owned(), number(item.score_maximum));
    for (name, value) in [
        ("resourceLinkId", &item.resource_link_id),
        ("resourceId", &item.resource_id),
        ("tag", &item.tag),
        ("startDateTime", &item.start_date_time),
        ("endDateTime", &item.end_date_time),
    ] {
        if let Some(value) = value {
            members.insert(name.to_owned(), value.as_str().into());
        }
    }
    if let Some(released) = item.grades_released {
        members.insert("gradesReleased".to_owned(), released.into());
    }
    members
}

/// Line items that pass the filters, all of which have to match (AGS 3.2.4).
pub(crate) fn matching<'a>(
    gradebook: &'a Gradebook,
    filters: &'a Filters,
) -> impl Iterator<Item = &'a LineItem> {
    let passes = |filter: &Option<String>, value: &Option<String>| filter.is_none() || filter == value;
    gradebook.line_items().iter().filter(move |item| {
        passes(&filters.resource_link_id, &item.resource_link_id)
            && passes(&filters.resource_id, &item.resource_id)
            && passes(&filters.tag, &item.tag)
    })
}

/// A page of the container as the specification has it.
pub(crate) fn list(
    manner: &dyn Manner,
    asked: &Asked<'_>,
    gradebook: &Gradebook,
    filters: Filters,
    size: PageSize,
    verdict: &mut Verdict,
) -> Reply {
    let page = Page::asked_for(asked, filters, size, verdict);
    if let Some(refusal) = &verdict.refusal {
        return manner.refused(asked, refusal);
    }
    let items: Vec<&LineItem> = matching(gradebook, &page.filters).collect();
    let shown = items.iter().skip(usize_of(page.from)).take(usize_of(page.size));
    let body: Vec<Value> = shown.map(|item| manner.line_item_json(asked, item)).collect();
    let reply = Reply::of_type(200, MEDIA_LINE_ITEMS, json!(body).to_string());
    match page.links(asked, asked.container, items.len() as u64) {
        Some(links) => reply.header("Link", links),
        None => reply,
    }
}

pub(crate) fn usize_of(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A line item read from a request.
pub(crate) struct Sent {
    pub(crate) item: LineItem,
    pub(crate) members: Map<String, Value>,
}

/// Reads the body of a POST, or of a PUT to the line item `before`, which is shown as `shown`. What can be read is
/// kept whatever is wrong, since some platforms overlook some faults.
pub(crate) fn read(
    request: &http::Request<Vec<u8>>,
    before: Option<(&LineItem, &Value)>,
    links: &[&str],
    verdict: &mut Verdict,
) -> Option<Sent> {
    let rule = if before.is_some() { "AGS-UPDATE-01" } else { "AGS-CREATE-01" };
    let members = body::read(request.body(), rule, verdict)?;
    let mut reader = Reader { members: &members, shown: before.map(|(_, shown)| shown), verdict };
    reader.fixed(before.map(|(item, _)| item), links);
    let label = reader.label();
    let score_maximum = reader.maximum();
    let item = LineItem {
        // Where a platform overlooks that they are left out, they stay.
        label: label.or_else(|| Some(before?.0.label.clone()))?,
        resource_link_id: reader.text("resourceLinkId", "AGS-ITEM-04"),
        resource_id: reader.text("resourceId", "AGS-ITEM-05"),
        tag: reader.text("tag", "AGS-ITEM-05"),
        start_date_time: reader.date("startDateTime"),
        end_date_time: reader.date("endDateTime"),
        grades_released: reader.released(),
        extensions: reader.extensions(),
        ..LineItem::new(String::new(), score_maximum.or_else(|| Some(before?.0.score_maximum))?)
    };
    Some(Sent { item, members })
}

struct Reader<'a> {
    members: &'a Map<String, Value>,
    shown: Option<&'a Value>,
    verdict: &'a mut Verdict,
}

impl Reader<'_> {
    /// `id` and `resourceLinkId`, neither of which a tool may make up or change.
    fn fixed(&mut self, before: Option<&LineItem>, links: &[&str]) {
        let link = self.members.get("resourceLinkId").and_then(Value::as_str);
        let Some(before) = before else {
            if self.members.contains_key("id") {
                let sentence = "a line item to be created has an id";
                self.verdict.reject(Cause::IdOnCreate, "AGS-CREATE-02", sentence);
            }
            if link.is_some_and(|link| !link.is_empty() && !links.contains(&link)) {
                let sentence = "resourceLinkId is not that of a link of this tool in this context";
                self.verdict.reject(Cause::ForeignLink, "AGS-CREATE-06", sentence);
            }
            return;
        };
        let same = |name: &str| {
            self.shown.and_then(|shown| shown.get(name)).unwrap_or(&Value::Null)
                == self.members.get(name).unwrap_or(&Value::Null)
        };
        if self.members.contains_key("id") && !same("id") {
            let sentence = "a PUT changes the line item's id";
            self.verdict.reject(Cause::FixedMember, "AGS-UPDATE-03", sentence);
        }
        let link_moves = link.is_some_and(|link| before.resource_link_id.as_deref() != Some(link));
        if link_moves && !same("resourceLinkId") {
            let sentence = "a PUT changes the line item's resourceLinkId";
            self.verdict.reject(Cause::FixedMember, "AGS-UPDATE-03", sentence);
        }
    }

    fn label(&mut self) -> Option<String> {
        match self.members.get("label") {
            Some(Value::String(label)) => {
                // What the platform itself shows may go back to it.
                let known = self.shown.and_then(|shown| shown.get("label")).and_then(Value::as_str);
                if label.trim().is_empty() && known != Some(label) {
                    self.verdict.reject(Cause::NoMember, "AGS-ITEM-02", "label is blank");
                }
                return Some(label.clone());
            }
            None | Some(Value::Null) => {
                self.verdict.reject(Cause::NoMember, "AGS-ITEM-02", "label is absent or null");
            }
            Some(_) => self.verdict.reject(Cause::MemberType, "AGS-ITEM-02", "label is not a string"),
        }
        None
    }

    fn maximum(&mut self) -> Option<f64> {
        let (number, of_type) = match self.members.get("scoreMaximum") {
            None | Some(Value::Null) => {
                self.verdict.reject(Cause::NoMember, "AGS-ITEM-03", "scoreMaximum is absent or null");
                return None;
            }
            Some(Value::Number(number)) => (number.as_f64(), true),
            Some(Value::String(text)) => (text.parse().ok(), false),
            Some(_) => (None, false),
        };
        if !of_type {
            self.verdict.reject(Cause::MemberType, "AGS-ITEM-03", "scoreMaximum is not a number");
        }
        if number.is_some_and(|number| number <= 0.0) {
            self.verdict.reject(Cause::ItemMaximum, "AGS-ITEM-03", "scoreMaximum is not greater than 0");
        }
        number.filter(|number| number.is_finite())
    }

    /// An optional member; null is reported unless the platform shows it so, and counts as absent.
    fn optional(&mut self, name: &str) -> Option<&Value> {
        let value = self.members.get(name)?;
        if value.is_null() {
            if self.shown.is_none_or(|shown| shown.get(name) != Some(value)) {
                let sentence = format!("{name} is null instead of absent");
                self.verdict.fault("AGS-CREATE-02", sentence);
            }
            return None;
        }
        Some(value)
    }

    fn text(&mut self, name: &str, rule: &'static str) -> Option<String> {
        match self.optional(name)?.clone() {
            Value::String(text) => Some(text).filter(|text| !text.is_empty()),
            other => {
                self.verdict.reject(Cause::MemberType, rule, format!("{name} is not a string"));
                Some(other.to_string())
            }
        }
    }

    fn date(&mut self, name: &str) -> Option<String> {
        let value = self.optional(name)?.clone();
        let unchanged = self.shown.is_some_and(|shown| shown.get(name) == Some(&value));
        let Value::String(text) = value else {
            self.verdict.reject(Cause::MemberType, "AGS-ITEM-07", format!("{name} is not a string"));
            return None;
        };
        // What the platform itself shows may go back to it, however it is written (AGS-DATE-04).
        if unchanged {
            return Some(text).filter(|text| !text.is_empty());
        }
        match time::read(&text) {
            Ok(moment) if !moment.utc => {
                self.verdict.fault("AGS-DATE-02", format!("{name} is not in UTC"));
            }
            Ok(_) => {}
            Err(Flaw::NoFraction) => {
                if !text.ends_with(['Z', 'z']) {
                    self.verdict.fault("AGS-DATE-02", format!("{name} is not in UTC"));
                }
            }
            Err(Flaw::NoZone) => {
                self.verdict.reject(Cause::NoZone, "AGS-DATE-01", format!("{name} has no zone"));
            }
            Err(Flaw::Unreadable) => {
                let sentence = format!("{name} is not an ISO 8601 date and time");
                self.verdict.reject(Cause::Date, "AGS-ITEM-07", sentence);
            }
        }
        Some(text)
    }

    fn released(&mut self) -> Option<bool> {
        let released = self.optional("gradesReleased")?.as_bool();
        if released.is_none() {
            self.verdict.reject(Cause::MemberType, "AGS-ITEM-08", "gradesReleased is not true or false");
        }
        released
    }

    fn extensions(&mut self) -> Map<String, Value> {
        let further = self.members.iter().filter(|(name, _)| !MEMBERS.contains(&name.as_str()));
        let further: Map<String, Value> =
            further.map(|(name, value)| (name.clone(), value.clone())).collect();
        // `submissionReview` is the submission review specification's; what the platform shows may go back to it.
        let named = |name: &str| {
            name == "submissionReview"
                || body::is_url(name)
                || self.shown.is_some_and(|shown| shown.get(name).is_some())
        };
        if !further.keys().all(|name| named(name)) {
            self.verdict.fault("AGS-EXT-01", "a further member is not named by a fully qualified URL");
        }
        further
    }
}

/// A date in UTC with this many sub-second digits, from any readable one.
pub(crate) fn in_utc(text: &str, digits: usize) -> String {
    match text.parse::<Timestamp>() {
        Ok(at) => format!("{at:.digits$}"),
        Err(_) => text.to_owned(),
    }
}
