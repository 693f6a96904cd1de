//! What a tool takes from the claims of a launch (AGS 3.1; Core 5.3, 5.4, 6; worked example 1).

use crate::common::{self, Read, Tool, graded, registration};
use lti_ags::{
    CreateLineItem, DeleteLineItem, Endpoint, ErrorKind, GetLineItem, GetResult, Launch, ListLineItems,
    ListResults, NewLineItem, Operation, Policy, PostScore, Scope, TokenScopes,
};
use serde_json::{Value, json};

const ENDPOINT: &str = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint";
const LTI: &str = "https://purl.imsglobal.org/spec/lti/claim/";
const LINE_ITEMS: &str = "https://lms.northfield.test/ctx/9/lineitems/";
const LINE_ITEM: &str = "https://lms.northfield.test/ctx/9/lineitems/4/";

/// The claims of a launch whose AGS claim is this.
fn launch(claim: &Value) -> Launch {
    Launch::from_claims(json!({
        "iss": "https://lms.northfield.test", "aud": "tool-7f3a", "sub": "u-1001", ENDPOINT: claim,
    }))
    .unwrap()
}

fn endpoint(claim: &Value) -> Endpoint {
    launch(claim).endpoint().unwrap()
}

fn post() -> PostScore {
    PostScore::new(graded().build().unwrap())
}

#[test]
fn a_launch_without_the_claim_offers_no_grading_and_is_not_broken() {
    // AGS-CLAIM-01
    for claims in [json!({"sub": "u-1001"}), json!({"sub": "u-1001", ENDPOINT: null})] {
        let launch = Launch::from_claims(claims).unwrap();
        assert_eq!(launch.user_id(), Some("u-1001"));
        assert_eq!(launch.endpoint().unwrap_err().kind(), ErrorKind::ServiceNotAvailable);
    }
}

#[test]
fn every_member_of_the_claim_is_optional_and_unknown_ones_are_passed_over() {
    // AGS-CLAIM-02
    let odd = endpoint(&json!({
        "scope": [Scope::SCORE], "errors": {"errors": {}}, "validation_context": null, "new": [1],
    }));
    assert!(odd.scopes().contains(&Scope::SCORE));
    // OpenOLAT sends it empty.
    let empty = endpoint(&json!({}));
    assert!(empty.scopes().is_empty());
    assert!(empty.line_item().is_err() && empty.line_items().is_err());
    assert!(endpoint(&json!({"lineitem": LINE_ITEM})).line_item().is_ok());
    assert!(endpoint(&json!({"lineitems": LINE_ITEMS})).line_items().is_ok());
}

#[test]
fn a_claim_that_is_no_object_and_a_url_that_is_none_are_told() {
    for claim in
        [json!("x"), json!([]), json!({"lineitem": "/lineitems/4"}), json!({"lineitems": "ftp://h/"})]
    {
        assert_eq!(launch(&claim).endpoint().unwrap_err().kind(), ErrorKind::InvalidInput, "{claim}");
    }
}

#[test]
fn absent_null_empty_and_blank_urls_are_none() {
    // AGS-CLAIM-03
    for claim in [
        json!({"lineitems": LINE_ITEMS}),
        json!({"lineitems": LINE_ITEMS, "lineitem": null}),
        json!({"lineitems": LINE_ITEMS, "lineitem": ""}),
        json!({"lineitems": LINE_ITEMS, "lineitem": "  \t"}),
    ] {
        let endpoint = endpoint(&claim);
        assert_eq!(endpoint.line_item().unwrap_err().kind(), ErrorKind::ServiceNotAvailable, "{claim}");
        assert_eq!(endpoint.line_items().unwrap().as_str(), LINE_ITEMS);
    }
    assert!(endpoint(&json!({"lineitems": " ", "lineitem": LINE_ITEM})).line_items().is_err());
}

