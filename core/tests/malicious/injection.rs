//! Ids, tags and URLs that would be more than they are: parts of a header, a query, a form or an object of JSON.

use lti_ags::http::Request;
use lti_ags::{
    Bytes, CreateLineItem, Endpoint, ErrorKind, ListLineItems, ListResults, NewLineItem, Policy, PostScore,
    Registration, Scope, Score, SigningKey,
};

use super::score;
use crate::common::{LINE_ITEM, LINE_ITEMS, TOKEN_ENDPOINT, Tool, answer, key};

/// Each would be something else, were it put where it goes as it is.
const INJECTIONS: [&str; 12] = [
    "a&user_id=u-9",
    "a#b",
    "a?b=c",
    "a%26b%0d%0a",
    "a\r\nX-Injected: 1",
    "a\nX-Injected: 1\n\n",
    "a HTTP/1.1\r\nHost: evil.test\r\n\r\nGET /",
    "../../../../admin",
    "\",\"userId\":\"u-9\",\"x\":\"",
    "a\u{0}b",
    "é\u{2028}\u{202e}",
    "a+b c",
];

/// The one value of a parameter of the query.
fn parameter(request: &Request<Bytes>, name: &str) -> String {
    let query = request.uri().query().unwrap_or_default().as_bytes();
    let mut values = url::form_urlencoded::parse(query).filter(|(key, _)| key == name);
    let value = values.next().unwrap().1.into_owned();
    assert!(values.next().is_none(), "{} says {name} twice", request.uri());
    value
}

#[test]
fn ids_and_tags_stay_values_of_a_query() {
    for text in INJECTIONS {
        let mut tool = Tool::new().answers([answer(200, "[]"), answer(200, "[]")]);
        let list = ListLineItems::new().tag(text).resource_id(text).resource_link_id(text);
        tool.call(list.query("x", text)).unwrap();
        tool.call(ListResults::new().user_id(text)).unwrap();
        for (request, names, path) in [
            (&tool.requests[0], &["tag", "resource_id", "resource_link_id", "x"][..], LINE_ITEMS),
            (&tool.requests[1], &["user_id"], &format!("{LINE_ITEM}results")),
        ] {
            assert_eq!(request.uri().to_string().split('?').next(), Some(path), "{text:?}");
            for name in names {
                assert_eq!(parameter(request, name), text);
            }
            assert_eq!(
                url::form_urlencoded::parse(request.uri().query().unwrap().as_bytes()).count(),
                names.len()
            );
            assert!(!request.headers().contains_key("x-injected"));
        }
    }
}

#[test]
fn what_a_score_says_stays_a_string_of_its_json() {
    for text in INJECTIONS {
        let mut tool = Tool::new();
        let score = Score::graded(text, 1.0, 2.0).comment(text).scoring_user_id(text);
        let score = score.extension("https://tool.test/x", &text);
        tool.call(PostScore::new(score.build().unwrap())).unwrap();
        let body = tool.body(0);
        for name in ["userId", "comment", "scoringUserId", "https://tool.test/x"] {
            assert_eq!(body[name], text, "{name}");
        }
        assert_eq!(tool.requests[0].uri().to_string(), format!("{LINE_ITEM}scores"));
    }
}

#[test]
fn what_a_line_item_says_stays_a_string_of_its_json() {
    for text in INJECTIONS {
        let mut tool = Tool::new()
            .answers([answer(201, &format!(r#"{{"id":"{LINE_ITEM}","label":"x","scoreMaximum":1}}"#))]);
        let item = NewLineItem::new(text, 1.0).unwrap().with_tag(text).with_resource_id(text);
        tool.call(CreateLineItem::new(item.with_resource_link_id(text))).unwrap();
        let body = tool.body(0);
        for name in ["label", "tag", "resourceId", "resourceLinkId"] {
            assert_eq!(body[name], text, "{name}");
        }
        assert_eq!(body.as_object().unwrap().len(), 5, "{body}");
    }
}

#[test]
fn ids_of_a_registration_stay_values_of_the_assertion_and_the_form() {
    for text in INJECTIONS {
        let key: SigningKey = key().with_key_id(text);
        let registration = Registration::new(text, TOKEN_ENDPOINT, key).unwrap().with_deployment_id(text);
        let mut tool = Tool::with(registration, Policy::default());
        tool.call(score()).unwrap();
        let (header, claims) = tool.assertion(0);
        assert_eq!(
            (&header["kid"], &claims["iss"], &claims["sub"]),
            (&text.into(), &text.into(), &text.into())
        );
        let names: Vec<_> = tool.form(0).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["grant_type", "client_assertion_type", "client_assertion", "scope"], "{text:?}");
        assert_eq!(tool.token_requests[0].uri().to_string(), TOKEN_ENDPOINT);
    }
}

#[test]
fn a_scope_stays_a_value_of_the_form() {
    for text in INJECTIONS {
        let scopes = Scope::AGS.into_iter().chain([Scope::from(text)]);
        let mut tool = Tool::new().at(Endpoint::new(scopes).with_line_item(LINE_ITEM).unwrap());
        tool.call(score()).unwrap();
        assert_eq!(tool.form(0).len(), 4, "{text:?}");
        assert_eq!(tool.counts(), (1, 1));
    }
}

#[test]
fn a_url_with_a_line_break_in_it_is_one_url_or_none() {
    for text in [
        "https://lms.northfield.test/a\r\nX-Injected: 1",
        "https://lms.northfield.test/a\r\nHost: evil.test\r\n\r\nGET /b",
        "https://lms.northfield.test\r\n.evil.test/",
        "https://lms.northfield.test/a HTTP/1.1\r\n",
        "https://lms.northfield.test/\u{0}",
    ] {
        let mut tool = Tool::new();
        match score().at(text) {
            Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidInput, "{text:?}"),
            Ok(post) => {
                let _ = tool.call(post);
                for request in &tool.requests {
                    assert_eq!(request.uri().host(), Some("lms.northfield.test"), "{text:?}");
                    assert!(!request.uri().to_string().contains(char::is_whitespace), "{}", request.uri());
                    assert!(!request.headers().contains_key("x-injected"));
                }
            }
        }
    }
}
