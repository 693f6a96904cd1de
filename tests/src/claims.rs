//! The verified claims of a resource link launch from this platform (LTI Core 5.3, AGS 3.1).

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::line_item::LineItem;
use crate::lms::Lms;
use crate::names::{CLAIM_ENDPOINT, CLAIM_PREFIX};

const MEMBERSHIP: &str = "http://purl.imsglobal.org/vocab/lis/v2/membership#";

impl Lms {
    /// What a tool has in hand once it has verified a launch by this user from the link the platform has. A user
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
        set("resource_link", json!({ "id": self.resource_link_id(), "title": "Exercise 1" }));
        set("context", json!({ "id": "course-1", "label": "C1", "title": "Course 1" }));
        set("roles", json!([format!("{MEMBERSHIP}{role}")]));
        set("tool_platform", json!({ "guid": "lti-ags-testing", "product_family_code": "lti-ags-testing" }));

        let endpoint = self.endpoint(&self.linked());
        claims[CLAIM_ENDPOINT] = endpoint;
        claims
    }

    /// A launch by `viewer` to review the work of `learner` in the first line item (AGS 4.6).
    pub fn review_claims(&self, now: Timestamp, viewer: &str, learner: &str) -> Value {
        let mut claims = self.claims(now, viewer);
        let mut set = |name: &str, value: Value| claims[format!("{CLAIM_PREFIX}{name}")] = value;
        set("message_type", "LtiSubmissionReviewRequest".into());
        set("for_user", json!({ "user_id": learner, "roles": [format!("{MEMBERSHIP}Learner")] }));
        set("launch_presentation", json!({ "return_url": format!("{}/return", self.base) }));
        let first: Vec<&LineItem> = self.gradebook.line_items().iter().take(1).collect();
        claims[CLAIM_ENDPOINT] = self.endpoint(&first);
        claims
    }

    /// The line items of the link.
    fn linked(&self) -> Vec<&LineItem> {
        let link = Some(self.resource_link_id());
        self.gradebook.line_items().iter().filter(|item| item.resource_link_id.as_deref() == link).collect()
    }

    /// The AGS claim. Its `lineitem` is there only if there is exactly one (AGS 3.1).
    fn endpoint(&self, line_items: &[&LineItem]) -> Value {
        let mut endpoint = json!({ "scope": self.registration.scopes });
        if self.has_container {
            endpoint["lineitems"] = self.line_items_url().into();
        }
        if let [item] = line_items {
            endpoint["lineitem"] = format!("{}{}", self.base, item.target).into();
        }
        self.manner.adjust_claim(&mut endpoint, line_items.len());
        endpoint
    }
}
