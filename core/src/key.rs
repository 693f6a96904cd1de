//! The keys a tool signs its assertions with, and the public keys it shows to platforms (1EdTech Security
//! Framework 1.0, "RSA Key", "Key Set URL", "Key Distribution"; RFC 7515; RFC 7518).

mod algorithm;
mod backend;
mod der;
mod error;
mod jwk;
mod pem;
mod structure;
#[cfg(all(test, any(feature = "aws-lc-rs", feature = "rust-crypto")))]
mod tests;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use jsonwebtoken::EncodingKey;
use zeroize::Zeroizing;

pub use algorithm::Algorithm;
pub use error::KeyError;
pub use jwk::{Jwk, JwkSet};

use algorithm::Kind;
use jwk::PublicKey;

/// A private key, the id platforms know it by, and the algorithm it signs with. Clones share the key.
///
/// Give every registration a key of its own: a pair shared over many platforms makes one leak everyone's
/// (Security Framework, "Key Distribution"). `Debug` shows the id and the algorithm, never the key, and the
/// key is wiped from memory when its last clone is dropped.
///
/// ```
/// use lti_ags::key::{Algorithm, SigningKey};
///
/// # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))] {
/// let pem = SigningKey::generate_p256()?.to_pkcs8_pem().unwrap();
/// let key = SigningKey::from_pem(pem)?.with_key_id("tool-2026");
/// assert_eq!(key.algorithm(), Algorithm::Es256);
/// let signature = key.sign(b"header.payload")?;
/// # assert_eq!(signature.len(), 64);
/// # }
/// # Ok::<(), lti_ags::key::KeyError>(())
/// ```
#[derive(Clone)]
pub struct SigningKey {
    private: Private,
    public: Option<Arc<PublicKey>>,
    algorithm: Algorithm,
    key_id: Arc<str>,
}

#[derive(Clone)]
enum Private {
    /// PKCS#1 for RSA, PKCS#8 for a curve; it wipes itself.
    Local(Arc<EncodingKey>),
    External(Arc<dyn Signer>),
}

/// Signs with a key that is elsewhere: in a KMS, an HSM, an agent.
pub trait Signer: Send + Sync {
    /// The signature of `message` by the algorithm the key was declared with. The message is not hashed yet.
    ///
    /// For `ES256` and `ES384` the result is r and s, unsigned, big-endian, each of the width of the curve
    /// (32 or 48 octets), one after the other (RFC 7518 §3.4): not the ASN.1 DER that many services return.
    ///
    /// The call blocks whoever asked for a token; a signer that must wait should do so briefly.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>;
}

impl SigningKey {
    /// Reads a private key from PEM: PKCS#8 (`PRIVATE KEY`), PKCS#1 (`RSA PRIVATE KEY`) or an EC key
    /// (`EC PRIVATE KEY`); RSA of at least 2048 bits, P-256 or P-384. Certificates beside it are passed over.
    ///
    /// It signs with RS256, ES256 or ES384 as its kind demands, and its id is its [`Jwk::thumbprint`].
    pub fn from_pem(pem: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        backend::provider()?;
        Self::from_der(pem::private_key(pem.as_ref())?.as_slice())
    }

    /// Reads a private key from DER, in the same structures as [`from_pem`](SigningKey::from_pem).
    pub fn from_der(der: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        backend::provider()?;
        let (kind, der) = structure::private_key(der.as_ref())?;
        let (private, public) = backend::load(kind, &der)?;
        Ok(Self {
            private: Private::Local(Arc::new(private)),
            algorithm: kind.default_algorithm(),
            key_id: jwk::thumbprint(&public)?.into(),
            public: Some(Arc::new(public)),
        })
    }

    /// Generates an RSA key of 2048, 3072 or 4096 bits.
    ///
    /// Generating a key is the one act of this library that asks for randomness by itself; it comes from the
    /// cryptographic backend, which takes it from the operating system. (The backend also draws what
    /// ECDSA and PSS signatures and blinding need.)
    pub fn generate_rsa(bits: usize) -> Result<Self, KeyError> {
        Self::from_der(backend::generate_rsa(bits)?.as_slice())
    }

