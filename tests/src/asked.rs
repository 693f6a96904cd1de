//! A request as a platform looks at it, and the parameters it came with.

use http::header::HeaderName;
use jiff::Timestamp;

use crate::cause::Cause;
use crate::ledger::Service;
use crate::media;
use crate::violation::Verdict;

/// A request and where it arrived.
pub(crate) struct Asked<'a> {
    pub(crate) now: Timestamp,
    /// Scheme, host and port of the platform.
    pub(crate) base: &'a str,
    /// Path and query of the container of line items.
    pub(crate) container: &'a str,
    pub(crate) service: Service,
    pub(crate) request: &'a http::Request<Vec<u8>>,
}

impl Asked<'_> {
    pub(crate) fn header(&self, name: &HeaderName) -> String {
        media::field(self.request, name)
    }

    /// The target in origin form.
    pub(crate) fn target(&self) -> &str {
        self.request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str)
    }

    pub(crate) fn path(&self) -> &str {
        self.request.uri().path()
    }

    /// A whole URL of this platform.
    pub(crate) fn url(&self, target: &str) -> String {
        format!("{}{target}", self.base)
    }

    /// The first value of a query parameter.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let query = self.request.uri().query().unwrap_or_default();
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(given, _)| given == name).map(|(_, value)| value.into_owned())
    }
}

/// The standard parameters of a list (AGS 3.2.4, 3.3.6).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filters {
    pub(crate) resource_link_id: Option<String>,
    pub(crate) resource_id: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) user_id: Option<String>,
    pub(crate) limit: Option<u64>,
}

impl Filters {
    /// Reads the parameters a request adds to the query of the service's own URL, which it has to keep. `names` are
    /// those the service knows.
    pub(crate) fn judge(
        own: Option<&str>,
        request: &http::Request<Vec<u8>>,
        names: &[&str],
        verdict: &mut Verdict,
    ) -> Self {
        let query = request.uri().query().unwrap_or_default();
        let mut added: Vec<&str> = query.split('&').filter(|part| !part.is_empty()).collect();
        for part in own.into_iter().flat_map(|own| own.split('&')) {
            // Moodle 4.5 hands out URLs with `&amp;` in them: to follow them is no fault.
            let is_part = |given: &&str| given.strip_prefix("amp;").unwrap_or(given) == part;
            match added.iter().position(is_part) {
                Some(at) => drop(added.remove(at)),
                None if names.contains(&name_of(part)) => {}
                None => {
                    verdict.reject(
                        Cause::OwnQuery,
                        "AGS-URL-04",
                        "the service URL's own query is not kept as it is",
                    );
                    break;
                }
            }
        }
        let added = added.join("&");
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(added.as_bytes()).into_owned().collect();
        for name in ["resourceLinkId", "resourceId", "userId"] {
            if pairs.iter().any(|pair| pair.0 == name) {
                verdict.fault("AGS-LIST-03", format!("the parameter {name} is not written in snake_case"));
            }
        }
        let mut value = |name: &str| {
            let mut values = pairs.iter().filter(|pair| pair.0 == name).map(|pair| pair.1.clone());
            let value = values.next()?;
            if values.next().is_some() {
                verdict.reject(Cause::Filter, "AGS-LIST-03", format!("the parameter {name} is given twice"));
            }
            if !names.contains(&name) {
                verdict.fault("AGS-LIST-03", format!("{name} is no parameter of this service"));
                return None;
            }
            if value.is_empty() {
                verdict.fault("AGS-LIST-03", format!("the parameter {name} is sent without a value"));
                return None;
            }
            Some(value)
        };
        let mut filters = Self {
            resource_link_id: value("resource_link_id"),
            resource_id: value("resource_id"),
            tag: value("tag"),
            user_id: value("user_id"),
            limit: None,
        };
        if let Some(limit) = value("limit") {
            filters.limit = limit.parse().ok().filter(|limit| *limit > 0);
            if filters.limit.is_none() {
                verdict.reject(Cause::Filter, "AGS-LIST-06", "limit is not a whole number greater than 0");
            }
        }
        filters
    }
}

fn name_of(part: &str) -> &str {
    part.split('=').next().unwrap_or(part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::personality::Personality;

    const NAMES: [&str; 4] = ["resource_link_id", "resource_id", "tag", "limit"];

    fn judge(own: Option<&str>, query: &str) -> (Filters, Vec<&'static str>) {
        let request = http::Request::get(format!("/li?{query}")).body(Vec::new()).unwrap();
        let mut verdict = Verdict::new(Personality::Spec.manner(), Service::LineItems);
        let filters = Filters::judge(own, &request, &NAMES, &mut verdict);
        (filters, verdict.broken.into_iter().map(|broken| broken.0).collect())
    }

    #[test]
    fn parameters_are_decoded_and_the_own_query_is_no_parameter() {
        // AGS-LIST-03, AGS-LIST-04
        let (filters, rules) = judge(
            Some("type_id=1"),
            "type_id=1&resource_link_id=rl%2F7%20a%26b&resource_id=quiz-9&tag=grade%2Blate&limit=25",
        );
        assert_eq!(filters.resource_link_id.as_deref(), Some("rl/7 a&b"));
        assert_eq!((filters.tag.as_deref(), filters.limit), (Some("grade+late"), Some(25)));
        assert_eq!(rules, [""; 0]);
    }

    #[test]
    fn slips_with_parameters_are_named() {
        assert_eq!(judge(Some("type_id=1"), "tag=a").1, ["AGS-URL-04"]);
        assert_eq!(judge(None, "tag=a&tag=b").1, ["AGS-LIST-03"]);
        assert_eq!(judge(None, "tag=").1, ["AGS-LIST-03"]);
        assert_eq!(judge(None, "resourceId=a").1, ["AGS-LIST-03"]);
        assert_eq!(judge(None, "user_id=a").1, ["AGS-LIST-03"]);
        assert_eq!(judge(None, "limit=0").1, ["AGS-LIST-06"]);
        // AGS-URL-05: a parameter of the service URL's own may be set anew.
        assert_eq!(judge(Some("limit=50&x=1"), "x=1&limit=10").1, [""; 0]);
    }
}
