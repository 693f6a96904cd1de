//! The container of line items, its filters, and the launch's own line item (AGS 3.2).

use lti_ags_ureq::{GetLineItem, LineItem, ListLineItems, ServiceUrl};

use crate::failure::Failure;
use crate::output::counted;
use crate::table::shortened;

use super::Check;
use super::lists::{Named, ONE, Read};
use super::own_item::OwnItem;
use super::recognised::Recognised;

/// How much of a label is shown.
const LABEL: usize = 60;

/// What no line item is called.
const NOBODYS: &str = "ags-check-no-such-value";

/// A filter of the container, and the member that it goes by.
struct Filter {
    check: &'static str,
    name: &'static str,
    of: for<'a> fn(&'a LineItem) -> Option<&'a str>,
    list: fn(&str) -> ListLineItems,
    /// Whether it takes any text: ids of links are the platform's, and Open edX fails on others.
    takes_any: bool,
}

const FILTERS: [Filter; 3] = [
    Filter {
        check: "filter_tag",
        name: "tag",
        of: LineItem::tag,
        list: |value| ListLineItems::new().tag(value),
        takes_any: true,
    },
    Filter {
        check: "filter_resource_id",
        name: "resource_id",
        of: LineItem::resource_id,
        list: |value| ListLineItems::new().resource_id(value),
        takes_any: true,
    },
    Filter {
        check: "filter_resource_link_id",
        name: "resource_link_id",
        of: LineItem::resource_link_id,
        list: |value| ListLineItems::new().resource_link_id(value),
        takes_any: false,
    },
];

