//! How long a platform asks to wait, and what it says of its limits: `Retry-After` (RFC 9110 §10.2.3) and the
//! `X-Rate-Limit-Remaining` and `X-Request-Cost` of Canvas and D2L.

use std::time::{Duration, UNIX_EPOCH};

use http::header::{DATE, RETRY_AFTER};
use http::{HeaderMap, HeaderName};
use jiff::Timestamp;

/// What a wait too long to count is taken for: 136 years, which any limit on waits refuses and no sum overflows.
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);

/// How long after `now` the platform wants the next request, or `None` if it does not say so legibly.
///
/// A date is measured from the response's own `Date` where that is legible, so that a clock that differs from the
/// platform's neither shortens nor lengthens the wait; else from `now`. A date in the past means no wait.
pub(crate) fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let texts = headers.get_all(RETRY_AFTER).iter().filter_map(|value| value.to_str().ok());
    texts
        .map(str::trim)
        .find_map(|text| seconds(text).or_else(|| Some(until(date(text)?, sent(headers).unwrap_or(now)))))
}

/// What a request cost of the platform's units (`X-Request-Cost`).
pub(crate) fn request_cost(headers: &HeaderMap) -> Option<f64> {
    number(headers, &HeaderName::from_static("x-request-cost"))
}

/// The platform's units left (`X-Rate-Limit-Remaining`): 0 or less says why a 403 is a throttling one (Canvas).
pub(crate) fn rate_limit_remaining(headers: &HeaderMap) -> Option<f64> {
    number(headers, &HeaderName::from_static("x-rate-limit-remaining"))
}

fn seconds(text: &str) -> Option<Duration> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // The digits may be more than an integer holds.
    Some(text.parse().map_or(FOREVER, Duration::from_secs).min(FOREVER))
}

/// An HTTP-date in any of its three forms (RFC 9110 §5.6.7).
fn date(text: &str) -> Option<Timestamp> {
    let since_epoch = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(Timestamp::UNIX_EPOCH.saturating_add(since_epoch).unwrap_or(Timestamp::MAX))
}

/// When the platform sent the response, by its own clock.
fn sent(headers: &HeaderMap) -> Option<Timestamp> {
    date(headers.get(DATE)?.to_str().ok()?.trim())
}

fn until(then: Timestamp, now: Timestamp) -> Duration {
    now.duration_until(then).try_into().unwrap_or(Duration::ZERO).min(FOREVER)
}

fn number(headers: &HeaderMap, name: &HeaderName) -> Option<f64> {
    let number: f64 = headers.get(name)?.to_str().ok()?.trim().parse().ok()?;
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn now() -> Timestamp {
        "2026-03-02T09:00:00Z".parse().unwrap()
    }

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value.as_bytes()).unwrap())
        };
        fields.iter().map(field).collect()
    }

    fn wait(text: &str) -> Option<Duration> {
        retry_after(&headers(&[("retry-after", text)]), now())
    }

    const FIVE: Option<Duration> = Some(Duration::from_secs(5));

    #[test]
    fn seconds_and_the_three_date_forms_are_read() {
        // AGS-HTTP-04
        for text in [
            "5",
            " 5",
            "05",
            "Mon, 02 Mar 2026 09:00:05 GMT",
            "Monday, 02-Mar-26 09:00:05 GMT",
            "Mon Mar  2 09:00:05 2026",
        ] {
            assert_eq!(wait(text), FIVE, "{text}");
        }
        assert_eq!(wait("0"), Some(Duration::ZERO));
    }

    #[test]
    fn a_date_in_the_past_is_no_wait() {
        assert_eq!(wait("Mon, 02 Mar 2026 08:59:59 GMT"), Some(Duration::ZERO)); // AGS-HTTP-04
        assert_eq!(wait("Thu, 01 Jan 1970 00:00:00 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn what_is_neither_is_ignored() {
        // AGS-HTTP-04
        for text in ["", "-3", "+3", "soon", "5s", "1.5", "5, 6", "Mon, 02 Mar 2026 09:00:05 CET", "９"] {
            assert_eq!(wait(text), None, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now()), None);
        assert_eq!(retry_after(&headers(&[("retry-after", "soon"), ("retry-after", "5")]), now()), FIVE);
    }

    #[test]
    fn a_wait_too_long_to_count_is_a_very_long_one() {
        for text in ["4294967295", "18446744073709551615", "18446744073709551616", &"9".repeat(5_000)] {
            assert_eq!(wait(text), Some(FOREVER), "{text}");
        }
        assert_eq!(wait("Fri, 31 Dec 9999 23:59:59 GMT"), Some(FOREVER));
    }

    #[test]
    fn a_date_is_measured_by_the_clock_of_the_platform() {
        let date = ("retry-after", "Mon, 02 Mar 2026 10:00:05 GMT");
        assert_eq!(retry_after(&headers(&[date, ("date", "Mon, 02 Mar 2026 10:00:00 GMT")]), now()), FIVE);
        let hour = Some(Duration::from_secs(3_605));
        assert_eq!(retry_after(&headers(&[date, ("date", "today")]), now()), hour);
        let seconds = headers(&[("retry-after", "5"), ("date", "Mon, 02 Mar 2020 10:00:00 GMT")]);
        assert_eq!(retry_after(&seconds, now()), FIVE);
    }

    #[test]
    fn limits_are_finite_numbers() {
        let limits = |remaining| headers(&[("x-rate-limit-remaining", remaining)]);
        assert_eq!(rate_limit_remaining(&limits("599.2")), Some(599.2)); // Canvas
        assert_eq!(rate_limit_remaining(&limits("49990")), Some(49_990.0)); // Brightspace
        assert_eq!(rate_limit_remaining(&limits("0.0")), Some(0.0));
        for text in ["", "NaN", "inf", "-infinity", "1e999", "many", "1,5"] {
            assert_eq!(rate_limit_remaining(&limits(text)), None, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_field_is_read_without_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..40),
            date in "(Mon|Tue|Sunday|Friday),? [0-3][0-9][ -](Jan|Feb|Dec)[ -]([0-9]{2}|[0-9]{4}|9999) [0-9]{2}:[0-5][0-9]:[0-9]{2} GMT",
        ) {
            wait(&date);
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let fields = [(RETRY_AFTER, value.clone()), (DATE, value)].into_iter().collect();
                retry_after(&fields, now());
            }
        }
    }
}
