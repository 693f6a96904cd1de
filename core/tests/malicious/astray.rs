//! Where a token may go (Security Framework 3, 4; RFC 9110 §15.4).

use lti_ags::{
    Cause, CreateLineItem, Endpoint, ErrorKind, GetLineItem, ListLineItems, PostScore, Scope, Score,
    TransportError,
};

use super::{essay, score};
use crate::common::{Answer, LINE_ITEM, Read, TOKEN, Tool, answer, answer_with};

fn redirect(status: u16, to: &str) -> Answer {
    answer_with(status, &[("location", to.as_bytes())], b"")
}

#[test]
fn plain_http_never_carries_a_token_beyond_this_machine() {
    // AGS-SEC-01, AGS-CERT-07, AGS-CLAIM-09: the certificate is the transport's to check
    for url in
        ["http://lms.northfield.test/li", "http://127.0.0.1.evil.test/li", "http://localhost.evil.test/li"]
    {
        let mut tool = Tool::new().at(Endpoint::for_line_item(url).unwrap());
        assert_eq!(tool.call(score()).unwrap_err().kind(), ErrorKind::InsecureUrl, "{url}");
        assert_eq!(tool.counts(), (0, 0));
    }
    let tls = TransportError::not_sent(Cause::Tls, "self-signed certificate");
    let mut tool = Tool::new().answers([Err(tls)]);
    let error = tool.call(score()).unwrap_err();
    assert_eq!((error.kind(), tool.requests.len()), (ErrorKind::Tls, 1), "not tried again");
}

#[test]
fn a_token_stands_in_one_header_and_nowhere_else() {
    // AGS-SEC-02, AGS-SEC-08
    let mut tool = Tool::new();
    tool.call(score()).unwrap();
    tool.call(Read::line_items()).unwrap();
    for request in &tool.requests {
        let authorization = &request.headers()["authorization"];
        assert_eq!(authorization.to_str().unwrap(), format!("Bearer {TOKEN}"));
        assert!(authorization.is_sensitive());
        assert_eq!(request.headers().get_all("authorization").iter().count(), 1);
        assert!(!request.uri().to_string().contains(TOKEN));
        assert!(!String::from_utf8_lossy(request.body()).contains(TOKEN));
        assert!(!request.headers().contains_key("authentication"), "as the samples of AGS have it");
    }
}

#[test]
fn a_get_is_followed_within_its_origin() {
    // AGS-HTTP-05
    let mut tool = Tool::new().answers([
        redirect(301, "https://lms.northfield.test/a?x=%2F"),
        redirect(302, "/b"),
        redirect(303, "c?d"),
        redirect(307, "https://lms.northfield.test:443/e"),
        redirect(308, "#f"),
        answer(200, "there"),
    ]);
    assert_eq!(tool.call(Read::line_items()).unwrap(), b"there");
    let urls: Vec<_> = tool.requests.iter().skip(1).map(|request| request.uri().to_string()).collect();
    assert_eq!(
        urls[..3],
        [
            "https://lms.northfield.test/a?x=%2F",
            "https://lms.northfield.test/b",
            "https://lms.northfield.test/c?d"
        ]
    );
    assert!(tool.requests.iter().all(|request| request.headers().contains_key("authorization")));

    let mut circle = Tool::new().answers((0..9).map(|_| redirect(302, LINE_ITEM)));
    assert_eq!(circle.call(Read::line_items()).unwrap_err().kind(), ErrorKind::Redirect);
    assert_eq!(circle.requests.len(), 6);
}

#[test]
fn no_redirect_takes_a_token_elsewhere() {
    // AGS-HTTP-05, AGS-SEC-09
    for elsewhere in [
        "https://evil.test/li",
        "//evil.test/li",
        "http://lms.northfield.test/li",
        "https://lms.northfield.test:8443/li",
        "https://lms.northfield.test@evil.test/",
        "https://lms.northfield.test.evil.test/",
        "\\\\evil.test\\li",
        "javascript:alert(1)",
        "https://[",
        "",
    ] {
        let mut tool = Tool::new().answers([redirect(302, elsewhere)]);
        match tool.call(Read::line_items()) {
            // An empty Location is the same URL again.
            Ok(_) => assert_eq!(elsewhere, ""),
            Err(error) => {
                assert_eq!((error.kind(), tool.requests.len()), (ErrorKind::Redirect, 1), "{elsewhere}");
            }
        }
        for request in &tool.requests {
            assert_eq!(request.uri().authority().unwrap(), "lms.northfield.test", "{elsewhere}");
            assert_eq!(request.uri().scheme_str(), Some("https"));
        }
    }
    let mut nowhere = Tool::new().answers([answer(302, "")]);
    assert_eq!(nowhere.call(Read::line_items()).unwrap_err().kind(), ErrorKind::Redirect);
}

