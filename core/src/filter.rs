//! The query of a list: what to list, and how much at once (AGS 3.2.4, 3.3.6). Platforms may ignore either, so what comes
//! back is filtered again.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use crate::{Error, LineItem, ServiceUrl, UserResult};

/// What a member of a list must match, exactly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(unnameable_types, reason = "the trait that seals `Member` is about it")]
pub struct Filter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource_link_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resource_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tag: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user_id: Option<String>,
}

impl Filter {
    pub(crate) fn admits_line_item(&self, item: &LineItem) -> bool {
        matches(self.resource_link_id.as_deref(), item.resource_link_id())
            && matches(self.resource_id.as_deref(), item.resource_id())
            && matches(self.tag.as_deref(), item.tag())
    }

    pub(crate) fn admits_result(&self, result: &UserResult) -> bool {
        matches(self.user_id.as_deref(), Some(result.user_id()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The parameters' names, and the values of those that are set.
    fn parameters(&self) -> impl Iterator<Item = (&str, &str)> {
        [
            ("resource_link_id", &self.resource_link_id),
            ("resource_id", &self.resource_id),
            ("tag", &self.tag),
            ("user_id", &self.user_id),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }
}

fn matches(wanted: Option<&str>, is: Option<&str>) -> bool {
    wanted.is_none_or(|wanted| is == Some(wanted))
}

/// The whole query of the first page.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query {
    pub(crate) filter: Filter,
    pub(crate) limit: Option<NonZeroU32>,
    /// A platform's own.
    pub(crate) others: Vec<(String, String)>,
}

impl Query {
    /// Puts the query behind what the URL has already.
    pub(crate) fn on(&self, url: &ServiceUrl) -> Result<ServiceUrl, Error> {
        if let Some((name, _)) = self.filter.parameters().find(|(_, value)| value.trim().is_empty()) {
            let message = format!(
                "the filter {name} is blank, which platforms take for none; leave it out to list all"
            );
            return Err(Error::input(message).section("AGS 3.2.4"));
        }
        let limit = self.limit.map(|limit| limit.to_string());
        let others = self.others.iter().map(|(name, value)| (&**name, &**value));
        let parameters = others.chain(self.filter.parameters());
        let parameters = parameters.chain(limit.as_deref().map(|limit| ("limit", limit)));
        Ok(parameters.fold(url.clone(), |url, (name, value)| url.with_query(name, value)))
    }
}
