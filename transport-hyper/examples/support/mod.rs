//! What the examples share: a platform to talk to, and how it ends.
#![allow(clippy::print_stdout, reason = "it talks to a person")]

use lti_ags_hyper::{Endpoint, Error, Launch, PostScore, Registration, Score, SigningKey};
use lti_ags_testing::Platform;

/// The tool's registration on the platform.
pub(crate) fn registration(platform: &Platform) -> Result<Registration, Error> {
    let key = SigningKey::from_pem(platform.private_key_pem())?.with_key_id(platform.key_id());
    Registration::new(platform.client_id(), &platform.token_endpoint(), key)
}

/// The endpoint of a launch of `u-1001`.
pub(crate) fn endpoint(platform: &Platform) -> Result<Endpoint, Error> {
    Launch::from_claims(platform.claims("u-1001"))?.endpoint()
}

/// 85 of 100 for `u-1001`.
pub(crate) fn score() -> Result<PostScore, Error> {
    Ok(PostScore::new(Score::graded("u-1001", 85.0, 100.0).build()?))
}

/// Shows what the platform holds at the end.
pub(crate) fn show(platform: &Platform) {
    for (line_item, user_id, entry) in platform.gradebook().results() {
        println!("{line_item}: {user_id} has {:?} of {}", entry.score, entry.maximum);
    }
    platform.assert_no_violations();
}
