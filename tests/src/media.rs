//! Media types: one exact type per header, for each operation its own (AGS 3.2.1, 3.3.4, 3.4.3).

use http::header::{self, HeaderName};

use crate::cause::Cause;
use crate::violation::Verdict;

type Request = http::Request<Vec<u8>>;

/// A header field's values as one text, as servers see them.
pub(crate) fn field(request: &Request, name: &HeaderName) -> String {
    let values: Vec<_> =
        request.headers().get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    values.join(", ")
}

/// A media type without its parameters, in lower case.
pub(crate) fn essence(value: &str) -> String {
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

pub(crate) fn judge_content_type(request: &Request, wanted: &str, verdict: &mut Verdict) {
    if request.headers().get_all(header::CONTENT_TYPE).iter().count() > 1 {
        verdict.reject(Cause::TwoContentTypes, "AGS-MEDIA-02", "there is more than one Content-Type");
    }
    let given = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let given = given.unwrap_or_default();
    if given == wanted {
        return;
    }
    if essence(given) == wanted {
        verdict.advise("AGS-MEDIA-02", format!("the Content-Type is not the one bare {wanted}"));
    } else {
        verdict.reject(Cause::ContentType, "AGS-MEDIA-01", format!("the Content-Type is not {wanted}"));
    }
}

/// Judges the Accept header where an answer of type `wanted` is to come back.
pub(crate) fn judge_accept(request: &Request, wanted: &str, rule: &'static str, verdict: &mut Verdict) {
    let given = field(request, &header::ACCEPT);
    if given == wanted {
        return;
    }
    if given.is_empty() {
        return verdict.fault(rule, format!("there is no Accept header; it should be {wanted}"));
    }
    if given.split(',').any(|range| covers(&essence(range), wanted)) {
        // Moodle 4.5 and Open edX compare the header as one text.
        verdict.advise("AGS-MEDIA-02", format!("Accept is not the one bare {wanted}"));
    } else {
        verdict.reject(Cause::Accept, "AGS-MEDIA-01", format!("Accept does not allow {wanted}"));
    }
}

fn covers(range: &str, wanted: &str) -> bool {
    range == wanted || range == "*/*" || range == "application/*"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::Service;
    use crate::names::MEDIA_LINE_ITEMS;
    use crate::personality::Personality;

    fn judged(accept: Option<&str>) -> (Option<Cause>, Option<&'static str>) {
        let mut request = http::Request::get("/");
        if let Some(accept) = accept {
            request = request.header("Accept", accept);
        }
        let mut verdict = Verdict::new(Personality::Spec.manner(), Service::LineItems);
        judge_accept(&request.body(Vec::new()).unwrap(), MEDIA_LINE_ITEMS, "AGS-LIST-01", &mut verdict);
        (verdict.refusal.map(|refusal| refusal.cause), verdict.broken.first().map(|broken| broken.0))
    }

    #[test]
    fn accept_is_one_exact_type() {
        // AGS-MEDIA-01, AGS-MEDIA-02, AGS-LIST-01
        assert_eq!(judged(Some(MEDIA_LINE_ITEMS)), (None, None));
        assert_eq!(judged(None), (None, Some("AGS-LIST-01")));
        assert_eq!(judged(Some("*/*")), (None, Some("AGS-MEDIA-02")));
        assert_eq!(judged(Some("text/html, application/*;q=0.1")), (None, Some("AGS-MEDIA-02")));
        assert_eq!(judged(Some("application/json")), (Some(Cause::Accept), Some("AGS-MEDIA-01")));
    }
}