#[test]
fn without_a_container_scores_are_still_posted() {
    // AGS-CLAIM-04
    let endpoint = endpoint(&json!({"scope": [Scope::SCORE], "lineitem": LINE_ITEM}));
    let error = endpoint.line_items().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ServiceNotAvailable);
    assert!(error.to_string().contains("container"), "{error}");
    Tool::new().at(endpoint).call(post()).unwrap();
}

#[test]
fn a_launch_of_no_single_line_item_names_none_to_post_to() {
    let mut tool = Tool::new().at(endpoint(&json!({"scope": [Scope::SCORE], "lineitems": LINE_ITEMS})));
    assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::ServiceNotAvailable);
    assert_eq!(tool.counts(), (0, 0));
    tool.call(post().at("https://lms.northfield.test/ctx/9/lineitems/5").unwrap()).unwrap();
}

#[test]
fn a_scope_that_the_claim_lacks_fails_before_any_request_unless_the_caller_adds_it() {
    // AGS-CLAIM-05
    let mut tool = Tool::new().at(endpoint(&json!({"scope": [Scope::SCORE], "lineitem": LINE_ITEM})));
    let results = || Read::new(LINE_ITEM, const { &[Scope::RESULT_READONLY] });
    let error = tool.call(results()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingScope);
    assert!(error.to_string().contains("lti-ags/scope/result.readonly"), "{error}");
    assert_eq!(tool.counts(), (0, 0));

    tool.endpoint = Endpoint::new([Scope::RESULT_READONLY]).with_line_item(LINE_ITEM).unwrap();
    tool.call(results()).unwrap();
}

#[test]
fn other_services_scopes_are_kept_and_not_asked_for_and_none_is_asked_for_twice() {
    // AGS-CLAIM-06
    let roster = "https://purl.imsglobal.org/spec/lti-nrps/scope/contextmembership.readonly";
    let endpoint =
        endpoint(&json!({"scope": [roster, Scope::SCORE, Scope::SCORE, 7], "lineitem": LINE_ITEM}));
    assert!(endpoint.scopes().contains(&roster.into()));
    let mut tool = Tool::new().at(endpoint);
    tool.call(post()).unwrap();
    assert_eq!(tool.form_value(0, "scope"), Scope::SCORE.as_str());
}

#[test]
fn the_newest_claim_is_used_and_a_stored_url_serves_without_one() {
    // AGS-CLAIM-07
    let mut tool = Tool::new().at(endpoint(&json!({"scope": Scope::AGS, "lineitem": LINE_ITEM})));
    tool.call(post()).unwrap();
    tool.endpoint =
        endpoint(&json!({"scope": Scope::AGS, "lineitem": "https://lms.northfield.test/v2/items/4"}));
    tool.call(post()).unwrap();
    assert_eq!(tool.requests[1].uri(), "https://lms.northfield.test/v2/items/4/scores");

    let stored = serde_json::to_string(&tool.endpoint).unwrap();
    let mut weeks_later = Tool::new().at(serde_json::from_str(&stored).unwrap());
    weeks_later.call(post()).unwrap();
    assert_eq!(weeks_later.requests[0].uri(), "https://lms.northfield.test/v2/items/4/scores");

    let mut by_url = Tool::new().at(Endpoint::for_line_item(LINE_ITEM).unwrap());
    by_url.call(post()).unwrap();
}

#[test]
fn urls_are_opaque() {
    // AGS-CLAIM-08
    let url = "https://lms.northfield.test/learn/courses/_4_1/lineItems/_40_1?x=%2F&Y=%c3%A9&&z";
    let endpoint = endpoint(&json!({"scope": Scope::AGS, "lineitem": url}));
    assert_eq!(endpoint.line_item().unwrap().as_str(), url);
    let mut tool = Tool::new().at(endpoint);
    tool.call(post()).unwrap();
    assert_eq!(
        tool.requests[0].uri().to_string(),
        "https://lms.northfield.test/learn/courses/_4_1/lineItems/_40_1/scores?x=%2F&Y=%c3%A9&&z"
    );
}

