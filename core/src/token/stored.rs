//! A token outside of its session: in a store that processes share, or in a job's payload.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use http::HeaderValue;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use crate::registration::Registration;
use crate::secrecy::Secret;
use crate::token::{Grant, Lease};
use crate::{Error, Scopes, Session};

/// A token that was taken out of a session, to be put into another one: of another process, or of a later run.
///
/// It knows whom it was given to. A session of another registration does not take it, nor one that has seen it refused.
/// `Debug` does not show the token; [`to_json`](Self::to_json) does, since that is what it is for.
///
/// ```
/// # fn key() -> lti_ags::SigningKey { lti_ags::SigningKey::external(lti_ags::Algorithm::Rs256, "k", Nobody) }
/// # struct Nobody;
/// # impl lti_ags::Signer for Nobody {
/// #     fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> { Ok(vec![]) }
/// # }
/// # fn now() -> lti_ags::Timestamp { "2026-03-02T09:00:00Z".parse().unwrap() }
/// use lti_ags::{Registration, Seed, Session, StoredToken};
///
/// # let mut ours = Session::new(Registration::new("tool", "https://lms.example/token", key())?, Seed::new(1));
/// # let mut theirs = Session::new(Registration::new("tool", "https://lms.example/token", key())?, Seed::new(2));
/// let rows: Vec<(String, String)> = ours.tokens(now()).iter().map(|token| (token.key(), token.to_json())).collect();
/// for (_, json) in &rows {
///     theirs.insert_token(&StoredToken::from_json(json)?, now())?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredToken {
    holder: Holder,
    asked: Scopes,
    grant: Grant,
    expires: Timestamp,
    token: Secret,
}

/// Whom a token is given to, as far as an assertion tells it: nobody else's session takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    token_endpoint: Box<str>,
    client_id: Box<str>,
    deployment_id: Option<Box<str>>,
}

/// The form in which a token is stored. A later version adds members, or counts up.
#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    version: u32,
    token_endpoint: Box<str>,
    client_id: Box<str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deployment_id: Option<Box<str>>,
    asked: Scopes,
    scope: Scopes,
    expires_in: u64,
    expires_at: Box<str>,
    #[serde(borrow)]
    access_token: Cow<'a, str>,
}

const VERSION: u32 = 1;

/// Why a session does not take a stored token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnusableToken {
    /// It was given to another registration: another client, token endpoint or deployment.
    Foreign,
    /// It has expired, or is about to.
    Expired,
    /// A service of the platform has refused it.
    Rejected,
}

