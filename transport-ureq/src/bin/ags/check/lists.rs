//! What lists have in common: pages, limits, and the links between them (AGS 3.2.4, 3.3.6, RFC 8288).

use std::num::NonZeroU32;

use lti_ags_ureq::{Error, ErrorKind, Member, Operation, Page, ServiceUrl};

use crate::failure::Failure;
use crate::output::counted;

use super::Check;
use super::probe::Seen;

/// How many pages of a list are looked at.
const PAGES: usize = 20;

/// The smallest page there is.
pub(super) const ONE: NonZeroU32 = NonZeroU32::MIN;

/// A list as far as it was read.
pub(super) struct Read<T> {
    pub(super) items: Vec<T>,
    pub(super) pages: usize,
    /// How the first page looked.
    pub(super) first: Seen,
    /// Whether there is no more of it.
    pub(super) is_whole: bool,
    pub(super) error: Option<Error>,
}

/// What a list is called, and where it is.
pub(super) struct Named<'a> {
    pub(super) check: &'static str,
    pub(super) list: &'static str,
    pub(super) one: &'static str,
    pub(super) many: &'static str,
    pub(super) url: &'a ServiceUrl,
}

impl Check<'_> {
    /// Reads a list, so many pages of it at most.
    pub(super) fn read<O, T>(&mut self, first: O) -> Read<T>
    where
        O: Operation<Output = Page<T>>,
        T: Member,
    {
        let (mut page, seen) = self.probe(first);
        let mut read = Read { items: Vec::new(), pages: 0, first: seen, is_whole: false, error: None };
        loop {
            let next = match page {
                Err(error) => {
                    read.error = Some(error);
                    return read;
                }
                Ok(page) => {
                    read.items.extend(page.items);
                    read.pages += 1;
                    page.next
                }
            };
            let Some(next) = next else {
                read.is_whole = true;
                return read;
            };
            if read.pages == PAGES {
                return read;
            }
            page = self.probe(next).0;
        }
    }

    /// Tells that a list cannot be read.
    pub(super) fn broken(&mut self, named: &Named<'_>, error: &Error, links: &str) -> Result<(), Failure> {
        let failure = self.platform.failure(error.clone());
        let why = self.why(error);
        let (check, detail) = if is_downgraded(named.url, links) {
            let detail = format!(
                "Links to further pages of {} point to http, while it is at {}: a proxy in front of the platform does \
                 not forward the scheme (X-Forwarded-Proto), or the platform does not heed it. The token is not sent \
                 there, so that lists of more than one page cannot be read.",
                named.list,
                named.url.origin()
            );
            ("paging", detail)
        } else {
            match error.kind() {
                ErrorKind::InsecureUrl | ErrorKind::ForeignOrigin => (
                    "paging",
                    format!(
                        "Links to further pages of {} lead elsewhere, and are not followed: {why}.",
                        named.list
                    ),
                ),
                ErrorKind::PageLoop | ErrorKind::TooManyPages => {
                    ("paging", format!("The pages of {} do not come to an end: {why}.", named.list))
                }
                _ => (named.check, format!("{} cannot be read: {why}.", capitalised(named.list))),
            }
        };
        self.report.fails(check, &detail, failure)
    }

    /// What becomes of a list of several members that is asked for in pages of one.
    pub(super) fn paging<O, T>(&mut self, named: &Named<'_>, first: O, whole: &Read<T>) -> Result<(), Failure>
    where
        O: Operation<Output = Page<T>>,
        T: Member,
    {
        let (check, list) = (if named.check == "results" { "results_paging" } else { "paging" }, named.list);
        if whole.items.len() < 2 {
            let detail = format!("Not judged: it takes two {} to see how {list} is paged.", named.many);
            return self.report.fine(check, &detail);
        }
        let (page, seen) = self.probe(first);
        let page = match page {
            Ok(page) => page,
            Err(error) if is_about_pages(&error) => return self.broken(named, &error, &seen.links),
            Err(error) => {
                let why = self.why(&error);
                let detail =
                    format!("{} cannot be read with --limit: {why}. Do without it here.", capitalised(list));
                return self.report.differs(check, &detail);
            }
        };
        let total = counted(whole.items.len(), named.one, named.many);
        if !seen.url.contains("limit=") {
            let detail = format!(
                "The platform fails where {list} is asked for in pages (--limit); ags asks again without, and gets all \
                 at once."
            );
            return self.report.differs(check, &detail);
        }
        let Some(next) = page.next else {
            let detail = if seen.members > 1 {
                format!("The platform ignores --limit for {list}: asked for 1, it gave {}.", seen.members)
            } else {
                format!(
                    "With --limit 1 the platform gives 1 of {total}, and no link to the rest: a list that is cut short \
                     without a word. Never use --limit here."
                )
            };
            return self.report.differs(check, &detail);
        };
        if let Some(odd) = oddities(&seen.links) {
            let detail = format!(
                "The links to further pages of {list} are not written as RFC 8288 has it ({odd}); ags reads them \
                 nonetheless."
            );
            self.report.differs("links", &detail)?;
        }
        let rest = self.read(next);
        if let Some(error) = &rest.error {
            return self.broken(named, error, &rest.first.links);
        }
        let read = rest.items.len() + page.items.len();
        if rest.is_whole && read != whole.items.len() {
            let detail = format!("In pages of one, {list} gave {read} of {total}. Do without --limit here.");
            return self.report.differs(check, &detail);
        }
        if seen.members > 1 {
            let detail =
                format!("Pages work for {list}, but are larger than --limit asks for: {}.", seen.members);
            return self.report.differs(check, &detail);
        }
        self.report
            .fine(check, &format!("Pages work for {list}: the limit is honoured, and the links lead on."))
    }
}