#[test]
fn plain_http_in_a_claim_is_refused_before_a_token_is_asked_for() {
    // AGS-CLAIM-09
    let at = |url: &str| endpoint(&json!({"scope": Scope::AGS, "lineitem": url}));
    let mut tool = Tool::new().at(at("http://lms.northfield.test/li"));
    assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::InsecureUrl);
    assert_eq!(tool.counts(), (0, 0));
    let mut policy = Policy::default();
    policy.allow_http_hosts.push("lms.northfield.test".to_owned());
    Tool::with_policy(policy).at(at("http://lms.northfield.test/li")).call(post()).unwrap();
}

#[test]
fn the_user_is_the_sub_letter_by_letter() {
    // AGS-CLAIM-10, AGS-SCORE-13
    for sub in ["00Ab", "1001", "A@b.test", &"x".repeat(255)] {
        let launch = Launch::from_claims(json!({"sub": sub, "email": "jo@northfield.test"})).unwrap();
        assert_eq!(launch.user_id(), Some(sub));
        let mut tool = Tool::new();
        let score = lti_ags::Score::graded(launch.user_id().unwrap(), 1.0, 2.0).build().unwrap();
        tool.call(PostScore::new(score)).unwrap();
        assert_eq!(tool.body(0)["userId"], sub);
    }
}

#[test]
fn an_anonymous_launch_has_no_user_and_still_offers_its_services() {
    // AGS-CLAIM-11
    let claims = json!({"aud": "tool-7f3a", ENDPOINT: {"scope": Scope::AGS, "lineitem": LINE_ITEM}});
    let launch = Launch::from_claims(claims).unwrap();
    assert_eq!(launch.user_id(), None);
    Tool::new().at(launch.endpoint().unwrap()).call(post()).unwrap();
}

#[test]
fn the_client_id_is_the_audience_that_is_the_tool() {
    // AGS-CLAIM-12
    let launch = |claims: Value| Launch::from_claims(claims).unwrap();
    for claims in [
        json!({"aud": "tool-7f3a"}),
        json!({"aud": ["tool-7f3a"]}),
        json!({"aud": ["x", "tool-7f3a"], "azp": "tool-7f3a"}),
    ] {
        assert_eq!(launch(claims.clone()).client_id(None).unwrap(), "tool-7f3a", "{claims}");
    }
    let several = launch(json!({"aud": ["x", "tool-7f3a"]}));
    assert!(several.client_id(None).is_err());
    assert_eq!(several.client_id(Some("tool-7f3a")).unwrap(), "tool-7f3a");
    assert!(several.client_id(Some("tool-0000")).is_err());
    assert!(launch(json!({"aud": ["x"], "azp": "tool-7f3a"})).client_id(None).is_err());
    assert!(launch(json!({"aud": ["tool-7f3a"], "azp": "x"})).client_id(Some("tool-7f3a")).is_err());
    assert!(launch(json!({"sub": "u-1001"})).client_id(None).is_err());
}

#[test]
fn deployments_share_neither_tokens_nor_timestamps() {
    // AGS-CLAIM-13, AGS-TOKRES-08
    let of = |deployment: &str| Tool::with(registration().with_deployment_id(deployment), Policy::default());
    let (mut one, mut other) = (of("dep-42"), of("dep-43"));
    for tool in [&mut one, &mut other] {
        tool.call(post()).unwrap();
    }
    assert_eq!((one.counts(), other.counts()), ((1, 1), (1, 1)));
    let deployment = |tool: &Tool| tool.assertion(0).1[format!("{LTI}deployment_id")].clone();
    assert_eq!((deployment(&one), deployment(&other)), (json!("dep-42"), json!("dep-43")));
    // The same user and URL at the same time: neither pushes the other's timestamp on.
    assert_eq!(one.body(0)["timestamp"], other.body(0)["timestamp"]);
}