#[test]
fn a_score_is_not_turned_into_a_get() {
    // AGS-HTTP-05
    for status in [301, 302, 303, 307, 308] {
        let mut tool = Tool::new().answers([redirect(status, "https://lms.northfield.test/elsewhere")]);
        let error = tool.call(score()).unwrap_err();
        assert_eq!((error.kind(), tool.requests.len()), (ErrorKind::Redirect, 1));
        assert_eq!(tool.requests[0].method(), "POST");
    }
}

#[test]
fn a_token_is_bound_to_the_origins_of_the_launch() {
    // AGS-SEC-09
    let mut tool = Tool::new();
    for url in
        ["https://evil.test/li", "https://lms.northfield.test:444/li", "https://auth.northfield.test/li"]
    {
        let error = tool.call(Read::new(url, const { &[Scope::SCORE] })).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ForeignOrigin, "{url}");
        assert_eq!(tool.call(score().at(url).unwrap()).unwrap_err().kind(), ErrorKind::ForeignOrigin);
    }
    assert_eq!(tool.counts(), (0, 0));
    tool.call(Read::new("https://LMS.northfield.test:443/x", const { &[Scope::SCORE] })).unwrap();
}

#[test]
fn urls_that_would_lead_a_token_astray_are_refused_or_lead_nowhere_else() {
    for url in [
        "https://lms.northfield.test@evil.test/",
        "https://evil.test\\@lms.northfield.test/",
        "https:evil.test/x",
        "https:\\\\evil.test\\x",
        "//evil.test/x",
        "\\\\evil.test/x",
        "https:///evil.test/x",
        "ht\ttps://evil.test/",
        "https://lms.northfield.test.:443/x",
        "https://lms.northfield.test:8443/x",
        "http://lms.northfield.test/x",
        "https://lms.northfield.test%2eevil.test/",
        "https://lms.northfield.test\u{3002}evil.test/",
        "https://lms\u{2024}northfield.test/x",
        "https://lms.northfield.te\u{455}t/x",
        "https://[::1%25eth0]/x",
        "https://[fe80::1%eth0]/",
        "ftp://lms.northfield.test/",
        "javascript:alert(1)",
        "https://lms.northfield.test:99999/",
        "https://evil.test#@lms.northfield.test/",
        "https://evil.test?@lms.northfield.test/",
        "HTTPS://EVIL.TEST/",
        "https://user@lms.northfield.test/",
        "https://0x7f.1/",
        "http://2130706434.evil.test/",
        "data:text/plain,x",
        "",
    ] {
        let link = format!("<{url}>; rel=next");
        let Ok(response) = std::panic::catch_unwind(|| answer_with(200, &[("link", link.as_bytes())], b"[]"))
        else {
            continue;
        };
        let mut tool = Tool::new().answers([response]);
        let page = tool.call(ListLineItems::new());
        if let Ok(page) = page
            && let Some(next) = page.next
        {
            assert_eq!(next.url().origin().to_string(), "https://lms.northfield.test", "{url}");
            let result = tool.call(next);
            for request in &tool.requests {
                let authority = request.uri().authority().unwrap().as_str();
                assert_eq!(authority.to_ascii_lowercase(), "lms.northfield.test", "{url}: {result:?}");
            }
        }
        for name in ["location", "content-location", "refresh"] {
            for status in [201, 300, 301, 302, 303, 307, 308, 401, 503] {
                let Ok(response) = std::panic::catch_unwind(|| {
                    answer_with(status, &[(name, url.as_bytes())], b"{\"label\":\"x\",\"scoreMaximum\":1}")
                }) else {
                    continue;
                };
                let mut tool = Tool::new().answers([response]);
                let _ = tool.call(GetLineItem::new());
                let Ok(response) = std::panic::catch_unwind(|| {
                    answer_with(status, &[(name, url.as_bytes())], b"{\"label\":\"x\",\"scoreMaximum\":1}")
                }) else {
                    continue;
                };
                tool.answers.push_front(response);
                let created = tool.call(CreateLineItem::new(essay()));
                if let Ok(item) = created
                    && let Some(id) = item.id()
                    && let Ok(own) = PostScore::new(Score::graded("u", 1.0, 1.0).build().unwrap()).at(id)
                {
                    let _ = tool.call(own);
                }
                for request in &tool.requests {
                    assert_eq!(request.uri().scheme_str(), Some("https"), "{url}");
                    let authority = request.uri().authority().unwrap().as_str();
                    assert_eq!(authority.to_ascii_lowercase(), "lms.northfield.test", "{url}");
                }
            }
        }
    }
}
