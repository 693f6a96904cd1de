//! How real platforms differ from the specification: one file a platform, over one trait whose defaults are the
//! specification's behaviour. What a platform overlooks is a violation of its client's all the same.

/// The defaults that need the whole trait object.
macro_rules! specified {
    (line_items) => {
        fn line_items(
            &self,
            asked: &Asked<'_>,
            gradebook: &Gradebook,
            filters: Filters,
            size: PageSize,
            verdict: &mut Verdict,
        ) -> Reply {
            line_items::list(self, asked, gradebook, filters, size, verdict)
        }
    };
    (results) => {
        fn results(
            &self,
            asked: &Asked<'_>,
            gradebook: &Gradebook,
            item: &LineItem,
            filters: Filters,
            size: PageSize,
            verdict: &mut Verdict,
        ) -> Reply {
            results::list(self, asked, gradebook, item, filters, size, verdict)
        }
    };
    (result) => {
        fn result(&self, asked: &Asked<'_>, gradebook: &Gradebook, item: &LineItem, user_id: &str) -> Reply {
            results::one(self, asked, gradebook, item, user_id)
        }
    };
}

mod blackboard;
mod brightspace;
mod canvas;
mod moodle;
mod open_edx;
mod sakai;
mod schoology;

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::asked::{Asked, Filters};
use crate::bearer;
use crate::cause::Cause;
use crate::entry::{Entry, Update};
use crate::gradebook::{Gradebook, Row};
use crate::ledger::Service;
use crate::line_item::LineItem;
use crate::names::{MEDIA_LINE_ITEM, SCOPE_LINE_ITEM, SCOPE_RESULT_READONLY, SCOPE_SCORE};
use crate::page::PageSize;
use crate::registration::Registration;
use crate::reply::Reply;
use crate::token::Granted;
use crate::violation::{Refusal, Verdict};
use crate::{line_items, results};

/// A platform whose behaviour is reproduced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Personality {
    /// AGS 2.0 to the letter.
    #[default]
    Spec,
    /// Canvas, as its open source stands.
    Canvas,
    /// Moodle 4.5.
    Moodle,
    /// Open edX with `xblock-lti-consumer` 11.4.4.
    OpenEdx,
    /// Sakai, as its open source stands.
    Sakai,
    /// Blackboard Learn, as it is documented.
    Blackboard,
    /// D2L Brightspace, as it is documented.
    Brightspace,
    /// Schoology, as it is documented.
    Schoology,
}

impl Personality {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Spec,
        Self::Canvas,
        Self::Moodle,
        Self::OpenEdx,
        Self::Sakai,
        Self::Blackboard,
        Self::Brightspace,
        Self::Schoology,
    ];

    /// Its name in lower case, as in `ags-platform --as open-edx`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spec => "spec",
            Self::Canvas => "canvas",
            Self::Moodle => "moodle",
            Self::OpenEdx => "open-edx",
            Self::Sakai => "sakai",
            Self::Blackboard => "blackboard",
            Self::Brightspace => "brightspace",
            Self::Schoology => "schoology",
        }
    }

    pub(crate) fn manner(self) -> &'static dyn Manner {
        match self {
            Self::Spec => &Spec,
            Self::Canvas => &canvas::Canvas,
            Self::Moodle => &moodle::Moodle,
            Self::OpenEdx => &open_edx::OpenEdx,
            Self::Sakai => &sakai::Sakai,
            Self::Blackboard => &blackboard::Blackboard,
            Self::Brightspace => &brightspace::Brightspace,
            Self::Schoology => &schoology::Schoology,
        }
    }
}

impl fmt::Display for Personality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No personality of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no platform of that name is reproduced; there are spec, canvas, moodle, open-edx, sakai, blackboard, brightspace and schoology"
)]
pub struct UnknownPersonality;

impl FromStr for Personality {
    type Err = UnknownPersonality;

    fn from_str(name: &str) -> Result<Self, UnknownPersonality> {
        Self::ALL.into_iter().find(|personality| personality.name() == name).ok_or(UnknownPersonality)
    }
}

/// Where a platform has its services: paths with queries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    pub(crate) token: &'static str,
    pub(crate) line_items: &'static str,
}

/// What becomes of one exchange, where platforms differ. The defaults are the specification's.
pub(crate) trait Manner: fmt::Debug + Sync {
    fn addresses(&self) -> Addresses {
        Addresses { token: "/token", line_items: "/lineitems" }
    }

    /// Sets what the platform expects of assertions and scopes.
    fn register(&self, _registration: &mut Registration) {}

    /// Path and query of a line item; `number` counts line items from 1.
    fn line_item_target(&self, container: &str, item: &LineItem, _number: u64) -> String {
        let (path, query) = container.split_once('?').map_or((container, None), |(p, q)| (p, Some(q)));
        let target = format!("{}/{}", path.trim_end_matches('/'), item.id);
        query.map_or(target.clone(), |query| format!("{target}?{query}"))
    }

    /// The user id of a learner, counted from 1.
    fn learner(&self, number: u64) -> String {
        format!("u-{}", 1000 + number)
    }