#[test]
fn the_resource_link_is_passed_on_as_it_came() {
    // AGS-CLAIM-14
    let launch = Launch::from_claims(json!({
        format!("{LTI}resource_link"): {"id": "RL-55/ä b", "title": "Lab"},
        format!("{LTI}context"): {"id": "ctx-9"},
    }))
    .unwrap();
    assert_eq!((launch.resource_link_id(), launch.context_id()), (Some("RL-55/ä b"), Some("ctx-9")));
    let item = NewLineItem::new("Lab 3", 20.0).unwrap();
    let item = item.with_resource_link_id(launch.resource_link_id().unwrap());
    assert_eq!(serde_json::to_value(&item).unwrap()["resourceLinkId"], "RL-55/ä b");
}

#[test]
fn an_unresolved_or_empty_custom_parameter_is_none() {
    // AGS-CLAIM-15
    let custom = |value: Value| {
        Launch::from_claims(json!({format!("{LTI}custom"): {"li": value}}))
            .unwrap()
            .custom("li")
            .map(str::to_owned)
    };
    for value in [json!("$LineItem.url"), json!(""), json!("  "), json!(null)] {
        assert_eq!(custom(value.clone()), None, "{value}");
    }
    assert_eq!(custom(json!(LINE_ITEM)).as_deref(), Some(LINE_ITEM));
    assert!(endpoint(&json!({"lineitem": "$LineItem.url"})).line_item().is_err());
}

#[test]
fn a_jwt_that_nobody_verified_is_not_taken() {
    // AGS-CLAIM-16
    let jwt = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1LTEwMDEifQ.c2lnbmF0dXJl";
    for result in [Launch::from_json(jwt), Launch::from_claims(json!(jwt))] {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(!common::shown(&error).contains("c2lnbmF0dXJl"), "{error:?}");
    }
    assert!(Endpoint::from_claims(&json!(jwt)).is_err());
}

#[test]
fn the_claim_variants_of_the_worked_example_are_understood() {
    // Worked example 1; AGS-CLAIM-03, AGS-CLAIM-04
    let a = endpoint(&json!({
        "scope": [Scope::LINE_ITEM, Scope::RESULT_READONLY, Scope::SCORE],
        "lineitems": LINE_ITEMS, "lineitem": LINE_ITEM,
    }));
    let mut tool = Tool::new().at(a);
    tool.call(post()).unwrap();
    tool.call(Read::line_items()).unwrap();
    assert_eq!(tool.counts(), (1, 2));

    let b = endpoint(&json!({"scope": [Scope::LINE_ITEM_READONLY], "lineitems": LINE_ITEMS}));
    assert!(b.line_item().is_err());
    let mut tool = Tool::new().at(b);
    tool.call(Read::line_items()).unwrap();
    let create = Read::new(LINE_ITEMS, const { &[Scope::LINE_ITEM] });
    assert_eq!(tool.call(create).unwrap_err().kind(), ErrorKind::MissingScope);

    let d = endpoint(&json!({
        "scope": [], "lineitems": LINE_ITEMS, "lineitem": "", "errors": {"errors": {}}, "validation_context": null,
    }));
    let mut tool = Tool::new().at(d);
    assert_eq!(tool.call(Read::line_items()).unwrap_err().kind(), ErrorKind::MissingScope);
    let step = tool.session.authorize(&tool.endpoint, tool.now);
    assert_eq!(tool.drive(step).unwrap_err().kind(), ErrorKind::MissingScope);
    assert_eq!(tool.counts(), (0, 0));
}

