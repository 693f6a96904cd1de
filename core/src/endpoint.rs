//! Where the services of one context are, and what the launch allows there: the AGS claim (AGS 3.1).

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::claims;
use crate::url::Origin;
use crate::{Error, ErrorKind, Scope, Scopes, ServiceUrl};

/// The services that a launch offers: the container of line items, the launch's own line item, the scopes.
///
/// It holds no secret and serialises, so that it can be stored at launch and used weeks later. Keep the newest one
/// of each resource link: platforms may change their URLs between launches.
///
/// ```
/// use lti_ags::Endpoint;
///
/// let claims = serde_json::json!({
///     "sub": "u-1001",
///     "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint": {
///         "scope": ["https://purl.imsglobal.org/spec/lti-ags/scope/score"],
///         "lineitem": "https://lms.example/lineitems/9",
///     },
/// });
/// let endpoint = Endpoint::from_claims(&claims)?;
/// assert_eq!(endpoint.line_item()?.as_str(), "https://lms.example/lineitems/9");
///
/// let stored = serde_json::to_string(&endpoint)?;
/// assert_eq!(serde_json::from_str::<Endpoint>(&stored)?, endpoint);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Cloning is cheap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Endpoint(Arc<Inner>);

#[derive(Debug, PartialEq, Eq)]
struct Inner {
    issuer: Option<Box<str>>,
    line_items: Option<ServiceUrl>,
    line_item: Option<ServiceUrl>,
    scopes: Scopes,
    /// Those of the scopes that a token is asked for: a claim may name others.
    ags_scopes: Scopes,
    origins: Vec<Origin>,
}

/// The form in which an endpoint is stored. A later version adds members, or counts up.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    version: u32,
    #[serde(rename = "iss", default, skip_serializing_if = "Option::is_none")]
    issuer: Option<Box<str>>,
    scope: Scopes,
    #[serde(rename = "lineitems", default, skip_serializing_if = "Option::is_none")]
    line_items: Option<ServiceUrl>,
    #[serde(rename = "lineitem", default, skip_serializing_if = "Option::is_none")]
    line_item: Option<ServiceUrl>,
}

const VERSION: u32 = 1;

impl Endpoint {
    /// The endpoint in the **verified** claims of a launch: of an `id_token` whose signature, issuer, audience, expiry
    /// and nonce have been checked (AGS 3.1). Verification belongs to the launch; nothing here takes a JWT.
    ///
    /// Every member of the claim is optional; blank, `null` and unresolved (`$LineItem.url`) URLs mean absent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ServiceNotAvailable`] where the claims hold no AGS claim; [`ErrorKind::InvalidInput`] where it is
    /// no object, or a URL in it is none.
    pub fn from_claims(claims: &Value) -> Result<Self, Error> {
        let claim = claims.get(claims::ENDPOINT).filter(|claim| !claim.is_null()).ok_or_else(|| {
            Error::new(
                ErrorKind::ServiceNotAvailable,
                "the launch offers no Assignment and Grade Services: its claims hold no AGS endpoint; \
                 ask the administrator to allow the tool to use the gradebook",
            )
            .section("AGS 3.1")
        })?;
        let Some(claim) = claim.as_object() else {
            return Err(Error::input("the AGS claim of the launch is not an object").section("AGS 3.1"));
        };
        let url = |member: &str| {
            let text = claim.get(member).and_then(Value::as_str);
            text.and_then(claims::resolved).map(str::parse).transpose().map_err(|error: Error| {
                Error::input(format!("the member {member} of the launch's AGS claim is not a URL"))
                    .because(error)
            })
        };
        let scopes = match claim.get("scope") {
            Some(Value::Array(scopes)) => scopes.iter().filter_map(Value::as_str).map(Scope::from).collect(),
            Some(Value::String(scopes)) => Scopes::parse(scopes),
            _ => Scopes::from_iter([]),
        };
        let issuer = claims.get("iss").and_then(Value::as_str).map(Into::into);
        Ok(Self::assemble(issuer, scopes, url("lineitems")?, url("lineitem")?))
    }