    /// The link from which launches come.
    fn resource_link_id(&self) -> &'static str {
        "rl-1"
    }

    /// Changes the AGS claim of a launch from a link with so many line items.
    fn adjust_claim(&self, _claim: &mut Value, _line_items: usize) {}

    /// Whether the platform does not refuse for this.
    fn overlooks(&self, _cause: Cause, _service: Service) -> bool {
        false
    }

    /// Refuses what only this platform refuses, before the specification's rules are gone through.
    fn examine(&self, _asked: &Asked<'_>, _item: Option<&LineItem>, _verdict: &mut Verdict) {}

    /// The same for header and claims of an assertion; `now` is in seconds.
    fn examine_assertion(
        &self,
        _header: &Map<String, Value>,
        _claims: &Map<String, Value>,
        _now: i64,
        _verdict: &mut Verdict,
    ) {
    }

    /// The same for a score that has been read.
    fn examine_score(&self, _score: &PostedScore<'_>, _verdict: &mut Verdict) {}

    /// The same for a line item that has been read.
    fn examine_line_item(
        &self,
        _sent: &line_items::Sent,
        _before: Option<&LineItem>,
        _verdict: &mut Verdict,
    ) {
    }

    /// Turns what was posted into what the platform makes of it.
    fn take_score(&self, _score: &mut PostedScore<'_>) {}

    /// Completes what is on record after a score.
    fn record(&self, _item: &LineItem, _before: Option<&Entry>, _entry: &mut Entry) {}

    /// Turns a line item that was sent into the one the platform keeps.
    fn keep_line_item(&self, _sent: &Map<String, Value>, before: Option<&LineItem>, item: &mut LineItem) {
        if let Some(before) = before {
            // AGS 3.2.6: not to be changed.
            item.resource_link_id.clone_from(&before.resource_link_id);
        }
    }

    /// An access token. The digest is as good as random; the mark in front of it is looked for in what tests show.
    fn access_token(&self, number: u64, digest: &[u8]) -> String {
        format!("{number}.planted-{}~", URL_SAFE_NO_PAD.encode(digest))
    }

    fn token(&self, granted: &Granted<'_>) -> Reply {
        Reply::json(200, &granted.to_json("Bearer"))
            .header("Cache-Control", "no-store")
            .header("Pragma", "no-cache")
    }

    fn no_token(&self, _asked: &Asked<'_>, _registration: &Registration, refusal: &Refusal) -> Reply {
        let body = json!({ "error": refusal.cause.error(), "error_description": refusal.reason });
        Reply::json(refusal.cause.status(), &body).header("Cache-Control", "no-store")
    }

    /// The refusal of anything but a token request.
    fn refused(&self, asked: &Asked<'_>, refusal: &Refusal) -> Reply {
        let status = refusal.cause.status();
        let reply = Reply::json(status, &json!({ "status": status, "reason": refusal.reason }));
        let scope = match asked.service {
            Service::Scores => SCOPE_SCORE,
            Service::Results => SCOPE_RESULT_READONLY,
            _ => SCOPE_LINE_ITEM,
        };
        bearer::challenge(reply, refusal.cause, scope)
    }

    fn score_taken(&self, _score: &PostedScore<'_>) -> Reply {
        Reply::new(204)
    }

    fn line_items(
        &self,
        asked: &Asked<'_>,
        gradebook: &Gradebook,
        filters: Filters,
        size: PageSize,
        verdict: &mut Verdict,
    ) -> Reply;

    fn line_item_json(&self, asked: &Asked<'_>, item: &LineItem) -> Value {
        line_items::to_json(asked, item).into()
    }

    fn line_item(&self, asked: &Asked<'_>, item: &LineItem) -> Reply {
        Reply::of_type(200, MEDIA_LINE_ITEM, self.line_item_json(asked, item).to_string())
    }

    fn created(&self, asked: &Asked<'_>, item: &LineItem, _sent: &Map<String, Value>) -> Reply {
        Reply::of_type(201, MEDIA_LINE_ITEM, self.line_item_json(asked, item).to_string())
            .header("Location", asked.url(&item.target))
    }

    fn updated(&self, asked: &Asked<'_>, item: &LineItem, _sent: &Map<String, Value>) -> Reply {
        self.line_item(asked, item)
    }

    fn deleted(&self) -> Reply {
        Reply::new(204)
    }

    fn results(
        &self,
        asked: &Asked<'_>,
        gradebook: &Gradebook,
        item: &LineItem,
        filters: Filters,
        size: PageSize,
        verdict: &mut Verdict,
    ) -> Reply;

    /// One result at its own URL.
    fn result(&self, asked: &Asked<'_>, gradebook: &Gradebook, item: &LineItem, user_id: &str) -> Reply;

    fn write_result(&self, asked: &Asked<'_>, item: &LineItem, row: &Row<'_>, out: &mut Vec<u8>) {
        results::write(asked, item, row, out);
    }

    /// The answer to a client that asks too much.
    fn throttled(&self) -> Reply {
        Reply::new(429).header("Retry-After", "1")
    }

    /// Completes every answer of a service.
    fn finish(&self, _asked: &Asked<'_>, reply: Reply) -> Reply {
        reply
    }
}

/// A score on its way into the gradebook.
pub(crate) struct PostedScore<'a> {
    pub(crate) asked: &'a Asked<'a>,
    pub(crate) item: &'a LineItem,
    /// What is on record for the user.
    pub(crate) before: Option<&'a Entry>,
    /// Whether the user is a learner here.
    pub(crate) enrolled: bool,
    pub(crate) update: Update,
}

/// An access token in the shape of the signed JWTs some platforms hand out, about 650 bytes long.
fn json_web_token(number: u64, digest: &[u8]) -> String {
    let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let claims = json!({ "jti": number, "digest": part(digest), "scopes": "x".repeat(150) }).to_string();
    let signature = digest.iter().cycle().take(256).copied().collect::<Vec<u8>>();
    format!("{}.{}.{}", part(br#"{"alg":"RS256","typ":"JWT"}"#), part(claims.as_bytes()), part(&signature))
}

/// AGS 2.0 to the letter.
#[derive(Debug)]
struct Spec;

impl Manner for Spec {
    specified!(line_items);
    specified!(results);
    specified!(result);
}
