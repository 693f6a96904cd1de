//! What a platform knows about the one tool registered with it (LTI Core 3.1.3, Security Framework 4).

use crate::key::TrustedKeys;
use crate::names::ALL_SCOPES;

/// What the token endpoint does when a tool asks for a scope it may not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ScopePolicy {
    /// Grants the others; `invalid_scope` only if none is left (Moodle, Open edX, ILIAS).
    #[default]
    GrantSubset,
    /// Refuses the whole request with `invalid_scope` (Canvas).
    RefuseAll,
    /// Refuses the whole request for a scope of AGS the tool may not have, and leaves others aside (Sakai).
    RefuseKnown,
}

#[derive(Debug, Clone)]
pub(crate) struct Registration {
    pub(crate) client_id: String,
    pub(crate) deployment_id: String,
    pub(crate) require_deployment_id: bool,
    /// Defaults to the platform's base URL.
    pub(crate) issuer: Option<String>,
    /// Audiences accepted in assertions; defaults to the token endpoint's URL.
    pub(crate) audiences: Vec<String>,
    /// Whether the token endpoint's URL is accepted beside them.
    pub(crate) endpoint_is_audience: bool,
    pub(crate) keys: TrustedKeys,
    pub(crate) scopes: Vec<String>,
    pub(crate) scope_policy: ScopePolicy,
    /// Seconds.
    pub(crate) token_lifetime: i64,
    /// Seconds, where tokens expire at another time than is told.
    pub(crate) token_true_lifetime: Option<i64>,
    /// For how many requests a token is good.
    pub(crate) token_uses: Option<u64>,
    /// Seconds that `iat` may lie in the future.
    pub(crate) iat_leeway: i64,
}

impl Registration {
    pub(crate) fn new(keys: TrustedKeys) -> Self {
        Self {
            client_id: "tool-7f3a".to_owned(),
            deployment_id: "dep-42".to_owned(),
            require_deployment_id: false,
            issuer: None,
            audiences: Vec::new(),
            endpoint_is_audience: false,
            keys,
            scopes: ALL_SCOPES.map(str::to_owned).to_vec(),
            scope_policy: ScopePolicy::default(),
            token_lifetime: 3600,
            token_true_lifetime: None,
            token_uses: None,
            iat_leeway: 0,
        }
    }
}
