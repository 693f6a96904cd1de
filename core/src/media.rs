//! The media types of AGS 2.0 (AGS 3.2.1, 3.3.4, 3.4.3): one exact type a header, since platforms compare strings.

use http::HeaderValue;

pub(crate) const LINE_ITEM: HeaderValue =
    HeaderValue::from_static("application/vnd.ims.lis.v2.lineitem+json");
pub(crate) const LINE_ITEM_CONTAINER: HeaderValue =
    HeaderValue::from_static("application/vnd.ims.lis.v2.lineitemcontainer+json");
pub(crate) const RESULT_CONTAINER: HeaderValue =
    HeaderValue::from_static("application/vnd.ims.lis.v2.resultcontainer+json");
/// Version 1, unlike the others.
pub(crate) const SCORE: HeaderValue = HeaderValue::from_static("application/vnd.ims.lis.v1.score+json");
pub(crate) const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");
