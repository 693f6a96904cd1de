//! The results of a line item (AGS 3.3). What is told of them is numbers: they are of people.

use lti_ags_ureq::{ListResults, Scope, ServiceUrl, UserResult};

use crate::failure::Failure;
use crate::output::counted;

use super::Check;
use super::lists::{Named, ONE, Read};

impl Check<'_> {
    /// The results of the launch's own line item, or of the first one that the container lists.
    pub(super) fn results(&mut self) -> Result<(), Failure> {
        let own = self.platform.endpoint().line_item().ok().cloned();
        let first = || {
            let ids = self.listed.iter().flatten().filter_map(|item| item.id()?.parse().ok());
            ids.into_iter().find(|id: &ServiceUrl| self.is_trusted(id))
        };
        let Some(line_item) = own.or_else(first) else {
            return Ok(());
        };
        if !self.may(&[Scope::RESULT_READONLY]) {
            return self.report.fine("results", "Not checked: the token does not allow to read results.");
        }
        let named = Named {
            check: "results",
            list: "the list of results",
            one: "result",
            many: "results",
            url: &line_item,
        };
        let list = ListResults::new().at(&line_item)?;
        let whole = self.read(list.clone());
        if let Some(error) = &whole.error {
            return self.broken(&named, error, &whole.first.links);
        }
        let count = |is: fn(&UserResult) -> bool| whole.items.iter().filter(|result| is(result)).count();
        let graded = count(|result| result.result_score().is_some());
        let commented = count(|result| result.comment().is_some());
        let detail = format!(
            "{} read, on {}: {graded} with a score, {commented} with a comment{}.",
            counted(whole.items.len(), "result can be", "results can be"),
            counted(whole.pages, "page", "pages"),
            if whole.is_whole { "" } else { "; there are more, which were not looked at" },
        );
        self.report.fine("results", &detail)?;
        self.media_type("results", whole.first.content_type.as_deref(), "lis.v2.resultcontainer")?;
        let out_of_one =
            count(|result| result.result_score().is_some() && result.sent_result_maximum().is_none());
        if out_of_one > 0 {
            let detail = format!(
                "{} without a maximum, which means out of 1 (AGS 3.3.4).",
                counted(out_of_one, "result comes", "results come")
            );
            self.report.differs("result_maximum", &detail)?;
        }
        self.user_filter(&list, &whole)?;
        self.paging(&named, list.limit(ONE), &whole)
    }

    /// Whether results can be asked for of one user.
    fn user_filter(&mut self, list: &ListResults, whole: &Read<UserResult>) -> Result<(), Failure> {
        const CHECK: &str = "filter_user_id";
        let users = whole.items.iter();
        // One with a comment tells more.
        let Some(one) = users.clone().find(|one| one.comment().is_some()).or(whole.items.first()) else {
            return self.report.fine(CHECK, "Not judged: there are no results.");
        };
        let (page, seen) = self.probe(list.clone().user_id(one.user_id()));
        let page = match page {
            Ok(page) => page,
            Err(error) => {
                let detail = format!("Results cannot be asked for of one user: {}.", self.why(&error));
                return self.report.differs(CHECK, &detail);
            }
        };
        if seen.members > page.items.len() {
            let detail = format!(
                "The platform ignores the filter user_id: {} came back where {} the user's. ags filters again on its \
                 side.",
                counted(seen.members, "result", "results"),
                counted(page.items.len(), "is", "are"),
            );
            return self.report.differs(CHECK, &detail);
        }
        let Some(found) = page.items.first() else {
            let detail =
                "Asked for the results of one user, the platform gives nothing, although there is one.";
            return self.report.differs(CHECK, detail);
        };
        if one.comment().is_some() && found.comment().is_none() {
            let detail = "Asked for the results of one user, the platform leaves out the comment; without --user-id it \
                          is there.";
            return self.report.differs(CHECK, detail);
        }
        if whole.items.len() < 2 {
            return self.report.fine(CHECK, "Not judged: it takes results of two users to tell.");
        }
        self.report.fine(CHECK, "The platform heeds the filter user_id.")
    }
}