impl Check<'_> {
    /// The container: what it lists, and whether it pages and filters as it should.
    pub(super) fn line_items(&mut self, own: Option<&OwnItem>) -> Result<(), Failure> {
        let platform = self.platform;
        let Ok(container) = platform.endpoint().line_items() else { return Ok(()) };
        if !self.may_read_line_items() {
            return self
                .report
                .fine("line_items", "Not checked: the token does not allow to read line items.");
        }
        let named = Named {
            check: "line_items",
            list: "the container of line items",
            one: "line item",
            many: "line items",
            url: container,
        };
        let whole = self.read(ListLineItems::new());
        if let Some(error) = &whole.error {
            return self.broken(&named, error, &whole.first.links);
        }
        let by_members = whole.items.iter().find_map(|item| Recognised::by_members(item.extensions()));
        self.recognised = self.recognised.or(by_members);
        let detail = format!(
            "The container lists {}, on {}{}.",
            counted(whole.items.len(), "line item", "line items"),
            counted(whole.pages, "page", "pages"),
            if whole.is_whole { "" } else { "; there are more, which were not looked at" },
        );
        self.report.fine("line_items", &detail)?;
        self.media_type("line_items", whole.first.content_type.as_deref(), "lis.v2.lineitemcontainer")?;
        self.ids(container, &whole)?;
        self.paging(&named, ListLineItems::new().limit(ONE), &whole)?;
        for filter in &FILTERS {
            self.filter(filter, own, &whole)?;
        }
        self.listed = whole.is_whole.then_some(whole.items);
        Ok(())
    }

    /// Whether line items can be reached at the URLs that are their ids.
    fn ids(&mut self, container: &ServiceUrl, read: &Read<LineItem>) -> Result<(), Failure> {
        let urls: Vec<Option<ServiceUrl>> =
            read.items.iter().map(|item| item.id().and_then(|id| id.parse().ok())).collect();
        let without = urls.iter().filter(|url| url.is_none()).count();
        if without > 0 {
            let detail = format!(
                "{} without a URL as id, and cannot be used.",
                counted(without, "line item comes", "line items come")
            );
            self.report.differs("line_item_ids", &detail)?;
        }
        let Some(elsewhere) = urls.iter().flatten().find(|url| !self.is_trusted(url)) else { return Ok(()) };
        let is_same_host = elsewhere.origin().host() == container.origin().host();
        let detail = if is_same_host && container.origin().is_https() && !elsewhere.origin().is_https() {
            format!(
                "The ids of line items are URLs with http, while the container is at {}: a proxy in front of the \
                 platform does not forward the scheme (X-Forwarded-Proto), or the platform does not heed it. The token \
                 is not sent there, so that these line items cannot be used.",
                container.origin()
            )
        } else {
            format!(
                "The ids of line items lead to {}, while the container is at {}. The token is not sent there, so that \
                 they cannot be used; where that origin is the platform's too, name it in allow_origins of [policy].",
                elsewhere.origin(),
                container.origin()
            )
        };
        let detail = self.report.shown(&detail);
        let failure = Failure::new("foreign_origin", "line items of the container are at another origin");
        self.report.fails("line_item_ids", &detail, failure)
    }

    /// Whether the container heeds a filter, judged by what comes back.
    fn filter(
        &mut self,
        filter: &Filter,
        own: Option<&OwnItem>,
        whole: &Read<LineItem>,
    ) -> Result<(), Failure> {
        let Filter { check, name, of, list, takes_any } = filter;
        let values = || whole.items.iter().filter_map(of);
        let is_telling = |value: &&str| whole.items.iter().any(|item| of(item) != Some(value));
        let of_own = own.and_then(|own| whole.items.iter().find(|item| own.is(item))).and_then(of);
        let value = of_own.or_else(|| values().find(is_telling)).filter(is_telling);
        let made_up = match values().next() {
            _ if !whole.is_whole || whole.items.is_empty() => None,
            _ if *takes_any => Some(NOBODYS.to_owned()),
            Some(known) => Some(format!("{known}0")),
            None => None,
        };
        let Some(value) = value.map(str::to_owned).or(made_up) else {
            let detail =
                format!("Not judged: no line item has what {name} goes by. With --write there may be one.");
            return self.report.fine(check, &detail);
        };
        let (page, seen) = self.probe(list(&value));
        let matching = match page {
            Ok(page) => page.items.len(),
            Err(error) => {
                let why = self.why(&error);
                let detail = format!("The container cannot be filtered by {name}: {why}.");
                return self.report.differs(check, &detail);
            }
        };
        let expected = values().filter(|known| *known == value).count();
        if seen.members > matching {
            let detail = format!(
                "The container ignores the filter {name}: {} came back where {} what was asked for. ags filters again \
                 on its side.",
                counted(seen.members, "line item", "line items"),
                counted(matching, "is", "are"),
            );
            return self.report.differs(check, &detail);
        }
        if matching == 0 && expected > 0 {
            let detail = format!(
                "Filtered by {name}, the container gives nothing, although {} it: line items cannot be found so.",
                counted(expected, "line item matches", "line items match")
            );
            return self.report.differs(check, &detail);
        }
        self.report.fine(check, &format!("The container heeds the filter {name}."))
    }

    /// The launch's own line item.
    pub(super) fn launch_line_item(&mut self) -> Result<(), Failure> {
        let platform = self.platform;
        let Ok(url) = platform.endpoint().line_item() else { return Ok(()) };
        if !self.may_read_line_items() {
            return self
                .report
                .fine("line_item", "Not checked: the token does not allow to read line items.");
        }
        let (item, seen) = self.probe(GetLineItem::new());
        let item = match item {
            Ok(item) => item,
            Err(error) => {
                let detail = format!("The launch's own line item cannot be read: {}.", self.why(&error));
                return self.report.fails("line_item", &detail, platform.failure(error));
            }
        };
        let label = shortened(self.report.shown(item.label()), LABEL);
        let detail =
            format!("The launch's own line item is there: {label:?}, out of {}.", item.score_maximum());
        self.report.fine("line_item", &detail)?;
        self.media_type("line_item", seen.content_type.as_deref(), "lis.v2.lineitem")?;
        let is_own = |item: &LineItem| {
            item.id().and_then(|id| id.parse::<ServiceUrl>().ok()).is_some_and(|id| id.same_resource(url))
        };
        match &self.listed {
            Some(listed) if !listed.iter().any(is_own) => {
                let detail = "The container does not list the launch's own line item, by the URL that the launch gives \
                              for it: it cannot be found there.";
                self.report.differs("line_item_listed", detail)
            }
            _ => Ok(()),
        }
    }

    /// Whether an answer is labelled as what it is; it is read by its content in any case.
    pub(super) fn media_type(&mut self, what: &str, is: Option<&str>, should: &str) -> Result<(), Failure> {
        let should = format!("application/vnd.ims.{should}+json");
        let is = is.unwrap_or_default();
        let label = is.split(';').next().unwrap_or_default().trim();
        if label.eq_ignore_ascii_case(&should) {
            return Ok(());
        }
        let is = if is.is_empty() { "nothing".to_owned() } else { self.report.shown(is) };
        let detail = format!("The answer is labelled {is}, not {should}; ags reads it by its content.");
        self.report.differs(&format!("{what}_media_type"), &detail)
    }
}
