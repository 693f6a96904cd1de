//! What a launch says that grading needs: the claims of LTI Core 1.3 beside the AGS endpoint (AGS 3.1, Core 5.3, 5.4).

use serde_json::Value;

use crate::{Endpoint, Error, words};

/// The claim that holds the AGS endpoint.
pub(crate) const ENDPOINT: &str = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint";

const MESSAGE_TYPE: &str = "https://purl.imsglobal.org/spec/lti/claim/message_type";
const DEPLOYMENT_ID: &str = "https://purl.imsglobal.org/spec/lti/claim/deployment_id";
const RESOURCE_LINK: &str = "https://purl.imsglobal.org/spec/lti/claim/resource_link";
const CONTEXT: &str = "https://purl.imsglobal.org/spec/lti/claim/context";
const CUSTOM: &str = "https://purl.imsglobal.org/spec/lti/claim/custom";
const FOR_USER: &str = "https://purl.imsglobal.org/spec/lti/claim/for_user";
const LAUNCH_PRESENTATION: &str = "https://purl.imsglobal.org/spec/lti/claim/launch_presentation";

/// The **verified** claims of a launch, read for what grading needs.
///
/// Give it the claims of an `id_token` whose signature, issuer, audience, expiry and nonce your launch layer has
/// checked. There is no function here that takes a JWT.
///
/// ```
/// use lti_ags::Launch;
///
/// let launch = Launch::from_json(r#"{
///     "iss": "https://lms.example", "aud": ["tool-7f3a"], "sub": "u-1001",
///     "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint": {
///         "scope": ["https://purl.imsglobal.org/spec/lti-ags/scope/score"],
///         "lineitem": "https://lms.example/lineitems/9"
///     }
/// }"#)?;
/// assert_eq!(launch.user_id(), Some("u-1001"));
/// assert_eq!(launch.client_id(None)?, "tool-7f3a");
/// assert!(launch.endpoint()?.line_item().is_ok());
/// # Ok::<(), lti_ags::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Launch {
    claims: Value,
}

impl Launch {
    /// Reads verified claims.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where they are no JSON object.
    pub fn from_claims(claims: Value) -> Result<Self, Error> {
        if claims.is_object() {
            Ok(Self { claims })
        } else {
            Err(Error::input("the claims of a launch are a JSON object"))
        }
    }

    /// Reads verified claims from JSON text: the decoded payload of the `id_token`, never the token itself.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where the text is no JSON object.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        let claims = serde_json::from_str(text)
            .map_err(|error| Error::input("the claims of a launch are not JSON").because(error))?;
        Self::from_claims(claims)
    }

    /// The services that the launch offers.
    ///
    /// # Errors
    ///
    /// As [`Endpoint::from_claims`].
    pub fn endpoint(&self) -> Result<Endpoint, Error> {
        Endpoint::from_claims(&self.claims)
    }

    /// The platform (`iss`).
    pub fn issuer(&self) -> Option<&str> {
        self.text("iss")
    }

    /// The user who launched (`sub`): the only identifier to send as a score's user. `None` in an anonymous launch.
    pub fn user_id(&self) -> Option<&str> {
        self.text("sub")
    }

    /// The tool's client id: the one given, which must be among the audiences, else the launch's authorised party or
    /// its only audience.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where the launch is for another tool, or for several
    /// audiences without saying which one is the tool.
    pub fn client_id<'a>(&'a self, configured: Option<&'a str>) -> Result<&'a str, Error> {
        let audiences: Vec<_> = match self.claims.get("aud") {
            Some(Value::String(audience)) => vec![&**audience],
            Some(Value::Array(audiences)) => audiences.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        let party = self.text("azp");
        let client_id = match (configured, party, &*audiences) {
            (Some(client_id), ..) | (None, Some(client_id), _) | (None, None, &[client_id]) => client_id,
            (None, None, []) => return Err(Error::input("the launch names no audience")),
            (None, None, _) => {
                return Err(Error::input(
                    "the launch names several audiences and no authorised party; name the client id",
                ));
            }
        };
        if !audiences.contains(&client_id) || party.is_some_and(|party| party != client_id) {
            let client_id = words::tidy(client_id, &[]).unwrap_or_default();
            return Err(Error::input(format!("the launch is not for the client id {client_id}")));
        }
        Ok(client_id)
    }

    /// The deployment. Ids of contexts, resource links and users are unique only inside it (Core 3.1.3).
    pub fn deployment_id(&self) -> Option<&str> {
        self.text(DEPLOYMENT_ID)
    }

    /// The kind of launch, such as `LtiResourceLinkRequest` or `LtiSubmissionReviewRequest`.
    pub fn message_type(&self) -> Option<&str> {
        self.text(MESSAGE_TYPE)
    }

    /// The course, as a rule.
    pub fn context_id(&self) -> Option<&str> {
        self.member(CONTEXT, "id")
    }

    /// The resource link: the value both of a line item's `resourceLinkId` and of the filter by it (AGS 3.2.9).
    pub fn resource_link_id(&self) -> Option<&str> {
        self.member(RESOURCE_LINK, "id")
    }

    /// A custom parameter; `None` where the platform left it blank or did not resolve it (`$LineItem.url`).
    pub fn custom(&self, name: &str) -> Option<&str> {
        self.member(CUSTOM, name).and_then(resolved)
    }

    /// In a submission review: the user whose work is reviewed, where [`user_id`](Self::user_id) is who looks at it.
    pub fn for_user_id(&self) -> Option<&str> {
        self.member(FOR_USER, "user_id")
    }

    /// Where to send the user when the work is done.
    pub fn return_url(&self) -> Option<&str> {
        self.member(LAUNCH_PRESENTATION, "return_url")
    }

    fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim)?.as_str().filter(|text| !text.trim().is_empty())
    }

    fn member(&self, claim: &str, member: &str) -> Option<&str> {
        self.claims.get(claim)?.get(member)?.as_str().filter(|text| !text.trim().is_empty())
    }
}

/// A value that is there: neither blank nor a variable that the platform left unresolved (Core B).
pub(crate) fn resolved(value: &str) -> Option<&str> {
    Some(value.trim()).filter(|value| !value.is_empty() && !value.starts_with('$'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_id_is_shown_on_one_line() {
        let launch =
            Launch::from_claims(serde_json::json!({"aud": "tool-7f3a", "azp": "\u{1b}[31mx\ny"})).unwrap();
        let error = launch.client_id(None).unwrap_err();
        assert_eq!(error.to_string(), "the launch is not for the client id x y");
    }
}