#[test]
fn a_review_launch_names_who_looks_and_whose_work_it_is() {
    // AGS-REVIEW-01, AGS-REVIEW-02, worked example 15
    let launch = Launch::from_claims(json!({
        "iss": "https://lms.northfield.test", "aud": "tool-7f3a", "sub": "u-9",
        format!("{LTI}message_type"): "LtiSubmissionReviewRequest",
        format!("{LTI}deployment_id"): "dep-42",
        format!("{LTI}for_user"): {
            "user_id": "u-1001", "roles": ["http://purl.imsglobal.org/vocab/lis/v2/membership#Learner"], "new": {},
        },
        ENDPOINT: {"scope": [Scope::SCORE], "lineitem": LINE_ITEM},
    }))
    .unwrap();
    assert_eq!(launch.message_type(), Some("LtiSubmissionReviewRequest"));
    assert_eq!(launch.deployment_id(), Some("dep-42"));
    assert_eq!((launch.for_user_id(), launch.user_id()), (Some("u-1001"), Some("u-9")));

    let score = lti_ags::Score::graded(launch.for_user_id().unwrap(), 9.0, 10.0)
        .scoring_user_id(launch.user_id().unwrap())
        .build()
        .unwrap();
    let mut tool = Tool::new().at(launch.endpoint().unwrap());
    tool.call(PostScore::new(score)).unwrap();
    assert_eq!((&tool.body(0)["userId"], &tool.body(0)["scoringUserId"]), (&json!("u-1001"), &json!("u-9")));
}

#[test]
fn a_learner_who_looks_at_their_own_work_has_graded_nothing() {
    // AGS-REVIEW-03
    let launch = Launch::from_claims(json!({
        "sub": "u-1001", format!("{LTI}for_user"): {"user_id": "u-1001"},
    }))
    .unwrap();
    assert_eq!(launch.for_user_id(), launch.user_id());
    let mut tool = Tool::new();
    tool.call(post()).unwrap();
    assert!(tool.body(0).get("scoringUserId").is_none());
}

#[test]
fn after_a_review_a_later_score_is_posted_and_the_user_is_sent_back() {
    // AGS-REVIEW-04
    use lti_ags::{ActivityProgress, GradingProgress, Score};
    let mut tool = Tool::new();
    let waiting = Score::ungraded("u-1001", ActivityProgress::Submitted, GradingProgress::PendingManual);
    let before = tool.call(PostScore::new(waiting.build().unwrap())).unwrap().timestamp;
    let after = tool.call(post()).unwrap().timestamp;
    assert!(after > before);
    assert_eq!(tool.body(1)["gradingProgress"], "FullyGraded");

    let back = "https://lms.northfield.test/gradebook";
    let claims = json!({format!("{LTI}launch_presentation"): {"return_url": back}});
    assert_eq!(Launch::from_claims(claims).unwrap().return_url(), Some(back));
}