    /// An endpoint with these scopes and no URL yet; see [`with_line_items`](Self::with_line_items) and
    /// [`with_line_item`](Self::with_line_item).
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self::assemble(None, scopes.into_iter().collect(), None, None)
    }

    /// An endpoint for one line item whose URL was stored, with all AGS scopes.
    pub fn for_line_item<U>(line_item: U) -> Result<Self, Error>
    where
        U: TryInto<ServiceUrl>,
        Error: From<U::Error>,
    {
        Self::new(Scope::AGS).with_line_item(line_item)
    }

    /// Sets the URL of the container of line items.
    pub fn with_line_items<U>(self, url: U) -> Result<Self, Error>
    where
        U: TryInto<ServiceUrl>,
        Error: From<U::Error>,
    {
        Ok(Self::assemble(
            self.0.issuer.clone(),
            self.0.scopes.clone(),
            Some(url.try_into()?),
            self.0.line_item.clone(),
        ))
    }

    /// Sets the URL of the launch's own line item.
    pub fn with_line_item<U>(self, url: U) -> Result<Self, Error>
    where
        U: TryInto<ServiceUrl>,
        Error: From<U::Error>,
    {
        Ok(Self::assemble(
            self.0.issuer.clone(),
            self.0.scopes.clone(),
            self.0.line_items.clone(),
            Some(url.try_into()?),
        ))
    }

    fn assemble(
        issuer: Option<Box<str>>,
        scopes: Scopes,
        line_items: Option<ServiceUrl>,
        line_item: Option<ServiceUrl>,
    ) -> Self {
        let mut origins: Vec<_> =
            line_items.iter().chain(&line_item).map(|url| url.origin().clone()).collect();
        origins.dedup();
        let ags_scopes = scopes.iter().filter(|scope| scope.is_ags()).cloned().collect();
        Self(Arc::new(Inner { issuer, line_items, line_item, scopes, ags_scopes, origins }))
    }

    /// The platform that the launch came from (`iss`). A session whose registration names another one refuses it.
    pub fn issuer(&self) -> Option<&str> {
        self.0.issuer.as_deref()
    }

    /// What the launch allows.
    pub fn scopes(&self) -> &Scopes {
        &self.0.scopes
    }

    /// The URL of the container of line items.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ServiceNotAvailable`] where the launch gave none.
    pub fn line_items(&self) -> Result<&ServiceUrl, Error> {
        self.0.line_items.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::ServiceNotAvailable,
                "the launch offers no container of line items; line items cannot be listed or created",
            )
            .section("AGS 3.1")
        })
    }

    /// The URL of the launch's own line item.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ServiceNotAvailable`] where the launch gave none: it belongs to no line item, or to several.
    pub fn line_item(&self) -> Result<&ServiceUrl, Error> {
        self.0.line_item.as_ref().ok_or_else(|| {
            Error::new(
                ErrorKind::ServiceNotAvailable,
                "the launch belongs to no line item, or to several; name the one to use",
            )
            .section("AGS 3.1")
        })
    }

    pub(crate) fn ags_scopes(&self) -> &Scopes {
        &self.0.ags_scopes
    }

    /// The origins of its URLs: where a token may go.
    pub(crate) fn origins(&self) -> &[Origin] {
        &self.0.origins
    }
}

impl From<Endpoint> for Stored {
    fn from(endpoint: Endpoint) -> Self {
        let Inner { issuer, line_items, line_item, scopes, .. } = &*endpoint.0;
        Self {
            version: VERSION,
            issuer: issuer.clone(),
            scope: scopes.clone(),
            line_items: line_items.clone(),
            line_item: line_item.clone(),
        }
    }
}

impl TryFrom<Stored> for Endpoint {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        match stored.version {
            VERSION => Ok(Self::assemble(stored.issuer, stored.scope, stored.line_items, stored.line_item)),
            other => Err(format!("an endpoint of version {other} was stored by a later release")),
        }
    }
}