fn is_about_pages(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InsecureUrl | ErrorKind::ForeignOrigin | ErrorKind::PageLoop | ErrorKind::TooManyPages
    )
}

/// Whether links lead to plain http on the host of a list that is at https.
fn is_downgraded(list: &ServiceUrl, links: &str) -> bool {
    let target = format!("<http://{}", list.origin().host());
    let ends_there = |rest: &str| rest.starts_with(['/', ':', '?', '>']);
    list.origin().is_https()
        && links.match_indices(&target).any(|(at, _)| links.get(at + target.len()..).is_some_and(ends_there))
}

/// What is odd about links that can be read all the same.
fn oddities(links: &str) -> Option<&'static str> {
    // Moodle 4.5, byte by byte: E2 80 9C and E2 80 9D.
    let is_curly = links.contains("\u{e2}\u{80}\u{9c}") || links.contains("\u{e2}\u{80}\u{9d}");
    match (is_curly, links.contains("&amp;")) {
        (true, true) => Some("curly quotes, and & as &amp;"),
        (true, false) => Some("curly quotes"),
        (false, true) => Some("& as &amp;"),
        (false, false) => None,
    }
}

pub(super) fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_lost_its_scheme_behind_a_proxy_is_told_from_a_foreign_one() {
        let list: ServiceUrl = "https://lms.example/2/lineitems".parse().unwrap();
        for (links, expected) in [
            (r#"<http://lms.example/2/lineitems?page=2>; rel="next""#, true),
            (r#"<http://lms.example:80/2/lineitems?page=2>; rel="next""#, true),
            (r#"<https://lms.example/2/lineitems?page=2>; rel="next""#, false),
            (r#"<http://lms.example.evil/2>; rel="next""#, false),
            ("", false),
        ] {
            assert_eq!(is_downgraded(&list, links), expected, "{links}");
        }
        let plain: ServiceUrl = "http://127.0.0.1:80/2/lineitems".parse().unwrap();
        assert!(!is_downgraded(&plain, "<http://127.0.0.1:80/2/lineitems?page=2>; rel=next"));
    }

    #[test]
    fn the_links_of_moodle_are_odd() {
        let latin: String = "<https://m.test/?a=1&amp;from=5>; rel=“next”".bytes().map(char::from).collect();
        assert_eq!(oddities(&latin), Some("curly quotes, and & as &amp;"));
        assert_eq!(oddities(r#"<https://m.test/?a=1&from=5>; rel="next""#), None);
    }
}
