//! Why requests are refused: what is wrong, and how a platform that follows the specifications answers it. Real
//! platforms overlook some of these and answer others in their own way; see [`crate::personality`].

/// What is wrong with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The method is not one of the service's.
    Method,
    /// The request is for another host.
    OtherHost,
    /// There is nothing at the URL.
    Nothing,
    /// The service URL's own query is not kept.
    OwnQuery,

    /// A token request that is not form-encoded by its type.
    NotForm,
    /// A parameter of the token request is absent or doubled.
    Parameter,
    /// Another way of client authentication is used.
    OtherAuthentication,
    GrantType,
    AssertionType,
    ClientIdParameter,
    /// The assertion is no JWT.
    AssertionShape,
    Signature,
    Algorithm,
    NoKid,
    Issuer,
    Subject,
    Audience,
    Deployment,
    NoJti,
    /// The `jti` was used before.
    Replay,
    /// `exp` is absent or no number.
    NoExpiry,
    /// `iat` is absent or no number.
    NoIssueTime,
    AssertionExpired,
    IssuedAhead,
    NoScopeAsked,
    /// One of the scopes asked for is not allowed.
    ScopeNotAllowed,
    /// None of the scopes asked for is allowed.
    NoScopeLeft,

    NoToken,
    /// There is more than one Authorization header.
    TwoTokens,
    /// The Authorization header is not a scheme and a token, or of another scheme.
    NotBearer,
    /// The token is unknown, expired or revoked.
    DeadToken,
    /// The token lacks the scope.
    TokenScope,

    Accept,
    ContentType,
    TwoContentTypes,
    NotJson,
    /// The body is JSON, but no object.
    NotObject,
    RepeatedMember,
    /// A member that has to be there is absent, null or blank.
    NoMember,
    /// A member is of the wrong JSON type.
    MemberType,
    /// A filter is doubled or unusable.
    Filter,

    UserIdType,
    /// A date is unreadable.
    Date,
    NoZone,
    NoFraction,
    Progress,
    Negative,
    NoMaximum,
    ZeroMaximum,
    SubmissionOrder,
    UnknownUser,
    /// The update is on record already.
    SameUpdate,
    /// Another update of that time is on record.
    SameTime,
    /// A later update is on record.
    Stale,

    /// A line item to be created has an `id`.
    IdOnCreate,
    /// A line item's maximum is not greater than 0.
    ItemMaximum,
    /// The resource link is not one of this tool in this context.
    ForeignLink,
    /// A PUT changes `id` or `resourceLinkId`.
    FixedMember,
    /// The line item belongs to a link and is not to be deleted.
    Coupled,
    /// Something only some platforms refuse, with their status.
    Own(u16),
}

impl Cause {
    /// The status the specifications give, or leave, for it.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::NoToken | Self::NotBearer | Self::DeadToken => 401,
            Self::TokenScope | Self::Coupled => 403,
            Self::Nothing | Self::OwnQuery | Self::UnknownUser | Self::ForeignLink => 404,
            Self::Method => 405,
            Self::Accept => 406,
            Self::SameUpdate | Self::SameTime | Self::Stale => 409,
            Self::ContentType => 415,
            Self::OtherHost => 421,
            Self::Own(status) => status,
            _ => 400,
        }
    }

    /// The error code of RFC 6749 §5.2 or RFC 6750 §3.1; empty where there is none.
    pub(crate) fn error(self) -> &'static str {
        match self {
            Self::Method
            | Self::NotForm
            | Self::Parameter
            | Self::OtherAuthentication
            | Self::AssertionType
            | Self::TwoTokens => "invalid_request",
            Self::GrantType => "unsupported_grant_type",
            Self::ClientIdParameter
            | Self::AssertionShape
            | Self::Signature
            | Self::Algorithm
            | Self::NoKid
            | Self::Issuer
            | Self::Subject
            | Self::Audience
            | Self::Deployment
            | Self::NoJti
            | Self::Replay
            | Self::NoExpiry
            | Self::NoIssueTime
            | Self::AssertionExpired
            | Self::IssuedAhead => "invalid_client",
            Self::NoScopeAsked | Self::ScopeNotAllowed | Self::NoScopeLeft => "invalid_scope",
            Self::NotBearer | Self::DeadToken => "invalid_token",
            Self::TokenScope => "insufficient_scope",
            _ => "",
        }
    }
}
