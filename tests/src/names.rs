//! The exact names of LTI 1.3 and AGS 2.0: scopes, media types, claims. Written down a second time on purpose,
//! so that a slip in a client is not repeated by its judge.

/// The scope to read and change line items (AGS 3.2).
pub const SCOPE_LINE_ITEM: &str = "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem";
/// The scope to read line items (AGS 3.2).
pub const SCOPE_LINE_ITEM_READONLY: &str = "https://purl.imsglobal.org/spec/lti-ags/scope/lineitem.readonly";
/// The scope to read results (AGS 3.3).
pub const SCOPE_RESULT_READONLY: &str = "https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly";
/// The scope to post scores (AGS 3.4).
pub const SCOPE_SCORE: &str = "https://purl.imsglobal.org/spec/lti-ags/scope/score";
/// The four scopes of AGS.
pub const ALL_SCOPES: [&str; 4] =
    [SCOPE_LINE_ITEM, SCOPE_LINE_ITEM_READONLY, SCOPE_RESULT_READONLY, SCOPE_SCORE];

/// The media type of a line item (AGS 3.2.1).
pub const MEDIA_LINE_ITEM: &str = "application/vnd.ims.lis.v2.lineitem+json";
/// The media type of a list of line items (AGS 3.2.1).
pub const MEDIA_LINE_ITEMS: &str = "application/vnd.ims.lis.v2.lineitemcontainer+json";
/// The media type of results (AGS 3.3.4).
pub const MEDIA_RESULTS: &str = "application/vnd.ims.lis.v2.resultcontainer+json";
/// The media type of a score (AGS 3.4.3).
pub const MEDIA_SCORE: &str = "application/vnd.ims.lis.v1.score+json";

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";
pub(crate) const GRANT_TYPE: &str = "client_credentials";
pub(crate) const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

pub(crate) const CLAIM_PREFIX: &str = "https://purl.imsglobal.org/spec/lti/claim/";
pub(crate) const CLAIM_ENDPOINT: &str = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint";
pub(crate) const CLAIM_DEPLOYMENT_ID: &str = "https://purl.imsglobal.org/spec/lti/claim/deployment_id";

pub(crate) const ACTIVITY_PROGRESS: [&str; 5] =
    ["Initialized", "Started", "InProgress", "Submitted", "Completed"];
pub(crate) const GRADING_PROGRESS: [&str; 5] =
    ["FullyGraded", "Pending", "PendingManual", "Failed", "NotReady"];