    /// Generates a key on the curve P-256, for ES256. The randomness is that of
    /// [`generate_rsa`](SigningKey::generate_rsa).
    pub fn generate_p256() -> Result<Self, KeyError> {
        Self::from_der(backend::generate_ec(Kind::P256)?.as_slice())
    }

    /// Generates a key on the curve P-384, for ES384. The randomness is that of
    /// [`generate_rsa`](SigningKey::generate_rsa).
    pub fn generate_p384() -> Result<Self, KeyError> {
        Self::from_der(backend::generate_ec(Kind::P384)?.as_slice())
    }

    /// A key that stays where it is, reached through `signer`. It needs no cryptographic backend.
    ///
    /// `key_id` is the `kid` under which its public half is published.
    pub fn external(algorithm: Algorithm, key_id: impl Into<String>, signer: impl Signer + 'static) -> Self {
        Self {
            private: Private::External(Arc::new(signer)),
            public: None,
            algorithm,
            key_id: key_id.into().into(),
        }
    }

    /// Sets the key id (`kid`). A new key needs a new id; an id is never used again for another key.
    #[must_use]
    pub fn with_key_id(mut self, key_id: impl Into<String>) -> Self {
        self.key_id = key_id.into().into();
        self
    }

    /// Sets the algorithm.
    ///
    /// # Errors
    /// [`KeyError::AlgorithmMismatch`] unless it fits the kind of the key.
    pub fn with_algorithm(mut self, algorithm: Algorithm) -> Result<Self, KeyError> {
        fits(algorithm, self.algorithm.kind())?;
        self.algorithm = algorithm;
        Ok(self)
    }

    /// Attaches the public half of an external key, so that it can be published. The id and the algorithm
    /// stay those of this key.
    ///
    /// # Errors
    /// [`KeyError::AlgorithmMismatch`] if the public key is of another kind, [`KeyError::RsaTooShort`], and
    /// [`KeyError::PublicKeyMismatch`] if this key already has another public half.
    pub fn with_public_jwk(mut self, jwk: Jwk) -> Result<Self, KeyError> {
        let public = jwk.into_public_key();
        fits(self.algorithm, public.kind())?;
        if let PublicKey::Rsa { n, .. } = &public {
            structure::check_rsa_bits(n)?;
        }
        match &self.public {
            Some(known) if **known != public => {
                Err(KeyError::PublicKeyMismatch { key_id: self.key_id.to_string() })
            }
            _ => {
                self.public = Some(Arc::new(public));
                Ok(self)
            }
        }
    }

    /// The key id, for the header member `kid`.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The algorithm, for the header member `alg`.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Signs a message: the octets of a JWS signature, not yet base64url (RFC 7515 §5.1).
    ///
    /// # Errors
    /// [`KeyError::Sign`] with the signer's own error as its source; [`KeyError::SignatureForm`] if an
    /// external signer returned something else than its algorithm demands.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.private {
            Private::Local(key) => backend::sign(self.algorithm, key, message),
            Private::External(signer) => {
                let signature = signer.sign(message).map_err(|source| KeyError::Sign { source })?;
                let (algorithm, found) = (self.algorithm, signature.len());
                match algorithm.signature_len() {
                    Some(expected) if expected != found => {
                        Err(KeyError::SignatureForm { algorithm, expected, found })
                    }
                    _ => Ok(signature),
                }
            }
        }
    }

    /// The public half, with id and algorithm; `None` for an external key to which none was attached.
    pub fn public_jwk(&self) -> Option<Jwk> {
        let public = self.public.as_deref()?.clone();
        Some(Jwk::new(public, self.key_id.to_string(), self.algorithm))
    }

    /// The private key as PKCS#8 PEM, to be kept in a safe place; `None` for an external key.
    pub fn to_pkcs8_pem(&self) -> Option<PrivateKeyPem> {
        match &self.private {
            Private::Local(key) => {
                let der = structure::to_pkcs8(self.algorithm.kind(), key.as_bytes());
                Some(PrivateKeyPem(pem::encode(&der)))
            }
            Private::External(_) => None,
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let private = match self.private {
            Private::Local(_) => "[redacted]",
            Private::External(_) => "[external]",
        };
        f.debug_struct("SigningKey")
            .field("key_id", &self.key_id)
            .field("algorithm", &self.algorithm)
            .field("private", &format_args!("{private}"))
            .finish_non_exhaustive()
    }
}

