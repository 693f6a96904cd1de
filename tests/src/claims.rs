//! The verified claims of a resource link launch from this platform (LTI Core 5.3, AGS 3.1).

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::lms::Lms;
use crate::names::{CLAIM_ENDPOINT, CLAIM_PREFIX};

const MEMBERSHIP: &str = "http://purl.imsglobal.org/vocab/lis/v2/membership#";

impl Lms {
    /// What a tool has in hand once it has verified a launch by this user from the first line item's link. A user
    /// who is not enrolled as a learner launches as an instructor.
    pub fn claims(&self, now: Timestamp, user_id: &str) -> Value {
        let registration = &self.registration;
        let role = if self.gradebook.is_enrolled(user_id) { "Learner" } else { "Instructor" };
        let seconds = now.as_second();
        let mut claims = json!({
            "iss": self.issuer(),
            "aud": registration.client_id,
            "azp": registration.client_id,
            "sub": user_id,
            "nonce": format!("n-{}", now.as_nanosecond()),
            "iat": seconds,
            "exp": seconds.saturating_add(300),
        });
        let mut set = |name: &str, value: Value| claims[format!("{CLAIM_PREFIX}{name}")] = value;
        set("message_type", "LtiResourceLinkRequest".into());
        set("version", "1.3.0".into());
        set("deployment_id", registration.deployment_id.as_str().into());
        set("target_link_uri", "https://tool.test/launch".into());
        set("resource_link", json!({ "id": "rl-1", "title": "Exercise 1" }));
        set("context", json!({ "id": "course-1", "label": "C1", "title": "Course 1" }));
        set("roles", json!([format!("{MEMBERSHIP}{role}")]));
        set("tool_platform", json!({ "guid": "lti-ags-testing", "product_family_code": "lti-ags-testing" }));

        let mut endpoint = json!({ "scope": registration.scopes, "lineitems": self.line_items_url() });
        if let Some(item) = self.gradebook.line_items().first() {
            endpoint["lineitem"] = format!("{}{}", self.base, item.target).into();
        }
        claims[CLAIM_ENDPOINT] = endpoint;
        claims
    }
}
