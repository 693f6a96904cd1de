//! Schoology, as its documentation and the tools that live with it tell. Not known are the audience, paging, stale
//! timestamps and most errors: there it does as the specification says.

use serde_json::{Map, Value, json};

use super::{Addresses, Manner, PostedScore};
use crate::asked::{Asked, Filters};
use crate::bearer;
use crate::cause::Cause;
use crate::gradebook::Gradebook;
use crate::ledger::Service;
use crate::line_item::LineItem;
use crate::line_items::Sent;
use crate::names::{MEDIA_LINE_ITEM, SCOPE_LINE_ITEM};
use crate::page::PageSize;
use crate::reply::Reply;
use crate::violation::{Refusal, Verdict};
use crate::{line_items, results};

/// The members a line item may have.
const LINE_ITEM: [&str; 8] = [
    "label",
    "scoreMaximum",
    "resourceLinkId",
    "resourceId",
    "tag",
    "startDateTime",
    "endDateTime",
    "gradesReleased",
];

#[derive(Debug)]
pub(super) struct Schoology;

impl Schoology {
    fn not_allowed(name: &str) -> String {
        format!("Invalid parameter \"body.{name}\": \"{name}\" is not allowed")
    }
}

impl Manner for Schoology {
    fn addresses(&self) -> Addresses {
        Addresses {
            token: "/lti-service/access-token",
            line_items: "/lti-service/tool/6012345678/services/assignment-grade/v2p0/sections/7001/lineitems",
        }
    }

    fn line_item_target(&self, container: &str, _item: &LineItem, number: u64) -> String {
        format!("{container}/{}", 5_500_000 + number)
    }

    fn learner(&self, number: u64) -> String {
        (90_000_000 + number).to_string()
    }

    fn examine_score(&self, score: &PostedScore<'_>, verdict: &mut Verdict) {
        // Bodies are checked strictly: an extension is one member too many.
        if let Some(name) = score.update.extensions.keys().next() {
            verdict.refuse(Cause::Own(400), Self::not_allowed(name));
        }
    }

    fn examine_line_item(&self, sent: &Sent, before: Option<&LineItem>, verdict: &mut Verdict) {
        let known = |name: &str| LINE_ITEM.contains(&name) || (name == "id" && before.is_some());
        if let Some(name) = sent.members.keys().find(|name| !known(name)) {
            // It comes before what else is wrong, but not before the token.
            let first = verdict.refusal.as_ref().is_none_or(|refusal| refusal.cause == Cause::IdOnCreate);
            if first {
                verdict.refusal =
                    Some(Refusal { cause: Cause::Own(400), reason: Self::not_allowed(name).into() });
            }
        }
    }

    fn keep_line_item(&self, _sent: &Map<String, Value>, before: Option<&LineItem>, item: &mut LineItem) {
        // Taken, and not kept.
        item.end_date_time = None;
        if let Some(before) = before {
            item.resource_link_id.clone_from(&before.resource_link_id);
        }
    }

    fn refused(&self, asked: &Asked<'_>, refusal: &Refusal) -> Reply {
        let status = refusal.cause.status();
        let body = match (refusal.cause, asked.service) {
            (Cause::Accept, Service::Results) => json!({ "error": "handleResults: Invalid Accept Header" }),
            (Cause::Accept, _) => json!({ "error": "handleLineItems: Invalid Accept Header" }),
            _ => json!({ "error": refusal.reason }),
        };
        bearer::challenge(Reply::json(status, &body), refusal.cause, SCOPE_LINE_ITEM)
    }

    fn score_taken(&self, _score: &PostedScore<'_>) -> Reply {
        Reply::new(201)
    }

    fn created(&self, asked: &Asked<'_>, item: &LineItem, _sent: &Map<String, Value>) -> Reply {
        Reply::of_type(201, MEDIA_LINE_ITEM, self.line_item_json(asked, item).to_string())
    }

    specified!(line_items);
    specified!(results);
    specified!(result);
}
