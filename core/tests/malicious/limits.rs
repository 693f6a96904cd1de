//! What a platform may cost: waits, redirects, and what is kept of its words.

use std::time::Duration;

use lti_ags::{Cause, ErrorKind, TransportError};

use super::score;
use crate::common::{Tool, answer, answer_with};

#[test]
fn absurd_waits_end_the_call() {
    for status in [429, 503] {
        for after in ["61", "99999999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
            let refused = answer_with(status, &[("retry-after", after.as_bytes())], b"");
            let mut tool = Tool::new().answers([refused]);
            let error = tool.call(score()).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::RateLimited { after: Some(_) }), "{error:?}");
            assert!(tool.waits.is_empty(), "{:?}", tool.waits);
        }
    }
}

#[test]
fn waits_redirects_and_excerpts_are_capped() {
    // AGS-SEC-10, AGS-HTTP-04
    let mut tool = Tool::new().answers([answer_with(503, &[("retry-after", b"86400")], b"")]);
    let error = tool.call(score()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited { after: Some(Duration::from_secs(86_400)) });
    assert!(tool.waits.is_empty());

    let long = format!(r#"{{"error":"{}"}}"#, "x".repeat(1 << 20));
    let error = Tool::new().answers([answer(400, &long)]).call(score()).unwrap_err();
    assert!(error.to_string().len() < 1_000 && error.refusal().unwrap().body().len() <= 8 * 1024);

    let too_large = TransportError::in_doubt(Cause::TooLarge, "more than 16 MiB");
    let mut tool = Tool::new().answers([Err(too_large)]);
    assert_eq!(tool.call(score()).unwrap_err().kind(), ErrorKind::ResponseTooLarge);
    assert_eq!(tool.requests.len(), 1, "it would be too large again");
}

#[test]
fn a_clock_of_the_platform_that_is_far_off_makes_no_long_wait() {
    for date in [
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Mon, 02 Mar 2026 09:00:00 GMT",
        "nonsense",
    ] {
        for after in [
            "1",
            "Thu, 01 Jan 1970 00:00:01 GMT",
            "Fri, 31 Dec 9999 23:59:59 GMT",
            "Mon, 02 Mar 2026 09:00:02 GMT",
        ] {
            let refused =
                || answer_with(503, &[("date", date.as_bytes()), ("retry-after", after.as_bytes())], b"");
            let mut tool = Tool::new().answers([refused(), refused(), answer(204, "")]);
            let result = tool.call(score());
            let waited: Duration = tool.waits.iter().sum();
            assert!(waited <= Duration::from_secs(120), "{date}, {after}: {waited:?}");
            if let Err(error) = result {
                assert!(matches!(error.kind(), ErrorKind::RateLimited { after: Some(_) }), "{error:?}");
            }
        }
    }
}

#[test]
fn absurd_budgets_make_no_long_wait() {
    for value in ["-1e308", "1e308", "NaN", "inf", "-0", "", "0x10", "9".repeat(400).as_str()] {
        let headers = [("x-rate-limit-remaining", value.as_bytes()), ("x-request-cost", value.as_bytes())];
        let mut tool = Tool::new().answers((0..20).map(|_| answer_with(204, &headers, b"")));
        for _ in 0..20 {
            tool.call(score()).unwrap();
        }
        let waited: Duration = tool.waits.iter().sum();
        assert!(waited <= Duration::from_secs(120), "{value}: {waited:?}");
    }
}