impl StoredToken {
    /// `None` where it lives for less than a second: it serves nobody else.
    pub(crate) fn new(
        holder: Holder,
        asked: &Scopes,
        grant: &Grant,
        expires: Timestamp,
        token: &str,
    ) -> Option<Self> {
        let lifetime = Duration::from_secs(grant.lifetime.as_secs());
        let grant = Grant { scopes: grant.scopes.clone(), lifetime };
        let token = Secret::new(token.to_owned());
        (!lifetime.is_zero()).then(|| Self { holder, asked: asked.clone(), grant, expires, token })
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) where it is something else, or of a later release. The
    /// error shows nothing of it.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        // The reason would quote what is there, which may be the token.
        let stored: Stored<'_> =
            serde_json::from_str(json).map_err(|_| Error::input("this is not a stored token"))?;
        let Stored { version, token_endpoint, client_id, deployment_id, asked, scope, .. } = stored;
        if version != VERSION {
            return Err(Error::input(format!("a token of version {version} was stored by a later release")));
        }
        let Stored { expires_in, expires_at, access_token, .. } = stored;
        let expires =
            expires_at.parse().map_err(|_| Error::input("the stored token has no legible expiry"))?;
        if access_token.is_empty() || !access_token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::input("the stored token cannot be sent"));
        }
        let grant = Grant { scopes: scope, lifetime: Duration::from_secs(expires_in) };
        let holder = Holder { token_endpoint, client_id, deployment_id };
        Self::new(holder, &asked, &grant, expires, &access_token)
            .ok_or_else(|| Error::input("the stored token has no lifetime"))
    }

    /// The form to store, **with the token in it**: whoever reads it can do what the token allows until it expires.
    pub fn to_json(&self) -> String {
        let stored = Stored {
            version: VERSION,
            token_endpoint: self.holder.token_endpoint.clone(),
            client_id: self.holder.client_id.clone(),
            deployment_id: self.holder.deployment_id.clone(),
            asked: self.asked.clone(),
            scope: self.grant.scopes.clone(),
            expires_in: self.grant.lifetime.as_secs(),
            expires_at: self.expires.to_string().into(),
            access_token: self.token.expose().into(),
        };
        serde_json::to_string(&stored).unwrap_or_default()
    }

    /// Where to store it: the [key of the lease](crate::Lease::key) that it was fetched with.
    pub fn key(&self) -> String {
        self.holder.key(&self.asked)
    }

    /// What it allows, and the lifetime that it was given.
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// When it expires, by the clock of the session that it comes from: nobody needs to store it for longer.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn exposed(&self) -> &str {
        self.token.expose()
    }

    pub(crate) fn asked(&self) -> &Scopes {
        &self.asked
    }

    pub(crate) fn holder(&self) -> &Holder {
        &self.holder
    }

    pub(crate) fn authorization(&self) -> Option<HeaderValue> {
        super::authorization(self.token.expose())
    }
}

impl Holder {
    pub(crate) fn of(registration: &Registration) -> Self {
        Self {
            token_endpoint: registration.token_endpoint().as_str().into(),
            client_id: registration.client_id().into(),
            deployment_id: registration.deployment_id().map(Into::into),
        }
    }

    /// A text that two slots share only where a token of the one is good for the other.
    pub(crate) fn key(&self, asked: &Scopes) -> String {
        let mut key = form_urlencoded::Serializer::new(String::new());
        key.append_pair("token_endpoint", &self.token_endpoint).append_pair("client_id", &self.client_id);
        if let Some(deployment_id) = &self.deployment_id {
            key.append_pair("deployment_id", deployment_id);
        }
        key.append_pair("scope", &asked.to_string()).finish()
    }
}

/// Tokens go in and out by the choice of the caller alone.
impl Session {
    /// The tokens that can be used now, to be stored or handed on. None is given up: each goes on to serve this session.
    pub fn tokens(&self, now: Timestamp) -> Vec<StoredToken> {
        let holder = Holder::of(&self.registration);
        self.tokens.usable(now).filter_map(|(asked, token)| token.stored(&holder, asked)).collect()
    }

    /// Takes a token that another session has fetched. Where this one has a token of those scopes that lasts longer, it
    /// keeps that.
    ///
    /// # Errors
    ///
    /// Where it is another registration's, is about to expire, or was refused by a service that this session used it on.
    pub fn insert_token(&mut self, token: &StoredToken, now: Timestamp) -> Result<(), UnusableToken> {
        self.tokens.insert(&Holder::of(&self.registration), token, self.policy.token_margin, now)?;
        self.revision += 1;
        Ok(())
    }

    /// The token that was fetched with this lease, if there is one that others can use.
    pub(crate) fn fetched_with(&self, lease: &Lease, now: Timestamp) -> Option<StoredToken> {
        let holder = Holder::of(&self.registration);
        let (asked, token) = self.tokens.usable(now).find(|(_, token)| lease.has_brought(token))?;
        token.stored(&holder, asked)
    }
}

impl fmt::Display for UnusableToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Foreign => "the token was given to another registration",
            Self::Expired => "the token has expired, or is about to",
            Self::Rejected => "the platform has refused the token",
        })
    }
}

impl StdError for UnusableToken {}
