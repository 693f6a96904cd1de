//! What the services for line items, scores and results do with a request (AGS 3.2, 3.3, 3.4).

use http::Method;
use percent_encoding::percent_decode_str;

use crate::asked::{Asked, Filters};
use crate::bearer;
use crate::cause::Cause;
use crate::ledger::Service;
use crate::line_item::LineItem;
use crate::lms::{Lms, Outcome};
use crate::media;
use crate::names::{
    MEDIA_LINE_ITEM, MEDIA_LINE_ITEMS, MEDIA_RESULTS, SCOPE_LINE_ITEM, SCOPE_LINE_ITEM_READONLY,
    SCOPE_RESULT_READONLY, SCOPE_SCORE,
};
use crate::personality::PostedScore;
use crate::reply::Reply;
use crate::violation::{Refusal, Verdict};
use crate::{line_items, results, score};

/// What a path leads to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Place {
    Token,
    LineItems,
    LineItem(String),
    Scores(String),
    Results(String),
    /// One result: line item and user.
    Result(String, String),
    Nowhere,
}

impl Place {
    pub(crate) fn service(&self) -> Service {
        match self {
            Self::Token => Service::Token,
            Self::LineItems => Service::LineItems,
            Self::LineItem(_) => Service::LineItem,
            Self::Scores(_) => Service::Scores,
            Self::Results(_) | Self::Result(..) => Service::Results,
            Self::Nowhere => Service::Other,
        }
    }
}

impl Lms {
    /// Finds what a path leads to. Services of a line item have one slash before their name (AGS-URL-03).
    pub(crate) fn place(&self, path: &str) -> Place {
        if path == self.token_path() {
            return Place::Token;
        }
        let container = self.line_items_target.split('?').next().unwrap_or_default();
        if path == container && self.has_container {
            return Place::LineItems;
        }
        for item in self.gradebook.line_items() {
            if path == item.path() {
                return Place::LineItem(item.id.clone());
            }
            let Some(rest) = path.strip_prefix(item.path().trim_end_matches('/')) else { continue };
            match rest {
                "/scores" => return Place::Scores(item.id.clone()),
                "/results" => return Place::Results(item.id.clone()),
                _ => {}
            }
            if let Some(user) = rest.strip_prefix("/results/") {
                let user = percent_decode_str(user).decode_utf8_lossy().into_owned();
                return Place::Result(item.id.clone(), user);
            }
        }
        Place::Nowhere
    }

    /// Acts on a request for anything but a token.
    pub(crate) fn serve(&mut self, asked: &Asked<'_>, place: &Place, verdict: &mut Verdict) -> Outcome {
        let query = asked.request.uri().query().unwrap_or_default();
        let misplaced = matches!(place, Place::LineItem(_))
            && (query.ends_with("/scores") || query.ends_with("/results"));
        if misplaced {
            verdict.fault("AGS-URL-02", "`/scores` or `/results` stands behind the line item URL's query");
        }
        let place = if misplaced { &Place::Nowhere } else { place };
        let item = match place {
            Place::LineItem(id) | Place::Scores(id) | Place::Results(id) | Place::Result(id, _) => {
                self.gradebook.line_item(id).cloned()
            }
            _ => None,
        };
        let method = asked.request.method();
        if !matches!(place, Place::Token | Place::Nowhere) {
            self.admit(asked, item.as_ref(), verdict);
        }
        match (place, item) {
            (Place::LineItems, _) if method == Method::POST => self.create(asked, verdict),
            (Place::LineItems, _) => self.list(asked, verdict),
            (Place::LineItem(_), Some(item)) if method == Method::PUT => self.update(asked, &item, verdict),
            (Place::LineItem(_), Some(item)) if method == Method::DELETE => {
                self.delete(asked, &item, verdict)
            }
            (Place::LineItem(_), Some(item)) => self.show(asked, &item, verdict),
            (Place::Scores(_), Some(item)) => self.take_score(asked, &item, verdict),
            (Place::Results(_), Some(item)) => self.results(asked, &item, verdict),
            (Place::Result(_, user_id), Some(item)) => {
                Self::judge_reading(asked, MEDIA_RESULTS, "AGS-RESULT-01", verdict);
                self.answer(asked, verdict, Some(()), |lms, _, ()| {
                    (lms.manner.result(asked, &lms.gradebook, &item, user_id), String::new())
                })
            }
            _ => {
                self.explain_wrong_url(asked, verdict);
                verdict.refuse(Cause::Nothing, "there is nothing at this URL");
                self.answer(asked, verdict, Some(()), |_, _, ()| (Reply::new(404), String::new()))
            }
        }
    }

