//! Paging as the specification has it: `Link` headers whose URLs hold all there is to say (AGS 3.2.4, RFC 8288 §3).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::asked::{Asked, Filters};
use crate::cause::Cause;
use crate::violation::Verdict;

/// How many members a page holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageSize {
    /// If the client names no limit.
    pub(crate) usual: u64,
    /// Whatever the client asks.
    pub(crate) most: u64,
}

impl Default for PageSize {
    fn default() -> Self {
        Self { usual: 100, most: 1000 }
    }
}

/// A page of a filtered list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) from: u64,
    pub(crate) size: u64,
    pub(crate) filters: Filters,
}

impl Page {
    /// The page a request is for: the first one of a new list, or what a link of an earlier page says.
    pub(crate) fn asked_for(
        asked: &Asked<'_>,
        filters: Filters,
        size: PageSize,
        verdict: &mut Verdict,
    ) -> Self {
        let Some(cursor) = asked.parameter("page") else {
            let wanted = filters.limit.unwrap_or(size.usual);
            return Self { from: 0, size: wanted.clamp(1, size.most.max(1)), filters };
        };
        if filters != Filters::default() {
            verdict.fault("AGS-PAGE-02", "filters or a limit were added to the URL of a further page");
        }
        Self::decode(&cursor).unwrap_or_else(|| {
            verdict.reject(Cause::Nothing, "AGS-PAGE-02", "the URL of a further page was changed");
            Self { from: 0, size: 1, filters: Filters::default() }
        })
    }

    fn encode(&self) -> String {
        let mut text = format!("{}.{}", self.from, self.size);
        let filters = &self.filters;
        for value in [&filters.resource_link_id, &filters.resource_id, &filters.tag, &filters.user_id] {
            // Absent and present values differ by their first character.
            let value = value.as_ref().map_or(String::new(), |value| format!("={value}"));
            text.push('.');
            text.push_str(&URL_SAFE_NO_PAD.encode(value));
        }
        URL_SAFE_NO_PAD.encode(text)
    }

    fn decode(cursor: &str) -> Option<Self> {
        let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
        let mut parts = text.split('.');
        let (from, size) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        let mut value = || {
            let value = String::from_utf8(URL_SAFE_NO_PAD.decode(parts.next()?).ok()?).ok()?;
            Some(value.strip_prefix('=').map(str::to_owned))
        };
        let filters = Filters {
            resource_link_id: value()?,
            resource_id: value()?,
            tag: value()?,
            user_id: value()?,
            limit: None,
        };
        Some(Self { from, size, filters })
    }

    /// The `Link` header of this page of a list of `total`, whose first URL without parameters is `target`; `None`
    /// if this page is all.
    pub(crate) fn links(&self, asked: &Asked<'_>, target: &str, total: u64) -> Option<String> {
        if self.from == 0 && total <= self.size {
            return None;
        }
        let link = |from: u64, relation: &str| {
            let page = Self { from, ..self.clone() };
            let joint = if target.contains('?') { '&' } else { '?' };
            format!("<{}{joint}page={}>; rel=\"{relation}\"", asked.url(target), page.encode())
        };
        let mut links = vec![link(0, "first")];
        if self.from > 0 {
            links.push(link(self.from.saturating_sub(self.size), "prev"));
        }
        if self.from + self.size < total {
            links.push(link(self.from + self.size, "next"));
        }
        links.push(link(total.saturating_sub(1) / self.size * self.size, "last"));
        Some(links.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_says_all_about_its_page() {
        let filters =
            Filters { tag: Some("a.b=é".into()), user_id: Some(String::new()), ..Filters::default() };
        let page = Page { from: 20, size: 10, filters };
        assert_eq!(Page::decode(&page.encode()), Some(page));
        assert_eq!(Page::decode("x"), None);
    }
}
