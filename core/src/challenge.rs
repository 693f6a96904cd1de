//! The Bearer challenge in `WWW-Authenticate` fields (RFC 6750 §3, RFC 9110 §11.6.1): why a token was refused.

use http::HeaderMap;
use http::header::WWW_AUTHENTICATE;

use crate::scan::{Cursor, Value, is_space};

/// What a Bearer challenge says. All of it is the platform's text: tidy it before showing it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// `invalid_token`, `insufficient_scope`, `invalid_request`, or whatever the platform made up.
    pub(crate) error: Option<String>,
    /// An explanation for people.
    pub(crate) error_description: Option<String>,
    /// The scopes the request needed, separated by spaces.
    pub(crate) scope: Option<String>,
}

/// Finds the Bearer challenge among those of all fields: the first that names an error, else the first.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<Challenge> {
    let mut found: Option<Challenge> = None;
    for field in headers.get_all(WWW_AUTHENTICATE) {
        read_field(&mut Cursor::new(field.as_bytes()), |challenge| {
            if found.as_ref().is_none_or(|found| found.error.is_none() && challenge.error.is_some()) {
                found = Some(challenge);
            }
        });
    }
    found
}

/// Reads the challenges of one field and hands over those whose scheme is Bearer.
///
/// A comma separates challenges and their parameters alike. What tells them apart is that a parameter has an `=`;
/// a word without one begins a challenge if it comes first or after a comma, and means nothing elsewhere, as the
/// words of `Canvas OAuth 2.0` do.
fn read_field(cursor: &mut Cursor<'_>, mut found: impl FnMut(Challenge)) {
    let mut bearer: Option<Challenge> = None;
    let mut first = true;
    loop {
        let gap = cursor.take_until(|byte| !is_space(byte) && byte != b',');
        first |= gap.contains(&b',');
        let Some(next) = cursor.peek() else { break };
        let name = cursor.take_until(|byte| is_space(byte) || b"=,\"".contains(&byte));
        // Only after a word: in `Bearer = x` the scheme's name is a parameter's.
        cursor.skip_space();
        if cursor.eat(b'=') {
            cursor.skip_space();
            let value = cursor.value(b",");
            if let Some(challenge) = &mut bearer {
                challenge.set(name, value);
            }
        } else if next == b'"' {
            // A quoted string without a name.
            cursor.value(b",");
        } else if first {
            bearer.take().map(&mut found);
            bearer = name.eq_ignore_ascii_case(b"bearer").then(Challenge::default);
        }
        first = false;
    }
    bearer.map(found);
}

impl Challenge {
    /// Of a parameter given twice the first counts.
    fn set(&mut self, name: &[u8], value: Value<'_>) {
        let member = match name.to_ascii_lowercase().as_slice() {
            b"error" => &mut self.error,
            b"error_description" => &mut self.error_description,
            b"scope" => &mut self.scope,
            _ => return,
        };
        let text = value.text();
        if !text.is_empty() {
            member.get_or_insert_with(|| String::from_utf8_lossy(&text).into_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn bearer_of(fields: &[&str]) -> Option<Challenge> {
        let field = |text: &&str| (WWW_AUTHENTICATE, HeaderValue::from_bytes(text.as_bytes()).unwrap());
        bearer(&fields.iter().map(field).collect())
    }

    fn error_of(field: &str) -> Option<String> {
        bearer_of(&[field]).unwrap().error
    }

    #[test]
    fn the_bearer_challenge_is_found_among_others() {
        // AGS-HTTP-02
        assert_eq!(
            error_of(r#"Basic realm="x", Bearer realm="y", error="invalid_token""#).unwrap(),
            "invalid_token"
        );
        assert_eq!(
            error_of(r#"Bearer error="invalid_token", Basic realm="x", error="no""#).unwrap(),
            "invalid_token"
        );
        assert_eq!(error_of("Negotiate YWJj==, Bearer error=invalid_token").unwrap(), "invalid_token");
        let fields = [r#"Basic realm="a, Bearer error=\"no\"""#, "Bearer", "bearer error=invalid_token"];
        assert_eq!(bearer_of(&fields).unwrap().error.unwrap(), "invalid_token");
    }

    #[test]
    fn a_bare_bearer_has_no_error() {
        assert_eq!(bearer_of(&["Bearer"]), Some(Challenge::default())); // AGS-HTTP-02
        assert_eq!(bearer_of(&["BEARER realm=\"x\", error=\"\""]), Some(Challenge::default()));
    }

    #[test]
    fn what_is_no_bearer_challenge_is_none() {
        // Canvas: the words of the token endpoint's own scheme.
        for field in [
            "",
            ",",
            "Canvas OAuth 2.0",
            "Basic realm=Bearer",
            "Basic Bearer error=x",
            "Bearer=x",
            "error=x",
            "\"",
        ] {
            assert_eq!(bearer_of(&[field]), None, "{field}");
        }
        let canvas = ["Canvas OAuth 2.0", "Bearer error=\"invalid_token\""];
        assert_eq!(bearer_of(&canvas).unwrap().error.unwrap(), "invalid_token");
        assert_eq!(error_of("Canvas OAuth 2.0, Bearer error=invalid_token").unwrap(), "invalid_token");
    }

    #[test]
    fn all_three_members_are_read() {
        // AGS-HTTP-03, example 14
        let scope = "https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly";
        let field = format!(
            r#"Bearer Error = "insufficient_scope",ERROR_DESCRIPTION="a \"b\", c" , scope="{scope} x""#
        );
        let expected = Challenge {
            error: Some("insufficient_scope".into()),
            error_description: Some("a \"b\", c".into()),
            scope: Some(format!("{scope} x")),
        };
        assert_eq!(bearer_of(&[&field]), Some(expected));
        let spaced = format!("Bearer realm=\"ags\" error=insufficient_scope scope={scope}");
        assert_eq!(bearer_of(&[&spaced]).unwrap().scope.unwrap(), scope);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn a_challenge_reads_back_among_others(
            before in prop::sample::select(vec!["", "Basic realm=\"a, b\",", "Canvas OAuth 2.0, ", "Negotiate ab==,,", "Digest a=b, c = \"d\" ,"]),
            scheme in prop::sample::select(vec!["Bearer", "bearer", "BEARER"]),
            error in "[a-z_]{1,12}",
            description in "[ -~]{1,20}",
            after in prop::sample::select(vec!["", ",", ", Basic realm=x, error=no", ", Custom"]),
        ) {
            let quoted = description.replace('\\', "\\\\").replace('"', "\\\"");
            let field = format!("{before}{scheme} error={error} , error_description=\"{quoted}\"{after}");
            let challenge = bearer_of(&[&field]).unwrap();
            prop_assert_eq!(challenge.error, Some(error));
            prop_assert_eq!(challenge.error_description, Some(description));
        }

        #[test]
        fn any_bytes_are_read_without_panic(
            bytes in prop::collection::vec(any::<u8>(), 0..60),
            pieces in prop::collection::vec(prop::sample::select(vec!["Bearer", " ", ",", "=", "\"", "\\", "error", "x"]), 0..12),
        ) {
            if let Ok(value) = HeaderValue::from_bytes(&[pieces.concat().as_bytes(), &bytes].concat()) {
                bearer(&[(WWW_AUTHENTICATE, value)].into_iter().collect());
            }
        }
    }
}
