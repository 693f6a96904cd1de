//! Results: what the gradebook says, page by page (AGS 3.3).

use serde::Serialize;
use serde_json::Value;

use crate::asked::{Asked, Filters};
use crate::gradebook::{Gradebook, Row};
use crate::line_item::LineItem;
use crate::line_items::number;
use crate::names::MEDIA_RESULTS;
use crate::page::{Page, PageSize};
use crate::personality::Manner;
use crate::reply::Reply;
use crate::violation::Verdict;

/// The parameters of the results service.
pub(crate) const PARAMETERS: [&str; 2] = ["user_id", "limit"];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    id: String,
    score_of: String,
    user_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result_score: Option<Value>,
    result_maximum: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scoring_user_id: Option<&'a str>,
}

/// Path and query of a line item's results service, or of one result in it.
pub(crate) fn target(item: &LineItem, user_id: Option<&str>) -> String {
    let mut target = format!("{}/results", item.path().trim_end_matches('/'));
    if let Some(user_id) = user_id {
        target.push('/');
        target.extend(url::form_urlencoded::byte_serialize(user_id.as_bytes()));
    }
    if let Some(query) = item.query() {
        target.push('?');
        target.push_str(query);
    }
    target
}

/// Writes a result as the specification shows it: where there is no grade, there is no `resultScore`.
pub(crate) fn write(asked: &Asked<'_>, item: &LineItem, row: &Row<'_>, out: &mut Vec<u8>) {
    let shown = Shown {
        id: asked.url(&target(item, Some(&row.user_id))),
        score_of: asked.url(&item.target),
        user_id: &row.user_id,
        result_score: row.score.map(number),
        result_maximum: number(row.maximum),
        comment: row.entry.and_then(|entry| entry.comment.as_deref()),
        scoring_user_id: row.entry.and_then(|entry| entry.scoring_user_id.as_deref()),
    };
    // Writing to memory does not fail.
    drop(serde_json::to_writer(out, &shown));
}

/// The JSON array of these results.
pub(crate) fn array<'a>(
    manner: &dyn Manner,
    asked: &Asked<'_>,
    item: &LineItem,
    rows: impl IntoIterator<Item = Row<'a>>,
) -> Vec<u8> {
    let mut body = vec![b'['];
    for row in rows {
        if body.len() > 1 {
            body.push(b',');
        }
        manner.write_result(asked, item, &row, &mut body);
    }
    body.push(b']');
    body
}

/// A page of results as the specification has it.
pub(crate) fn list(
    manner: &dyn Manner,
    asked: &Asked<'_>,
    gradebook: &Gradebook,
    item: &LineItem,
    filters: Filters,
    size: PageSize,
    verdict: &mut Verdict,
) -> Reply {
    let page = Page::asked_for(asked, filters, size, verdict);
    if let Some(refusal) = &verdict.refusal {
        return manner.refused(asked, refusal);
    }
    if let Some(user_id) = &page.filters.user_id {
        return Reply::of_type(200, MEDIA_RESULTS, array(manner, asked, item, gradebook.row(item, user_id)));
    }
    let body = array(manner, asked, item, gradebook.rows(item, page.from, page.size));
    let reply = Reply::of_type(200, MEDIA_RESULTS, body);
    match page.links(asked, &target(item, None), gradebook.count(item)) {
        Some(links) => reply.header("Link", links),
        None => reply,
    }
}

/// One result, at its own URL; 404 if there is none.
pub(crate) fn one(
    manner: &dyn Manner,
    asked: &Asked<'_>,
    gradebook: &Gradebook,
    item: &LineItem,
    user_id: &str,
) -> Reply {
    let Some(row) = gradebook.row(item, user_id) else { return Reply::new(404) };
    let mut body = Vec::new();
    manner.write_result(asked, item, &row, &mut body);
    Reply::of_type(200, MEDIA_RESULTS, body)
}
