//! What the flags ask of a line item: a new one, a change, and whether the platform has it so.

use lti_ags_ureq::{Error, Extensions, LineItem, NewLineItem};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::args::{ItemExtension, ItemFlags, Setting};
use crate::failure::Failure;

/// What is asked of a line item; the rest stays as it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish<'a> {
    pub(crate) label: Option<&'a str>,
    pub(crate) score_maximum: Option<f64>,
    pub(crate) flags: &'a ItemFlags,
}

impl<'a> Wish<'a> {
    /// As a line item to create, with this label and this maximum.
    pub(crate) fn new_item(&self, label: &str, score_maximum: f64) -> Result<NewLineItem, Failure> {
        let flags = self.flags;
        let mut item = NewLineItem::new(label, score_maximum)?;
        if let Some(id) = given("--resource-link-id", flags.resource_link_id.as_ref())? {
            item = item.with_resource_link_id(id);
        }
        if let Some(id) = given("--resource-id", flags.resource_id.as_ref())? {
            item = item.with_resource_id(id);
        }
        if let Some(tag) = given("--tag", flags.tag.as_ref())? {
            item = item.with_tag(tag);
        }
        if let Some(time) = given("--start-date-time", flags.start_date_time.as_ref())? {
            item = item.with_start_date_time(*time);
        }
        if let Some(time) = given("--end-date-time", flags.end_date_time.as_ref())? {
            item = item.with_end_date_time(*time);
        }
        if let Some(released) = given("--grades-released", flags.grades_released.as_ref())? {
            item = item.with_grades_released(*released);
        }
        self.check_extensions()?;
        for ItemExtension { name, value } in &self.flags.extensions {
            match value {
                Setting::Value(value) => item = item.with_extension(name, value)?,
                Setting::Empty => return Err(empty("--extension")),
            }
        }
        Ok(item)
    }

    /// Sees to it that [`apply`](Self::apply) will not fail: what is wrong is told before anything is sent.
    pub(crate) fn check_update(&self) -> Result<(), Failure> {
        if self.is_empty() {
            return Err(Failure::usage("there is nothing to change: give a flag; `--help` lists them"));
        }
        if let Some(Setting::Value(_)) = self.flags.resource_link_id {
            return Err(Failure::usage(
                "the resource link of a line item cannot be changed [AGS 3.2.6]; create another line item",
            ));
        }
        NewLineItem::new(self.label.unwrap_or("label"), self.score_maximum.unwrap_or(1.0))?;
        self.check_extensions()
    }

    fn is_empty(&self) -> bool {
        let ItemFlags {
            resource_link_id,
            resource_id,
            tag,
            start_date_time,
            end_date_time,
            grades_released,
            extensions,
        } = self.flags;
        self.label.is_none()
            && self.score_maximum.is_none()
            && resource_link_id.is_none()
            && resource_id.is_none()
            && tag.is_none()
            && start_date_time.is_none()
            && end_date_time.is_none()
            && grades_released.is_none()
            && extensions.is_empty()
    }

    fn check_extensions(&self) -> Result<(), Failure> {
        let mut members = Extensions::new();
        for ItemExtension { name, value } in &self.flags.extensions {
            if members.get(name).is_some() {
                return Err(Failure::usage(format_args!("the extension {name} is given twice")));
            }
            members.set(name, &value.value()).map_err(Error::from)?;
        }
        Ok(())
    }

    /// Makes the changes.
    pub(crate) fn apply(&self, item: &mut LineItem) -> Result<(), Error> {
        if let Some(label) = self.label {
            item.set_label(label)?;
        }
        if let Some(points) = self.score_maximum {
            item.set_score_maximum(points)?;
        }
        let ItemFlags { resource_id, tag, start_date_time, end_date_time, .. } = self.flags;
        if let Some(id) = resource_id {
            item.set_resource_id(id.value().map(String::as_str));
        }
        if let Some(tag) = tag {
            item.set_tag(tag.value().map(String::as_str));
        }
        if let Some(time) = start_date_time {
            item.set_start_date_time(time.value().copied());
        }
        if let Some(time) = end_date_time {
            item.set_end_date_time(time.value().copied());
        }
        if let Some(released) = &self.flags.grades_released {
            item.set_grades_released(released.value().copied());
        }
        for ItemExtension { name, value } in &self.flags.extensions {
            match value {
                Setting::Value(value) => item.extensions_mut().set(name, value)?,
                Setting::Empty => drop(item.extensions_mut().remove(name)),
            }
        }
        Ok(())
    }

    /// The members that a change leaves out of what is written, since a line item has no other way to lose them.
    pub(crate) fn left_out(&self) -> impl Iterator<Item = &'static str> {
        matches!(self.flags.resource_link_id, Some(Setting::Empty)).then_some("resourceLinkId").into_iter()
    }

    /// The members that the line item has not as they are asked for.
    pub(crate) fn unmet(&self, item: &LineItem) -> Vec<&'a str> {
        let flags = self.flags;
        let text = |wanted: &Option<Setting<String>>, is: Option<&str>| {
            wanted.as_ref().is_none_or(|wanted| wanted.value().map(String::as_str) == is)
        };
        let maximum = |wanted: f64| wanted.total_cmp(&item.score_maximum()).is_eq();
        let members = [
            ("label", self.label.is_none_or(|label| label == item.label())),
            ("scoreMaximum", self.score_maximum.is_none_or(maximum)),
            ("resourceLinkId", text(&flags.resource_link_id, item.resource_link_id())),
            ("resourceId", text(&flags.resource_id, item.resource_id())),
            ("tag", text(&flags.tag, item.tag())),
            ("startDateTime", is(flags.start_date_time.as_ref(), item.start_date_time())),
            ("endDateTime", is(flags.end_date_time.as_ref(), item.end_date_time())),
            ("gradesReleased", is(flags.grades_released.as_ref(), item.grades_released())),
        ];
        let extensions = flags.extensions.iter().map(|ItemExtension { name, value }| {
            let held = item.extensions().get(name);
            (&**name, held.map(meaning) == value.value().map(|value| meaning(value)))
        });
        members.into_iter().chain(extensions).filter(|(_, is_met)| !is_met).map(|(name, _)| name).collect()
    }
}

fn is<T: Copy + PartialEq>(wanted: Option<&Setting<T>>, is: Option<T>) -> bool {
    wanted.is_none_or(|wanted| wanted.value().copied() == is)
}

/// The value, whatever its spaces and the order of its members.
fn meaning(value: &RawValue) -> Option<Value> {
    serde_json::from_str(value.get()).ok()
}

/// The value of a flag where there is nothing to unset.
fn given<'a, T>(flag: &str, setting: Option<&'a Setting<T>>) -> Result<Option<&'a T>, Failure> {
    match setting {
        None => Ok(None),
        Some(Setting::Value(value)) => Ok(Some(value)),
        Some(Setting::Empty) => Err(empty(flag)),
    }
}

fn empty(flag: &str) -> Failure {
    Failure::usage(format_args!(
        "the value of {flag} is empty, which only `update` has a use for; leave it out"
    ))
}
