//! Which platform it is, by the URLs that it gives and the members that it adds.

use std::fmt;

use lti_ags_ureq::{Endpoint, Extensions, Registration};

/// A platform that is known by its ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recognised {
    Canvas,
    Moodle,
    OpenEdx,
    Sakai,
    Blackboard,
    Brightspace,
    Schoology,
    Ilias,
    OpenOlat,
}

/// What stands in whose URLs, behind the host.
const PATHS: [(&str, Recognised); 12] = [
    ("/login/oauth2/token", Recognised::Canvas),
    ("/api/lti/courses/", Recognised::Canvas),
    ("/mod/lti/", Recognised::Moodle),
    ("/api/lti_consumer/", Recognised::OpenEdx),
    ("/imsblis/lti13/", Recognised::Sakai),
    ("/learn/api/v1/lti/", Recognised::Blackboard),
    ("/api/v1/gateway/oauth2/jwttoken", Recognised::Blackboard),
    ("/d2l/api/lti/", Recognised::Brightspace),
    ("/lti-service/", Recognised::Schoology),
    ("/ltiservices.php", Recognised::Ilias),
    ("/ltitoken.php", Recognised::Ilias),
    ("/olat/", Recognised::OpenOlat),
];

/// Whose hosts are called so.
const HOSTS: [(&str, Recognised); 5] = [
    ("instructure.com", Recognised::Canvas),
    ("blackboard.com", Recognised::Blackboard),
    ("brightspace.com", Recognised::Brightspace),
    ("desire2learn.com", Recognised::Brightspace),
    ("schoology.com", Recognised::Schoology),
];

/// Who adds these members to line items.
const MEMBERS: [(&str, Recognised); 3] = [
    ("ltiLinkId", Recognised::Moodle),
    ("https://canvas.instructure.com/lti/submission_type", Recognised::Canvas),
    ("https://canvas.instructure.com/lti/launch_url", Recognised::Canvas),
];

impl Recognised {
    /// By its URLs.
    pub(crate) fn by_urls(registration: &Registration, endpoint: &Endpoint) -> Option<Self> {
        let mut urls = vec![registration.token_endpoint()];
        urls.extend(endpoint.line_items().ok());
        urls.extend(endpoint.line_item().ok());
        let is_of = |name: &str, host: &str| host == name || host.ends_with(&format!(".{name}"));
        let by_path = urls.iter().find_map(|url| find(&PATHS, |path| url.as_str().contains(path)));
        let by_host = || urls.iter().find_map(|url| find(&HOSTS, |name| is_of(name, url.origin().host())));
        by_path.or_else(by_host)
    }

    /// By what it adds to a line item.
    pub(crate) fn by_members(members: &Extensions) -> Option<Self> {
        find(&MEMBERS, |name| members.get(name).is_some())
    }

    /// Whether it lets no tool delete a line item, so that one which is made to try would stay.
    pub(crate) fn keeps_line_items(self) -> bool {
        matches!(self, Self::OpenEdx | Self::OpenOlat)
    }

    /// What to look at there when no token is given.
    pub(crate) fn where_tokens_fail(self) -> Option<&'static str> {
        Some(match self {
            Self::Canvas => {
                "On Canvas, the developer key must be ON and hold this key id in its public JWK or at its JWK URL, and \
                 the audience must be the token URL of the host that is asked."
            }
            Self::Moodle => {
                "In Moodle, the external tool's settings hold the keyset URL or the RSA key, and show the client id; \
                 this machine's clock must not be ahead of Moodle's."
            }
            Self::OpenEdx => {
                "Open edX knows the tool by the token endpoint alone, and looks at neither client id, key id nor audience: \
                 the block's settings must hold this key, as Tool Public Key or at the Tool Keyset URL. It takes RS256 and \
                 RS512 alone, and both clocks must agree."
            }
            Self::Sakai => "In Sakai, the tool's settings for LTI 1.3 hold the keyset URL.",
            Self::Blackboard => {
                "For Blackboard, client id (application id) and keyset URL are those of the application on \
                 developer.blackboard.com, and the token endpoint is the one there."
            }
            Self::Brightspace => {
                "For Brightspace, the audience is the one shown with the registration, most often \
                 https://api.brightspace.com/auth/token, and the key comes from the keyset URL alone."
            }
            Self::Ilias => "In ILIAS, the consumer's settings hold the tool's public key or its keyset URL.",
            Self::Schoology | Self::OpenOlat => return None,
        })
    }

    /// Where an administrator allows scopes.
    pub(crate) fn where_scopes_are_allowed(self) -> Option<&'static str> {
        Some(match self {
            Self::Canvas => "in the developer key, under LTI Advantage Services",
            Self::Moodle => {
                "in the external tool's settings, under Services: \"Use this service for grade sync and column \
                 management\""
            }
            Self::OpenEdx => {
                "in the block's settings, as Assignment and Grades (Declarative: scores alone; Programmatic: line items, too)"
            }
            Self::Sakai => "in the tool's settings, as the services that the tool may use",
            Self::Blackboard => "in the LTI tool provider's settings, as Grade Service Access",
            Self::Brightspace => "in the tool's registration, as Assignment and Grade Services",
            Self::Schoology | Self::Ilias | Self::OpenOlat => return None,
        })
    }
}

fn find(table: &[(&str, Recognised)], is_there: impl Fn(&str) -> bool) -> Option<Recognised> {
    table.iter().find(|(sign, _)| is_there(sign)).map(|(_, platform)| *platform)
}

impl fmt::Display for Recognised {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Canvas => "Canvas",
            Self::Moodle => "Moodle",
            Self::OpenEdx => "Open edX",
            Self::Sakai => "Sakai",
            Self::Blackboard => "Blackboard Learn",
            Self::Brightspace => "D2L Brightspace",
            Self::Schoology => "Schoology",
            Self::Ilias => "ILIAS",
            Self::OpenOlat => "OpenOLAT",
        })
    }
}

#[cfg(test)]
mod tests {
    use lti_ags_ureq::{Scope, Signer, SigningKey};

    use super::*;

    struct Nobody;

    impl Signer for Nobody {
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
            Ok(Vec::new())
        }
    }

    #[test]
    fn platforms_are_recognised_by_path_and_by_host() {
        for (token_endpoint, expected) in [
            ("https://school.instructure.com/login/oauth2/token", Some(Recognised::Canvas)),
            ("https://m.example/moodle/mod/lti/token.php", Some(Recognised::Moodle)),
            ("https://auth.brightspace.com/core/connect/token", Some(Recognised::Brightspace)),
            ("https://notbrightspace.com/core/connect/token", None),
            ("https://lms.example/token", None),
        ] {
            let key = SigningKey::external(lti_ags_ureq::Algorithm::Rs256, "k", Nobody);
            let registration = Registration::new("tool", token_endpoint, key).unwrap();
            let endpoint = Endpoint::new(Scope::AGS);
            assert_eq!(Recognised::by_urls(&registration, &endpoint), expected, "{token_endpoint}");
        }
    }
}
