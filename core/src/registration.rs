//! What tool and platform agreed on when the tool was registered (Core 3.1.3; Security Framework 4.1.1).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::key::SigningKey;
use crate::{Error, ServiceUrl};

/// A tool's registration on a platform: who it is there, where tokens come from, which key proves it.
///
/// ```
/// # fn key() -> lti_ags::SigningKey { lti_ags::SigningKey::external(lti_ags::Algorithm::Rs256, "k", Nobody) }
/// # struct Nobody;
/// # impl lti_ags::Signer for Nobody {
/// #     fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> { Ok(vec![]) }
/// # }
/// use lti_ags::Registration;
///
/// let registration = Registration::new("tool-7f3a", "https://lms.example/token", key())?
///     .with_deployment_id("dep-42")
///     .with_audience("https://lms.example");
/// assert_eq!(registration.client_id(), "tool-7f3a");
/// # Ok::<(), lti_ags::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Registration {
    client_id: String,
    token_endpoint: ServiceUrl,
    key: SigningKey,
    audience: Audience,
    issuer: Option<String>,
    deployment_id: Option<String>,
    claims: Vec<(String, Value)>,
    sends_client_id: bool,
}

/// The audience of an assertion: whom it is for.
///
/// One string by default, since Brightspace fails on an array of two; Blackboard documents an array of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// Sent as a string.
    One(String),
    /// Sent as an array.
    Many(Vec<String>),
}

impl From<&str> for Audience {
    fn from(audience: &str) -> Self {
        Self::One(audience.to_owned())
    }
}

impl From<String> for Audience {
    fn from(audience: String) -> Self {
        Self::One(audience)
    }
}

impl From<Vec<String>> for Audience {
    fn from(audiences: Vec<String>) -> Self {
        Self::Many(audiences)
    }
}

impl Registration {
    /// A registration whose assertions are for the token endpoint, byte for byte as it is given here.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where the client id is blank, or the token endpoint
    /// is no absolute URL, or has a fragment (RFC 6749 §3.2).
    pub fn new(client_id: impl Into<String>, token_endpoint: &str, key: SigningKey) -> Result<Self, Error> {
        let client_id = client_id.into();
        if client_id.trim().is_empty() {
            return Err(Error::input("the client id is blank"));
        }
        if token_endpoint.contains('#') {
            return Err(Error::input("the token endpoint has a fragment").section("RFC 6749 §3.2"));
        }
        let url = token_endpoint.parse().map_err(|error: Error| {
            Error::input("the token endpoint is not an absolute URL").because(error).section("RFC 6749 §3.2")
        })?;
        Ok(Self {
            client_id,
            token_endpoint: url,
            key,
            audience: token_endpoint.into(),
            issuer: None,
            deployment_id: None,
            claims: Vec::new(),
            sends_client_id: false,
        })
    }

    /// Sets the audience of assertions, where the platform registered another one than its token endpoint.
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<Audience>) -> Self {
        self.audience = audience.into();
        self
    }

    /// Names the platform, as launches do (`iss`). It is not sent: an endpoint of another platform's launch is refused with
    /// [`ErrorKind::ForeignOrigin`](crate::ErrorKind::ForeignOrigin), so that a token cannot go there by a mix-up.
    #[must_use]
    pub fn with_issuer(mut self, issuer: impl Into<String>) -> Self {
        self.issuer = Some(issuer.into());
        self
    }

    /// Names the deployment, which assertions then carry (Core 6.2.1).
    #[must_use]
    pub fn with_deployment_id(mut self, deployment_id: impl Into<String>) -> Self {
        self.deployment_id = Some(deployment_id.into());
        self
    }

    /// Adds a claim to assertions.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a claim that the protocol itself sets.
    pub fn with_claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Result<Self, Error> {
        let name = name.into();
        if ["iss", "sub", "aud", "iat", "exp", "jti"].contains(&&*name)
            || name == crate::assertion::DEPLOYMENT_ID
        {
            return Err(Error::input(format!("the assertion's claim {name} is not free to choose")));
        }
        self.claims.retain(|(existing, _)| *existing != name);
        self.claims.push((name, value.into()));
        Ok(self)
    }

    /// Also sends the client id as a parameter of token requests (RFC 7521 §4.2), which few platforms read.
    #[must_use]
    pub fn with_client_id_parameter(mut self) -> Self {
        self.sends_client_id = true;
        self
    }

    /// The tool's id on the platform.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Where tokens come from.
    pub fn token_endpoint(&self) -> &ServiceUrl {
        &self.token_endpoint
    }

    /// Whom assertions are for.
    pub fn audience(&self) -> &Audience {
        &self.audience
    }

    /// The platform.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The deployment.
    pub fn deployment_id(&self) -> Option<&str> {
        self.deployment_id.as_deref()
    }

    /// The key that signs assertions.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    pub(crate) fn claims(&self) -> &[(String, Value)] {
        &self.claims
    }

    pub(crate) fn sends_client_id(&self) -> bool {
        self.sends_client_id
    }
}