#[test]
fn what_a_line_item_says_of_review_comes_back_as_it_is() {
    // AGS-REVIEW-05
    let review = r#"{"reviewableStatus":["InProgress","Completed"],"label":"Open","custom":{"a":"1"}}"#;
    let json =
        format!(r#"{{"id":"{LINE_ITEM}","label":"Lab 3","scoreMaximum":20,"submissionReview":{review}}}"#);
    let item: lti_ags::LineItem = serde_json::from_str(&json).unwrap();
    assert_eq!(item.extensions().get("submissionReview").unwrap().get(), review);
    assert!(serde_json::to_string(&item.update()).unwrap().contains(review));
    let new = serde_json::to_value(NewLineItem::new("Lab 3", 20.0).unwrap()).unwrap();
    assert!(new.get("submissionReview").is_none());
}

#[test]
fn a_token_for_line_items_alone_serves_what_it_can() {
    // AGS-CERT-02
    let narrow = br#"{"access_token":"a","token_type":"bearer","expires_in":3600,"scope":"https://purl.imsglobal.org/spec/lti-ags/scope/lineitem"}"#;
    let mut tool = Tool::new().token_answers([common::answer_with(200, &[], narrow)]);
    let create = || Read::new(LINE_ITEMS, const { &[Scope::LINE_ITEM] });
    tool.call(create()).unwrap();
    tool.call(Read::line_items()).unwrap();
    tool.call(create()).unwrap();
    assert_eq!(tool.call(post()).unwrap_err().kind(), ErrorKind::MissingScope);
    assert_eq!(tool.counts(), (1, 3));
}

#[test]
fn one_token_serves_several_contexts() {
    // AGS-CERT-03, AGS-CERT-04
    for scope in [Scope::SCORE, Scope::RESULT_READONLY] {
        let in_context = |n: u32| {
            let url = format!("https://lms.northfield.test/ctx/{n}/lineitems/{n}");
            endpoint(&json!({"scope": [scope], "lineitem": url}))
        };
        let mut tool = Tool::new();
        for context in [3, 1] {
            tool.endpoint = in_context(context);
            if scope == Scope::SCORE {
                tool.call(post()).unwrap();
            } else {
                let url = tool.endpoint.line_item().unwrap().to_string();
                tool.call(Read::new(&url, const { &[Scope::RESULT_READONLY] })).unwrap();
            }
        }
        assert_eq!(tool.counts(), (1, 2));
        assert_eq!(tool.form_value(0, "scope"), scope.as_str());
    }
}

#[test]
fn a_tool_may_ask_for_no_more_than_each_call_needs() {
    // AGS-CERT-04, AGS-TOKREQ-14
    let mut policy = Policy::default();
    policy.token_scopes = TokenScopes::OfOperation;
    let mut tool = Tool::with_policy(policy);
    tool.call(post()).unwrap();
    assert_eq!(tool.form_value(0, "scope"), Scope::SCORE.as_str());
}

#[test]
fn scopes_may_come_as_one_text_and_the_issuer_is_told() {
    // AGS-CLAIM-03
    let launch = launch(
        &json!({ "scope": format!("{} {}", Scope::SCORE, Scope::RESULT_READONLY), "lineitem": LINE_ITEM }),
    );
    assert_eq!(launch.issuer(), Some("https://lms.northfield.test"));
    let mut tool = Tool::new().at(launch.endpoint().unwrap());
    tool.call(post()).unwrap();
    let missing = tool.call(ListLineItems::new()).unwrap_err();
    assert_eq!((missing.kind(), tool.counts().1), (ErrorKind::ServiceNotAvailable, 1));
    assert_eq!(Launch::from_claims(json!({"sub": "u"})).unwrap().issuer(), None);
}

#[test]
fn each_operation_needs_its_scope() {
    // AGS-CLAIM-04
    #[track_caller]
    fn assert_needs<O: Operation<Output: std::fmt::Debug>>(operation: impl Fn() -> O, scopes: &[Scope]) {
        for scope in Scope::AGS {
            let endpoint = Endpoint::new([scope.clone()]).with_line_items(LINE_ITEMS).unwrap();
            let mut tool = Tool::new().at(endpoint.with_line_item(LINE_ITEM).unwrap());
            let error = tool.call(operation()).err().map(|error| error.kind());
            assert_eq!(
                error == Some(ErrorKind::MissingScope),
                !scopes.contains(&scope),
                "{scope}: {error:?}"
            );
        }
    }
    let read = [Scope::LINE_ITEM, Scope::LINE_ITEM_READONLY];
    let item = || NewLineItem::new("Essay", 10.0).unwrap();
    assert_needs(GetLineItem::new, &read);
    assert_needs(ListLineItems::new, &read);
    assert_needs(|| CreateLineItem::new(item()), &[Scope::LINE_ITEM]);
    assert_needs(
        || DeleteLineItem::new("https://lms.northfield.test/ctx/9/lineitems/5/").unwrap(),
        &[Scope::LINE_ITEM],
    );
    assert_needs(post, &[Scope::SCORE]);
    assert_needs(ListResults::new, &[Scope::RESULT_READONLY]);
    assert_needs(|| GetResult::new("u-1001"), &[Scope::RESULT_READONLY]);
}
