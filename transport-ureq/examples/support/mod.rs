//! A platform to talk to, and a client that is registered there.

use lti_ags_testing::{Builder, Platform};
use lti_ags_ureq::{Client, Endpoint, Error, Launch, Registration, SigningKey};

/// Starts the platform, and gives a client with the endpoint of a launch of `u-1001`.
pub(crate) fn launch(platform: Builder) -> Result<(Platform, Client, Endpoint), Error> {
    let platform = platform.start();
    let key = SigningKey::from_pem(platform.private_key_pem())?.with_key_id(platform.key_id());
    let registration = Registration::new(platform.client_id(), &platform.token_endpoint(), key)?;
    let endpoint = Launch::from_claims(platform.claims("u-1001"))?.endpoint()?;
    Ok((platform, Client::new(registration), endpoint))
}
