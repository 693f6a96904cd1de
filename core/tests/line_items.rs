//! Reading, creating, updating and deleting one line item (AGS 3.2).

use crate::scripted::{CONTAINER, OWN, item, line_item, lost, not_sent, ok, platform, status, with};
use lti_ags::{
    CreateLineItem, DeleteLineItem, Error, ErrorKind, GetLineItem, LineItem, NewLineItem, UpdateLineItem,
};

const LINE_ITEM: &str = "application/vnd.ims.lis.v2.lineitem+json";
const OTHER: &str = "https://lms.test/mod/lti/services.php/88/lineitems/12/lineitem?type_id=1";

fn lab() -> NewLineItem {
    NewLineItem::new("Lab 3", 20.0).unwrap()
}

#[test]
fn a_line_item_is_read_where_it_is() {
    // AGS-ITEM-12, AGS-ITEM-01
    let mut platform = platform([ok(&item(4, "")), ok(&item(12, ""))]);
    platform.call(GetLineItem::new()).unwrap();
    platform.call(GetLineItem::new().at(OTHER).unwrap().query("include[]", "launch_url")).unwrap();
    assert_eq!(platform.lines()[0], "GET /ctx/9/lineitems/4");
    assert_eq!(
        platform.lines()[1],
        "GET /mod/lti/services.php/88/lineitems/12/lineitem?type_id=1&include%5B%5D=launch_url"
    );
    assert_eq!(platform.header(0, "accept"), Some(LINE_ITEM));
    assert!(platform.sent[0].body().is_empty());
}

#[test]
fn a_line_item_without_id_has_the_url_that_was_asked() {
    // AGS-ITEM-09
    let body = r#"{"resourceLinkId":77,"scoreMaximum":"10","label":"a"}"#;
    let get = GetLineItem::new().at(OTHER).unwrap().query("include[]", "launch_url");
    let item = platform([ok(body)]).call(get).unwrap();
    assert_eq!((item.id(), item.resource_link_id(), item.score_maximum()), (Some(OTHER), Some("77"), 10.0));
}

#[test]
fn a_line_item_that_is_gone_is_not_found() {
    // AGS-ITEM-11
    for code in [404, 410] {
        assert_eq!(
            platform([status(code, "")]).call(GetLineItem::new()).unwrap_err().kind(),
            ErrorKind::NotFound
        );
    }
    for body in ["", "[]", "<p>"] {
        let error = platform([ok(body)]).call(GetLineItem::new()).unwrap_err();
        assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::MalformedResponse, 200));
    }
}