/// A private key as PEM text. `Debug` does not show it, and it is wiped from memory when dropped.
pub struct PrivateKeyPem(Zeroizing<String>);

impl PrivateKeyPem {
    /// The text, which is the secret.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl AsRef<[u8]> for PrivateKeyPem {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for PrivateKeyPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKeyPem([redacted])")
    }
}

fn fits(algorithm: Algorithm, kind: Kind) -> Result<(), KeyError> {
    if algorithm.kind() == kind {
        Ok(())
    } else {
        Err(KeyError::AlgorithmMismatch { algorithm, key: kind.describe() })
    }
}

#[cfg(test)]
mod external_tests {
    use super::*;

    struct Kms(Result<Vec<u8>, &'static str>);

    impl Signer for Kms {
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
            Ok(self.0.clone()?)
        }
    }

    fn external(answer: Result<Vec<u8>, &'static str>) -> SigningKey {
        SigningKey::external(Algorithm::Es256, "kms-1", Kms(answer))
    }

    fn jwk(json: &str) -> Jwk {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn an_external_key_signs_through_its_signer_without_any_backend() {
        let key = external(Ok(vec![7; 64]));
        assert_eq!(key.sign(b"message").unwrap(), vec![7; 64]);
        assert_eq!((key.key_id(), key.algorithm()), ("kms-1", Algorithm::Es256));
        assert!(key.to_pkcs8_pem().is_none());
        assert!(format!("{key:?}").contains("[external]"));
    }

    #[test]
    fn a_signature_in_asn1_form_is_refused_with_the_form_that_is_needed() {
        let error = external(Ok(vec![0x30; 71])).sign(b"message").unwrap_err();
        assert!(matches!(error, KeyError::SignatureForm { expected: 64, found: 71, .. }));
        assert!(error.to_string().contains("not ASN.1 DER"));
    }

    #[test]
    fn the_signers_own_error_is_the_source() {
        let error = external(Err("the KMS is away")).sign(b"message").unwrap_err();
        assert_eq!(error.to_string(), "signing failed");
        assert_eq!(error.source().unwrap().to_string(), "the KMS is away");
    }

    #[test]
    fn an_external_key_is_published_once_its_public_half_is_attached() {
        let key = external(Ok(vec![]));
        assert!(matches!(JwkSet::new().add(&key), Err(KeyError::NoPublicKey { .. })));

        let key = key.with_public_jwk(jwk(r#"{"kty":"EC","crv":"P-256","x":"AQ","y":"Ag","kid":"other"}"#));
        let mut set = JwkSet::new();
        set.add(&key.unwrap()).unwrap();
        let published = set.find("kms-1").unwrap();
        assert_eq!(published.algorithm(), Some(Algorithm::Es256));
    }

    #[test]
    fn a_public_half_of_another_kind_or_too_short_is_not_attached() {
        let rsa = jwk(r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#);
        let error = external(Ok(vec![])).with_public_jwk(rsa.clone()).unwrap_err();
        assert!(matches!(error, KeyError::AlgorithmMismatch { .. }));
        let key = SigningKey::external(Algorithm::Rs256, "kms-1", Kms(Ok(vec![])));
        assert!(matches!(key.with_public_jwk(rsa), Err(KeyError::RsaTooShort { bits: 17 })));
    }

    #[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
    #[test]
    fn without_a_backend_local_keys_say_what_to_enable() {
        for result in [
            SigningKey::from_pem("-----BEGIN PRIVATE KEY-----"),
            SigningKey::from_der([]),
            SigningKey::generate_rsa(2048),
            SigningKey::generate_p256(),
            SigningKey::generate_p384(),
        ] {
            let error = result.unwrap_err();
            assert!(matches!(error, KeyError::NoBackend));
            assert!(error.to_string().contains("`aws-lc-rs` or `rust-crypto`"));
        }
    }
}
