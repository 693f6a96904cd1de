//! A registration without its key, for a database or the payload of a job: the key is looked up where the job runs.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::key::{Algorithm, SigningKey};
use crate::registration::{Audience, Registration};
use crate::{Error, ErrorKind};

/// All of a [`Registration`] but its key, of which it has the id and the algorithm. It holds no secret, and serialises.
///
/// ```
/// # struct Nobody;
/// # impl lti_ags::Signer for Nobody {
/// #     fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> { Ok(vec![]) }
/// # }
/// # fn key(id: &str) -> lti_ags::SigningKey { lti_ags::SigningKey::external(lti_ags::Algorithm::Rs256, id, Nobody) }
/// use lti_ags::{Registration, StoredRegistration};
///
/// let registration = Registration::new("tool-7f3a", "https://lms.example/token", key("k-2026-01"))?;
/// let payload = serde_json::to_string(&StoredRegistration::from(&registration))?;
///
/// // … in the worker that takes the job:
/// let stored: StoredRegistration = serde_json::from_str(&payload)?;
/// let key = key(stored.key_id());
/// assert_eq!(stored.with_key(key)?.client_id(), "tool-7f3a");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct StoredRegistration(Stored);

/// The form in which a registration is stored. A later version adds members, or counts up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Stored {
    version: u32,
    client_id: String,
    token_endpoint: String,
    audience: Audience,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deployment_id: Option<String>,
    key_id: String,
    algorithm: Algorithm,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    claims: Vec<(String, Value)>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    client_id_parameter: bool,
}

const VERSION: u32 = 1;

impl StoredRegistration {
    /// The id of the key that it is to be used with.
    pub fn key_id(&self) -> &str {
        &self.0.key_id
    }

    /// What that key signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.0.algorithm
    }

    /// The tool's id on the platform.
    pub fn client_id(&self) -> &str {
        &self.0.client_id
    }

    /// The registration, with its key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidKey`] where it is another key: platforms look keys up by their id, and hold each to its
    /// algorithm. [`ErrorKind::InvalidInput`] where a member was changed into what [`Registration`] does not take.
    pub fn with_key(self, key: SigningKey) -> Result<Registration, Error> {
        let Stored { client_id, token_endpoint, audience, issuer, deployment_id, .. } = self.0;
        if key.key_id() != self.0.key_id || key.algorithm() != self.0.algorithm {
            let message = format!(
                "the registration was stored with the key {} for {}, not with {} for {}",
                self.0.key_id,
                self.0.algorithm,
                key.key_id(),
                key.algorithm()
            );
            return Err(Error::new(ErrorKind::InvalidKey, message));
        }
        let mut registration = Registration::new(client_id, &token_endpoint, key)?.with_audience(audience);
        if let Some(issuer) = issuer {
            registration = registration.with_issuer(issuer);
        }
        if let Some(deployment_id) = deployment_id {
            registration = registration.with_deployment_id(deployment_id);
        }
        if self.0.client_id_parameter {
            registration = registration.with_client_id_parameter();
        }
        self.0
            .claims
            .into_iter()
            .try_fold(registration, |registration, (name, value)| registration.with_claim(name, value))
    }
}

impl From<&Registration> for StoredRegistration {
    fn from(registration: &Registration) -> Self {
        Self(Stored {
            version: VERSION,
            client_id: registration.client_id().to_owned(),
            token_endpoint: registration.token_endpoint().as_str().to_owned(),
            audience: registration.audience().clone(),
            issuer: registration.issuer().map(str::to_owned),
            deployment_id: registration.deployment_id().map(str::to_owned),
            key_id: registration.key().key_id().to_owned(),
            algorithm: registration.key().algorithm(),
            claims: registration.claims().to_vec(),
            client_id_parameter: registration.sends_client_id(),
        })
    }
}

impl From<StoredRegistration> for Stored {
    fn from(StoredRegistration(stored): StoredRegistration) -> Self {
        stored
    }
}

impl TryFrom<Stored> for StoredRegistration {
    type Error = String;

    fn try_from(stored: Stored) -> Result<Self, String> {
        match stored.version {
            VERSION => Ok(Self(stored)),
            other => Err(format!("a registration of version {other} was stored by a later release")),
        }
    }
}