#[test]
fn a_line_item_is_posted_to_the_container() {
    // AGS-CREATE-01, AGS-CREATE-02, AGS-CREATE-03, AGS-CREATE-05
    for code in [200, 201, 202] {
        let mut platform = platform([status(
            code,
            r#"{"id":"https://lms.test/ctx/9/lineitems/31/","label":"Lab 3","scoreMaximum":100}"#,
        )]);
        let container = "https://lms.test/services.php/88/lineitems?type_id=1";
        let item = platform.call(CreateLineItem::new(lab()).in_container(container).unwrap()).unwrap();
        assert_eq!((item.id(), item.score_maximum()), (Some("https://lms.test/ctx/9/lineitems/31/"), 100.0));
        assert_eq!(platform.lines(), ["POST /services.php/88/lineitems?type_id=1"]);
        assert_eq!(platform.body(0), r#"{"label":"Lab 3","scoreMaximum":20}"#);
        assert_eq!(
            (platform.header(0, "content-type"), platform.header(0, "accept")),
            (Some(LINE_ITEM), Some(LINE_ITEM))
        );
    }
}

#[test]
fn a_location_stands_in_for_an_id() {
    // AGS-CREATE-04
    for (location, id) in
        [("/li/5", "https://lms.test/li/5"), ("https://lms.test/li/%41?x", "https://lms.test/li/%41?x")]
    {
        for body in [r#"{"label":"Lab 3","scoreMaximum":20}"#, "", "Created"] {
            let reply = with(status(201, body), "location", location);
            let item = platform([reply]).call(CreateLineItem::new(lab())).unwrap();
            assert_eq!((item.id(), item.label(), item.score_maximum()), (Some(id), "Lab 3", 20.0));
        }
    }
    for body in [r#"{"label":"Lab 3","scoreMaximum":20}"#, "", "<p>ok"] {
        let error = platform([status(201, body)]).call(CreateLineItem::new(lab())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MalformedResponse);
        assert!(error.to_string().contains("created"), "{error}");
    }
}

#[test]
fn a_resource_link_that_the_platform_does_not_know_is_refused_or_ignored() {
    // AGS-CREATE-07, AMB-10
    for (code, kind) in [
        (404, ErrorKind::NotFound),
        (400, ErrorKind::Refused),
        (412, ErrorKind::Refused),
        (422, ErrorKind::Refused),
    ] {
        let mut platform = platform([status(code, r#"{"error":"no such link"}"#)]);
        let error = platform.call(CreateLineItem::new(lab().with_resource_link_id("rl"))).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains("no such link"));
        assert_eq!(platform.sent.len(), 1);
    }
    let created =
        platform([status(201, &item(1, ""))]).call(CreateLineItem::new(lab().with_resource_link_id("rl")));
    assert_eq!(created.unwrap().resource_link_id(), None);
}

#[test]
fn a_creation_is_repeated_only_where_it_was_not_acted_on() {
    // AGS-CREATE-09, AGS-HTTP-06
    for first in
        [not_sent(), status(429, ""), status(403, "403 Forbidden (Rate Limit Exceeded)\n"), status(401, "")]
    {
        let mut platform = platform([first, status(201, &item(1, ""))]);
        assert!(platform.call(CreateLineItem::new(lab())).is_ok());
        assert_eq!(platform.sent.len(), 2);
    }
    for first in [lost(), status(500, ""), status(502, ""), status(503, ""), status(504, "")] {
        let mut platform = platform([first]);
        let error = platform.call(CreateLineItem::new(lab())).unwrap_err();
        assert_eq!((error.kind(), error.is_transient()), (ErrorKind::OutcomeUnknown, false));
        assert!(error.to_string().contains("ensure it"), "{error}");
        assert_eq!(platform.sent.len(), 1);
    }
}

#[test]
fn an_answer_too_large_to_read_leaves_a_creation_in_doubt() {
    let large = || Err(lti_ags::TransportError::in_doubt(lti_ags::Cause::TooLarge, "9 MB"));
    assert_eq!(
        platform([large()]).call(CreateLineItem::new(lab())).unwrap_err().kind(),
        ErrorKind::OutcomeUnknown
    );
    assert_eq!(platform([large()]).call(GetLineItem::new()).unwrap_err().kind(), ErrorKind::ResponseTooLarge);
}

const MEMBERS: &str = concat!(
    r#","resourceLinkId":"rl","resourceId":"essay-2","tag":"grade","endDateTime":"2026-04-10T23:59:59+02:00","#,
    r#""submissionReview":{"reviewableStatus":["Submitted"]},"https://vendor.test/x":{"k":[1,null]}"#
);

fn rename(item: &mut LineItem) -> Result<(), Error> {
    item.set_label("B")
}

#[test]
fn an_update_reads_changes_and_writes_everything_back() {
    // AGS-UPDATE-01, AGS-UPDATE-02, AGS-UPDATE-03, AGS-ITEM-10, AGS-REVIEW-05
    let mut platform = platform([ok(&item(4, MEMBERS)), ok(&item(4, r#","tag":"changed by the platform""#))]);
    let updated = platform.call(UpdateLineItem::new(rename)).unwrap();
    assert_eq!(platform.lines(), ["GET /ctx/9/lineitems/4", "PUT /ctx/9/lineitems/4"]);
    assert_eq!(platform.body(1), format!(r#"{{"label":"B","scoreMaximum":10{MEMBERS}}}"#));
    assert_eq!(
        (platform.header(1, "content-type"), platform.header(1, "accept")),
        (Some(LINE_ITEM), Some(LINE_ITEM))
    );
    // AGS-UPDATE-05
    assert_eq!(updated.item.tag(), Some("changed by the platform"));
    assert_eq!(updated.before, Some(line_item(&item(4, MEMBERS))));
}

#[test]
fn what_somebody_else_changed_meanwhile_can_be_seen() {
    let earlier = line_item(&item(4, r#","tag":"a""#));
    for (now, has_drifted) in [(item(4, r#","tag":"a""#), false), (item(4, r#","tag":"b""#), true)] {
        let updated = platform([ok(&now), ok(&now)]).call(UpdateLineItem::new(rename)).unwrap();
        assert_eq!(updated.before.is_some_and(|before| before != earlier), has_drifted);
    }
}

#[test]
fn an_edit_that_fails_writes_nothing() {
    let mut platform = platform([ok(&item(4, ""))]);
    let error = platform.call(UpdateLineItem::new(|item| item.set_score_maximum(0.0))).unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::InvalidInput, Some("update line item")));
}

#[test]
fn an_edit_may_borrow() {
    let (label, mut seen) = ("C".to_owned(), None);
    let update = UpdateLineItem::new(|item| {
        seen = Some(item.label().to_owned());
        item.set_label(&label)
    });
    platform([ok(&item(4, "")), ok(&item(4, ""))]).call(update).unwrap();
    assert_eq!(seen.as_deref(), Some("L4"));
}

#[test]
fn a_line_item_read_earlier_is_put_at_its_id() {
    let mut item = line_item(&item(31, MEMBERS));
    item.set_end_date_time(None); // AGS-UPDATE-04
    let mut platform = platform([ok("{\"label\":\"x\",\"scoreMaximum\":60}")]);
    let updated = platform.call(UpdateLineItem::put(item)).unwrap();
    assert_eq!(platform.lines(), ["PUT /ctx/9/lineitems/31"]);
    assert!(!platform.body(0).contains("endDateTime") && !platform.body(0).contains("\"id\""));
    assert_eq!((updated.item.id(), updated.before), (Some(format!("{CONTAINER}/31").as_str()), None));
}

#[test]
fn a_line_item_without_a_url_is_not_put_over_the_own_one() {
    let nameless = || line_item(r#"{"label":"a","scoreMaximum":1}"#);
    let mut platform = platform([ok(r#"{"label":"a","scoreMaximum":1}"#)]);
    assert_eq!(platform.call(UpdateLineItem::put(nameless())).unwrap_err().kind(), ErrorKind::InvalidInput);
    platform.call(UpdateLineItem::put(nameless()).at(OTHER).unwrap()).unwrap();
    assert_eq!(platform.lines(), ["PUT /mod/lti/services.php/88/lineitems/12/lineitem?type_id=1"]);
}

#[test]
fn an_update_answered_without_a_line_item_is_read_again() {
    // AGS-UPDATE-06
    for reply in [status(204, ""), ok(""), ok("{}"), ok("OK")] {
        let mut platform = platform([reply, ok(&item(31, ""))]);
        let updated = platform.call(UpdateLineItem::put(line_item(&item(31, MEMBERS)))).unwrap();
        assert_eq!(platform.lines(), ["PUT /ctx/9/lineitems/31", "GET /ctx/9/lineitems/31"]);
        assert_eq!(updated.item.tag(), None);
    }
}

/// What a proxy in front of the platform answers, which did not let the request pass.
#[test]
fn a_page_to_sign_in_is_no_success_of_what_writes() {
    let page = || ok("\u{feff}\n<!DOCTYPE html><html><head><title>Sign in</title></head></html>");
    let item = || line_item(&item(31, ""));
    let mut updating = platform([page()]);
    let error = updating.call(UpdateLineItem::put(item())).unwrap_err();
    assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::MalformedResponse, 200));
    assert!(error.to_string().contains("web page") && error.to_string().contains("Sign in"), "{error}");
    let mut deleting = platform([page()]);
    let error = deleting.call(DeleteLineItem::new(OTHER).unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MalformedResponse);
    let error = platform([page()]).call(CreateLineItem::new(lab())).unwrap_err();
    assert!(error.to_string().contains("web page"), "{error}");
    assert_eq!((updating.sent.len(), deleting.sent.len()), (1, 1));
}

#[test]
fn an_update_can_be_verified() {
    // Moodle 4.5 repeats what it was sent
    let mut platform = platform([ok(&item(4, "")), ok(&item(4, MEMBERS)), ok(&item(4, ""))]);
    let updated = platform.call(UpdateLineItem::new(rename).verified()).unwrap();
    assert_eq!(updated.item.tag(), None);
    assert_eq!(platform.sent.len(), 3);
}

#[test]
fn members_can_be_left_out_for_blackboard() {
    let mut platform = platform([ok(&item(4, MEMBERS)), ok(&item(4, ""))]);
    let update =
        UpdateLineItem::new(rename).without(["resourceLinkId", "submissionReview", "https://vendor.test/x"]);
    platform.call(update).unwrap();
    assert_eq!(
        platform.body(1),
        r#"{"label":"B","scoreMaximum":10,"resourceId":"essay-2","tag":"grade","endDateTime":"2026-04-10T23:59:59+02:00"}"#
    );
}

#[test]
fn an_update_goes_to_where_the_line_item_was_found() {
    let moved = with(status(307, ""), "location", "/new/4?a=%2f");
    let mut platform = platform([moved, ok(&item(4, "")), ok(&item(4, ""))]);
    platform.call(UpdateLineItem::new(rename)).unwrap();
    assert_eq!(platform.lines()[2], "PUT /new/4?a=%2f");
}

#[test]
fn an_update_is_tried_again() {
    // AGS-UPDATE-08
    for fault in [status(503, ""), lost(), not_sent()] {
        let mut platform = platform([ok(&item(4, "")), fault, ok(&item(4, ""))]);
        platform.call(UpdateLineItem::new(rename)).unwrap();
        assert_eq!(platform.body(1), platform.body(2));
    }
}

#[test]
fn an_update_that_the_platform_does_not_allow_is_told_apart() {
    for (reply, kind) in [
        (status(400, "Attempt to modify an 'on-demand' line item"), ErrorKind::CoupledLineItem), // Sakai
        (status(405, ""), ErrorKind::CoupledLineItem),
        (status(400, "{}"), ErrorKind::Refused),
        (status(403, ""), ErrorKind::Forbidden), // OpenOLAT
        (status(404, ""), ErrorKind::NotFound),
    ] {
        assert_eq!(
            platform([ok(&item(4, "")), reply]).call(UpdateLineItem::new(rename)).unwrap_err().kind(),
            kind
        );
    }
}

#[test]
fn a_line_item_is_deleted_at_its_url() {
    // AGS-DELETE-01, AGS-DELETE-02
    for reply in [ok("{\"x\":1}"), status(202, "gone"), status(204, "")] {
        let mut platform = platform([reply]);
        platform.call(DeleteLineItem::new(OTHER).unwrap()).unwrap();
        assert_eq!(platform.lines(), ["DELETE /mod/lti/services.php/88/lineitems/12/lineitem?type_id=1"]);
        assert_eq!(
            (platform.header(0, "accept"), platform.header(0, "content-type")),
            (Some(LINE_ITEM), None)
        );
        assert!(platform.sent[0].body().is_empty());
    }
}

#[test]
fn the_launchs_own_line_item_is_deleted_only_by_force() {
    for own in [OWN, "https://LMS.test:443/ctx/9/lineitem%73/4/"] {
        let mut platform = platform([status(204, "")]);
        let delete = || DeleteLineItem::new(own).unwrap();
        let error = platform.call(delete()).unwrap_err();
        assert_eq!((error.kind(), error.status()), (ErrorKind::CoupledLineItem, None));
        assert_eq!((platform.sent.len(), platform.token_requests), (0, 0));
        platform.call(delete().force()).unwrap();
    }
}

#[test]
fn a_line_item_that_is_gone_is_an_error_unless_we_may_have_deleted_it() {
    // AGS-DELETE-03
    let delete = || DeleteLineItem::new(OTHER).unwrap();
    for code in [404, 410] {
        assert_eq!(platform([status(code, "")]).call(delete()).unwrap_err().kind(), ErrorKind::NotFound);
        for fault in [lost(), status(502, "")] {
            assert!(platform([fault, status(code, "")]).call(delete()).is_ok());
        }
        for fault in [not_sent(), status(429, "")] {
            assert_eq!(
                platform([fault, status(code, "")]).call(delete()).unwrap_err().kind(),
                ErrorKind::NotFound
            );
        }
    }
}

#[test]
fn a_line_item_that_the_platform_keeps_is_told_apart_from_a_bad_token() {
    // AGS-DELETE-04
    let delete = |replies: Vec<_>| platform(replies).call(DeleteLineItem::new(OTHER).unwrap()).unwrap_err();
    for (replies, kind) in [
        // Canvas: the answer to a new token is the same.
        (vec![status(401, ""), status(401, "")], ErrorKind::CoupledLineItem),
        (
            vec![
                status(401, ""),
                with(status(401, ""), "www-authenticate", "Bearer error=\"invalid_token\""),
            ],
            ErrorKind::Unauthorized,
        ),
        (
            vec![status(401, "{}"), status(401, "{\"error\":\"Insufficient permissions\"}")],
            ErrorKind::Unauthorized,
        ),
        (
            vec![status(403, "{\"detail\":\"You do not have permission to perform this action.\"}")],
            ErrorKind::CoupledLineItem,
        ), // Open edX
        (vec![status(403, "{\"detail\":\"Invalid token signature.\"}")], ErrorKind::Forbidden),
        (
            vec![with(status(403, ""), "www-authenticate", "Bearer error=\"insufficient_scope\"")],
            ErrorKind::Forbidden,
        ),
        (vec![status(405, "")], ErrorKind::CoupledLineItem), // ILIAS
        (vec![status(409, "")], ErrorKind::CoupledLineItem),
        (vec![status(422, "")], ErrorKind::CoupledLineItem),
        (vec![status(400, "Cannot delete an 'on-demand' line item")], ErrorKind::CoupledLineItem), // Sakai
        (vec![status(400, "")], ErrorKind::Refused),
    ] {
        let error = delete(replies);
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[test]
fn the_resource_link_of_a_new_line_item_is_that_of_the_launch() {
    // AGS-CREATE-06, AGS-CLAIM-14
    let launch = lti_ags::Launch::from_json(
        r#"{"https://purl.imsglobal.org/spec/lti/claim/resource_link":{"id":"Rl/7 a","title":"Lab 3"}}"#,
    )
    .unwrap();
    let item = NewLineItem::new("Lab 3", 20.0).unwrap();
    assert!(!serde_json::to_string(&item).unwrap().contains("resourceLinkId"));
    let bound = item.with_resource_link_id(launch.resource_link_id().unwrap());
    assert!(serde_json::to_string(&bound).unwrap().contains(r#""resourceLinkId":"Rl/7 a""#));
}
