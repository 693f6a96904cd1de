//! Statuses and bodies that no platform should answer.

use lti_ags::{ErrorKind, GetLineItem, ListLineItems, ListResults};

use super::{assert_hides, once, score};
use crate::common::{LINE_ITEM, Tool, answer, answer_with};

#[test]
fn bodies_that_are_no_lists_are_errors() {
    let deep = "[".repeat(200_000);
    let deep_members = format!("[{}1{}]", "{\"a\":".repeat(50_000), "}".repeat(50_000));
    let bodies: Vec<&[u8]> = vec![
        b"null",
        b"1",
        b"\"\"",
        b"[[]]",
        b"[null]",
        b"[1]",
        b"[{}",
        b"[] []",
        b"[]]",
        b"\xff\xfe[\0]\0",
        b"[{\"label\":\"\xff\"}]",
        b"[{\"label\":\"\\ud800\"}]",
        b"\0",
        b"[,]",
        b"[{\"label\":\"a\",\"scoreMaximum\":1,\"label\":\"b\"}] x",
        b"<html>",
        deep.as_bytes(),
        deep_members.as_bytes(),
        b"\xef\xbb\xbf\xef\xbb\xbf[]",
        b"[{\"scoreMaximum\":1e999}]",
    ];
    for body in bodies {
        let error = Tool::new().answers([answer_with(200, &[], body)]).call(ListLineItems::new());
        let error = error.expect_err(&String::from_utf8_lossy(&body[..body.len().min(80)]));
        assert_eq!(error.kind(), ErrorKind::MalformedResponse, "{error:?}");
        assert_hides(&error, &[]);
    }
}

#[test]
fn unheard_of_statuses_neither_panic_nor_succeed() {
    for status in (100..1000).filter(|status| !(200..300).contains(status)) {
        let mut tool = Tool::with_policy(once());
        tool.token_answers.push_back(answer(status, "{\"access_token\":\"x\"}"));
        assert!(tool.call(score()).is_err(), "{status}");
        tool.session.forget_tokens();
        let mut tool = Tool::with_policy(once()).answers([answer(status, "[]"), answer(status, "[]")]);
        assert!(tool.call(score()).is_err(), "{status}");
        let mut tool = Tool::with_policy(once()).answers([answer(status, "[]"), answer(status, "[]")]);
        assert!(tool.call(ListLineItems::new()).is_err(), "{status}");
    }
}

#[test]
fn numbers_beyond_all_bounds_are_errors_or_kept() {
    let digits = "9".repeat(400);
    for number in [
        "1e999",
        "-1e999",
        "1e-999",
        &digits,
        &format!("0.{digits}"),
        &format!("1e{digits}"),
        "NaN",
        "Infinity",
        "0x10",
        "01",
        "1.",
        "+1",
    ] {
        let item = format!(r#"{{"id":"{LINE_ITEM}","label":"x","scoreMaximum":{number}}}"#);
        let result = format!(r#"[{{"userId":"u","resultScore":{number},"resultMaximum":{number}}}]"#);
        if let Ok(item) = Tool::new().answers([answer(200, &item)]).call(GetLineItem::new()) {
            let maximum = item.score_maximum().to_string();
            assert!(maximum.parse::<f64>().is_ok_and(f64::is_finite), "{number}: {maximum}");
        }
        if let Ok(page) = Tool::new().answers([answer(200, &result)]).call(ListResults::new()) {
            let score = page.items[0].result_score().map(|score| score.to_string()).unwrap_or_default();
            assert!(score.parse::<f64>().is_ok_and(f64::is_finite), "{number}: {score}");
        }
    }
}

#[test]
fn a_member_that_comes_twice_is_one_member_or_an_error() {
    let twice = format!(
        r#"{{"id":"https://evil.test/x","label":"a","scoreMaximum":1,"id":"{LINE_ITEM}","label":"b","x":1,"x":2}}"#
    );
    match Tool::new().answers([answer(200, &twice)]).call(GetLineItem::new()) {
        Ok(item) => {
            let written = serde_json::to_string(&item).unwrap();
            for name in ["\"id\"", "\"label\"", "\"x\""] {
                assert_eq!(written.matches(name).count(), 1, "{written}");
            }
        }
        Err(error) => assert_eq!(error.kind(), ErrorKind::MalformedResponse),
    }
}

#[test]
fn nesting_without_end_in_what_is_kept_is_lived_with() {
    for depth in [100, 100_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let nested = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let item =
                format!(r#"{{"id":"{LINE_ITEM}","label":"x","scoreMaximum":1,"https://x.test/":{nested}}}"#);
            match Tool::new().answers([answer(200, &item)]).call(GetLineItem::new()) {
                Ok(item) => assert!(serde_json::to_string(&item).unwrap().contains(&nested)),
                Err(error) => assert_eq!(error.kind(), ErrorKind::MalformedResponse),
            }
        }
    }
}
