//! The signed JWT with which a tool asks for a token (RFC 7523; Security Framework 4.1.1; Core 6.2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::time::Duration;

use crate::registration::{Audience, Registration};
use crate::secrecy::Secret;
use crate::{Error, ErrorKind};

/// The claim that names the deployment (Core 6.2.1).
pub(crate) const DEPLOYMENT_ID: &str = "https://purl.imsglobal.org/spec/lti/claim/deployment_id";

/// An assertion lives five minutes: Canvas takes none that was made earlier than that.
const LIFETIME: i64 = 300;

struct Claims<'a> {
    registration: &'a Registration,
    issued: i64,
    expires: i64,
    jti: &'a str,
}

impl Serialize for Claims<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { registration, issued, expires, jti } = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("iss", registration.client_id())?;
        map.serialize_entry("sub", registration.client_id())?;
        match registration.audience() {
            Audience::One(audience) => map.serialize_entry("aud", audience)?,
            Audience::Many(audiences) => map.serialize_entry("aud", audiences)?,
        }
        map.serialize_entry("iat", issued)?;
        map.serialize_entry("exp", expires)?;
        map.serialize_entry("jti", jti)?;
        if let Some(deployment_id) = registration.deployment_id() {
            map.serialize_entry(DEPLOYMENT_ID, deployment_id)?;
        }
        for (name, value) in registration.claims() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Signs an assertion. `back_dating` is for platforms whose clock is behind ours and which have no leeway (Moodle).
pub(crate) fn sign(
    registration: &Registration,
    now: Timestamp,
    back_dating: Duration,
    jti: &str,
) -> Result<Secret, Error> {
    let seconds = now.as_second();
    let back_dating = i64::try_from(back_dating.as_secs()).unwrap_or(i64::MAX);
    let key = registration.key();
    let header = serde_json::json!({"typ": "JWT", "alg": key.algorithm(), "kid": key.key_id()});
    let claims = Claims {
        registration,
        issued: seconds.saturating_sub(back_dating),
        expires: seconds.saturating_add(LIFETIME),
        jti,
    };
    let mut jwt = part(&header)?;
    jwt.push('.');
    jwt.push_str(&part(&claims)?);
    let signature = key.sign(jwt.as_bytes()).map_err(|error| {
        Error::new(ErrorKind::InvalidKey, "the assertion could not be signed").because(error)
    })?;
    jwt.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut jwt);
    Ok(Secret::new(jwt))
}

fn part(value: &impl Serialize) -> Result<String, Error> {
    let json = serde_json::to_vec(value)
        .map_err(|error| Error::input("the assertion is not JSON").because(error))?;
    Ok(URL_SAFE_NO_PAD.encode(json))
}