    /// Judges the token and what else this platform looks at first.
    fn admit(&mut self, asked: &Asked<'_>, item: Option<&LineItem>, verdict: &mut Verdict) {
        let reads = matches!(asked.request.method(), &(Method::GET | Method::HEAD | Method::OPTIONS));
        let scopes: &[&str] = match asked.service {
            Service::Scores => &[SCOPE_SCORE],
            Service::Results => &[SCOPE_RESULT_READONLY],
            _ if reads => &[SCOPE_LINE_ITEM, SCOPE_LINE_ITEM_READONLY],
            _ => &[SCOPE_LINE_ITEM],
        };
        bearer::judge(&mut self.tokens, scopes, asked.now, asked.request, verdict);
        self.manner.examine(asked, item, verdict);
    }

    /// Answers: the refusal, or else what `act` makes of what was read, as a reply and its effect.
    fn answer<T>(
        &mut self,
        asked: &Asked<'_>,
        verdict: &mut Verdict,
        read: Option<T>,
        act: impl FnOnce(&mut Self, &mut Verdict, T) -> (Reply, String),
    ) -> Outcome {
        let manner = self.manner;
        let (reply, effect) = match (&verdict.refusal, read) {
            (Some(refusal), _) => (manner.refused(asked, refusal), String::new()),
            (None, Some(read)) => act(self, verdict, read),
            (None, None) => {
                // What the platform overlooks left nothing to go on.
                let refusal = Refusal { cause: Cause::NoMember, reason: "the body cannot be read".into() };
                let reply = manner.refused(asked, &refusal);
                verdict.refusal = Some(refusal);
                (reply, String::new())
            }
        };
        let effect = match &verdict.refusal {
            Some(refusal) => format!("refused: {}", refusal.reason),
            None => effect,
        };
        Outcome { reply: manner.finish(asked, reply), effect }
    }

    fn judge_reading(asked: &Asked<'_>, media_type: &str, rule: &'static str, verdict: &mut Verdict) {
        if asked.request.method() != Method::GET {
            verdict.reject(Cause::Method, rule, "the method is none of this service's");
        }
        if !asked.request.body().is_empty() {
            verdict.fault(rule, "a GET has a body");
        }
        media::judge_accept(asked.request, media_type, rule, verdict);
    }

    fn own_query(target: &str) -> Option<&str> {
        target.split_once('?').map(|(_, query)| query)
    }

    fn list(&mut self, asked: &Asked<'_>, verdict: &mut Verdict) -> Outcome {
        Self::judge_reading(asked, MEDIA_LINE_ITEMS, "AGS-LIST-01", verdict);
        let own = Self::own_query(asked.container);
        let filters = Filters::judge(own, asked.request, &line_items::PARAMETERS, verdict);
        self.answer(asked, verdict, Some(filters), |lms, verdict, filters| {
            let reply = lms.manner.line_items(asked, &lms.gradebook, filters, lms.page_size, verdict);
            (reply, String::new())
        })
    }

    fn results(&mut self, asked: &Asked<'_>, item: &LineItem, verdict: &mut Verdict) -> Outcome {
        Self::judge_reading(asked, MEDIA_RESULTS, "AGS-RESULT-01", verdict);
        let filters = Filters::judge(item.query(), asked.request, &results::PARAMETERS, verdict);
        self.answer(asked, verdict, Some(filters), |lms, verdict, filters| {
            let size = lms.page_size;
            (lms.manner.results(asked, &lms.gradebook, item, filters, size, verdict), String::new())
        })
    }

    fn show(&mut self, asked: &Asked<'_>, item: &LineItem, verdict: &mut Verdict) -> Outcome {
        Self::judge_reading(asked, MEDIA_LINE_ITEM, "AGS-ITEM-12", verdict);
        Self::judge_item_query(asked, item, verdict);
        self.answer(asked, verdict, Some(()), |lms, _, ()| (lms.manner.line_item(asked, item), String::new()))
    }

    fn judge_item_query(asked: &Asked<'_>, item: &LineItem, verdict: &mut Verdict) {
        // Parameters of a platform's own may be added (AGS-EXT-05).
        Filters::judge(item.query(), asked.request, &[], verdict);
    }

    fn create(&mut self, asked: &Asked<'_>, verdict: &mut Verdict) -> Outcome {
        if asked.request.uri().query() != Self::own_query(asked.container) {
            verdict.reject(Cause::OwnQuery, "AGS-CREATE-01", "the container's query is not kept as it is");
        }
        let sent = self.read_line_item(asked, None, verdict);
        self.answer(asked, verdict, sent, |lms, _, sent| {
            let mut item = sent.item;
            lms.manner.keep_line_item(&sent.members, None, &mut item);
            lms.place_new(&mut item);
            let reply = lms.manner.created(asked, &item, &sent.members);
            let effect = format!("made {}", item.id);
            lms.gradebook.add(item);
            (reply, effect)
        })
    }

