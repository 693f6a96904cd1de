//! The flags of `ags line-items …` and `ags results …`.

use std::num::NonZeroU32;

use clap::Subcommand;
use lti_ags_ureq::Timestamp;
use serde_json::value::RawValue;

use super::{Extension, NO_EXTENSION, extension, points, text, time};

#[derive(Debug, Subcommand)]
pub(crate) enum LineItems {
    /// List the tool's line items in this course: all of them, or those that match every flag
    List(ListLineItems),
    /// Show one line item
    Get {
        /// The line item [default: the launch's own]
        url: Option<String>,
    },
    /// Create a line item, even where there is one like it already (see `ensure`)
    Create(NewItem),
    /// Find a line item by its ids and tag, and create it only where there is none
    ///
    /// Give at least one of --resource-link-id, --resource-id and --tag: those given are matched exactly. A line item
    /// that is found stays as it is, whatever its label and its maximum are.
    Ensure(NewItem),
    /// Change a line item, and keep what no flag names
    ///
    /// An empty value unsets a member: --tag "" or --extension https://tool.example/x=
    Update(UpdateItem),
    /// Delete a line item; on most platforms the grades in it go too
    Delete {
        /// The line item to delete
        url: String,
        /// Delete it even if it is the launch's own
        #[arg(long)]
        force: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListLineItems {
    /// Only those of this resource link
    #[arg(long, value_name = "ID", allow_hyphen_values = true, value_parser = text)]
    pub(crate) resource_link_id: Option<String>,
    /// Only those with this id of the tool's own
    #[arg(long, value_name = "ID", allow_hyphen_values = true, value_parser = text)]
    pub(crate) resource_id: Option<String>,
    /// Only those with this tag
    #[arg(long, value_name = "TAG", allow_hyphen_values = true, value_parser = text)]
    pub(crate) tag: Option<String>,
    /// Ask for pages of so many; all pages are read in any case
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<NonZeroU32>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct NewItem {
    /// What people call it
    #[arg(long, value_name = "L", allow_hyphen_values = true, value_parser = text)]
    pub(crate) label: String,
    /// The points that can be had
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = points)]
    pub(crate) score_maximum: f64,
    #[command(flatten)]
    pub(crate) flags: ItemFlags,
}

#[derive(Debug, clap::Args)]
pub(crate) struct UpdateItem {
    /// The line item [default: the launch's own]
    pub(crate) url: Option<String>,
    /// What people call it
    #[arg(long, value_name = "L", allow_hyphen_values = true, value_parser = text)]
    pub(crate) label: Option<String>,
    /// The points that can be had; the platform rescales the results
    #[arg(long, value_name = "N", allow_hyphen_values = true, value_parser = points)]
    pub(crate) score_maximum: Option<f64>,
    #[command(flatten)]
    pub(crate) flags: ItemFlags,
}

/// The members of a line item that may be left out.
#[derive(Debug, clap::Args)]
pub(crate) struct ItemFlags {
    /// The resource link that it belongs to, by the id that launches give; it cannot be changed later
    #[arg(long, value_name = "ID", allow_hyphen_values = true, value_parser = setting(text))]
    pub(crate) resource_link_id: Option<Setting<String>>,
    /// The tool's own id of what is graded
    #[arg(long, value_name = "ID", allow_hyphen_values = true, value_parser = setting(text))]
    pub(crate) resource_id: Option<Setting<String>>,
    /// The tool's own word to tell its line items apart
    #[arg(long, value_name = "TAG", allow_hyphen_values = true, value_parser = setting(text))]
    pub(crate) tag: Option<Setting<String>>,
    /// When submissions open, as RFC 3339 with a zone: 2026-03-02T09:00:00+01:00
    #[arg(long, value_name = "T", value_parser = setting(time))]
    pub(crate) start_date_time: Option<Setting<Timestamp>>,
    /// When submissions close
    #[arg(long, value_name = "T", value_parser = setting(time))]
    pub(crate) end_date_time: Option<Setting<Timestamp>>,
    /// Whether learners may see their grades
    #[arg(long, value_name = "true|false", value_parser = setting(flag))]
    pub(crate) grades_released: Option<Setting<bool>>,
    /// A member of the tool's own: its name, which is a URL, and its value (repeatable)
    #[arg(long = "extension", value_name = "URL=JSON", allow_hyphen_values = true, value_parser = item_extension)]
    pub(crate) extensions: Vec<ItemExtension>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Results {
    /// List the results of a line item: the grade of each user who has one
    List(ListResults),
}

#[derive(Debug, clap::Args)]
pub(crate) struct ListResults {
    /// The line item [default: the launch's own]
    #[arg(long, value_name = "URL")]
    pub(crate) line_item: Option<String>,
    /// Only that of this user
    #[arg(long, value_name = "ID", allow_hyphen_values = true, value_parser = text)]
    pub(crate) user_id: Option<String>,
    /// Ask for pages of so many; all pages are read in any case
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<NonZeroU32>,
}

/// What a flag says of a member: a value to set, or an empty one, which unsets it.
#[derive(Clone, Debug)]
pub(crate) enum Setting<T> {
    Value(T),
    Empty,
}

impl<T> Setting<T> {
    pub(crate) const fn value(&self) -> Option<&T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Empty => None,
        }
    }
}

/// A member of a line item beside those of the specification.
#[derive(Clone, Debug)]
pub(crate) struct ItemExtension {
    pub(crate) name: String,
    pub(crate) value: Setting<Box<RawValue>>,
}

/// Reads a value that may be empty. Blank is empty: platforms take both for unset.
fn setting<T, E>(
    read: impl Fn(&str) -> Result<T, E> + Clone + Send + Sync,
) -> impl Fn(&str) -> Result<Setting<T>, E> + Clone + Send + Sync {
    move |text| if text.trim().is_empty() { Ok(Setting::Empty) } else { read(text).map(Setting::Value) }
}

fn flag(text: &str) -> Result<bool, &'static str> {
    text.parse().map_err(|_| "write true or false")
}

/// `URL=JSON`, or `URL=` alone.
fn item_extension(text: &str) -> Result<ItemExtension, &'static str> {
    if let Ok(Extension { name, value }) = extension(text) {
        return Ok(ItemExtension { name, value: Setting::Value(value) });
    }
    let name = text.trim_end().strip_suffix('=').ok_or(NO_EXTENSION)?;
    Ok(ItemExtension { name: name.to_owned(), value: Setting::Empty })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_of_a_line_item_may_be_empty() {
        let split = |text| {
            let extension: Result<ItemExtension, _> = item_extension(text);
            extension.map(|extension| {
                let value = extension.value.value().map(|value| value.get().to_owned());
                (extension.name, value)
            })
        };
        let url = "https://a.example/x".to_owned();
        assert_eq!(split("https://a.example/x=1"), Ok((url.clone(), Some("1".to_owned()))));
        assert_eq!(split("https://a.example/x="), Ok((url.clone(), None)));
        assert_eq!(split("https://a.example/x=\"\""), Ok((url, Some("\"\"".to_owned()))));
        assert_eq!(split("https://a.example/?b=c="), Ok(("https://a.example/?b=c".to_owned(), None)));
        assert!(split("https://a.example/x").is_err() && split("https://a.example/x=y").is_err());
    }

    #[test]
    fn a_blank_value_is_an_empty_one() {
        let read = setting(flag);
        assert!(matches!((read(""), read(" ")), (Ok(Setting::Empty), Ok(Setting::Empty))));
        assert!(matches!(read("true"), Ok(Setting::Value(true))));
        assert!(read("yes").is_err() && read("TRUE").is_err());
    }
}