    fn update(&mut self, asked: &Asked<'_>, before: &LineItem, verdict: &mut Verdict) -> Outcome {
        Self::judge_item_query(asked, before, verdict);
        let sent = self.read_line_item(asked, Some(before), verdict);
        self.answer(asked, verdict, sent, |lms, _, sent| {
            let mut item = LineItem {
                id: before.id.clone(),
                target: before.target.clone(),
                coupled: before.coupled,
                unlinked: before.unlinked,
                ..sent.item
            };
            lms.manner.keep_line_item(&sent.members, Some(before), &mut item);
            lms.gradebook.rescale(&item.id, before.score_maximum, item.score_maximum);
            let reply = lms.manner.updated(asked, &item, &sent.members);
            let effect = format!("changed {}", item.id);
            if let Some(kept) = lms.gradebook.line_item_mut(&before.id) {
                *kept = item;
            }
            (reply, effect)
        })
    }

    fn read_line_item(
        &self,
        asked: &Asked<'_>,
        before: Option<&LineItem>,
        verdict: &mut Verdict,
    ) -> Option<line_items::Sent> {
        media::judge_content_type(asked.request, MEDIA_LINE_ITEM, verdict);
        let rule = if before.is_some() { "AGS-UPDATE-01" } else { "AGS-CREATE-01" };
        media::judge_accept(asked.request, MEDIA_LINE_ITEM, rule, verdict);
        let known = self.gradebook.line_items().iter().filter_map(|item| item.resource_link_id.as_deref());
        let links: Vec<&str> = known.chain([self.manner.resource_link_id()]).collect();
        let shown = before.map(|item| self.manner.line_item_json(asked, item));
        let sent = line_items::read(asked.request, before.zip(shown.as_ref()), &links, verdict)?;
        self.manner.examine_line_item(&sent, before, verdict);
        Some(sent)
    }

    fn delete(&mut self, asked: &Asked<'_>, item: &LineItem, verdict: &mut Verdict) -> Outcome {
        Self::judge_item_query(asked, item, verdict);
        if !asked.request.body().is_empty() {
            verdict.fault("AGS-DELETE-01", "a DELETE has a body");
        }
        if item.coupled && self.keeps_coupled {
            verdict.refuse(Cause::Coupled, "the line item belongs to a link and stays");
        }
        self.answer(asked, verdict, Some(()), |lms, _, ()| {
            lms.gradebook.remove(&item.id);
            (lms.manner.deleted(), format!("deleted {}", item.id))
        })
    }

    fn take_score(&mut self, asked: &Asked<'_>, item: &LineItem, verdict: &mut Verdict) -> Outcome {
        if asked.request.uri().query() != item.query() {
            verdict.reject(Cause::OwnQuery, "AGS-URL-01", "the line item URL's query is not kept as it is");
        }
        let update = score::judge(&self.gradebook, item, asked.request, verdict);
        let before = update.as_ref().and_then(|update| self.gradebook.result(&item.id, &update.user_id));
        let before = before.cloned();
        let posted = update.map(|update| PostedScore {
            asked,
            item,
            before: before.as_ref(),
            enrolled: self.gradebook.is_enrolled(&update.user_id),
            update,
        });
        if let Some(posted) = &posted {
            self.manner.examine_score(posted, verdict);
        }
        self.answer(asked, verdict, posted, |lms, _, mut posted| {
            lms.manner.take_score(&mut posted);
            let reply = lms.manner.score_taken(&posted);
            let user_id = posted.update.user_id.clone();
            let effect = lms.gradebook.record(item, posted.update);
            if let Some(entry) = lms.gradebook.entry_mut(&item.id, &user_id) {
                lms.manner.record(item, before.as_ref(), entry);
            }
            (reply, effect)
        })
    }

    /// Names the usual slips in deriving a service URL from a line item's.
    fn explain_wrong_url(&self, asked: &Asked<'_>, verdict: &mut Verdict) {
        for item in self.gradebook.line_items() {
            for service in ["/scores", "/results"] {
                let doubled = asked.path().strip_suffix(service).and_then(|path| path.strip_suffix('/'));
                if doubled == Some(item.path().trim_end_matches('/')) {
                    verdict.fault("AGS-URL-03", format!("`{service}` is appended with two slashes"));
                }
            }
        }
    }
}
