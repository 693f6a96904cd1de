//! The tool's keys: a pair to sign with in tests, and the public ones a platform trusts (LTI Security Framework,
//! key sets; RFC 7517).

use std::fmt;
use std::sync::LazyLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING};
use aws_lc_rs::signature::{EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde_json::{Value, json};

/// A key could not be made, read or used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct KeyError(String);

fn failed(what: &str, source: impl fmt::Display) -> KeyError {
    KeyError(format!("{what}: {source}"))
}

/// A key pair of a tool. `Debug` shows its id alone.
#[derive(Clone)]
pub struct ToolKey {
    id: String,
    algorithm: Algorithm,
    private_key_pem: String,
    public_key_pem: String,
    public_jwk: Value,
}

impl ToolKey {
    /// A new RSA key of 2048 bits, for RS256. Takes about a tenth of a second, so share it: see [`ToolKey::shared`].
    pub fn rsa(id: impl Into<String>) -> Result<Self, KeyError> {
        let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).map_err(|e| failed("RSA key", e))?;
        let der: Pkcs8V1Der<'_> = pair.as_der().map_err(|e| failed("RSA key", e))?;
        let public = pair.public_key();
        let spki: PublicKeyX509Der<'_> = public.as_der().map_err(|e| failed("RSA key", e))?;
        let modulus = public.modulus().big_endian_without_leading_zero().to_vec();
        let exponent = public.exponent().big_endian_without_leading_zero().to_vec();
        let id = id.into();
        let public_jwk = json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": id,
            "n": URL_SAFE_NO_PAD.encode(modulus), "e": URL_SAFE_NO_PAD.encode(exponent),
        });
        Ok(Self {
            id,
            algorithm: Algorithm::RS256,
            private_key_pem: to_pem("PRIVATE KEY", der.as_ref()),
            public_key_pem: to_pem("PUBLIC KEY", spki.as_ref()),
            public_jwk,
        })
    }

    /// A new key on curve P-256, for ES256.
    pub fn p256(id: impl Into<String>) -> Result<Self, KeyError> {
        Self::ec(id.into(), Algorithm::ES256)
    }

    /// A new key on curve P-384, for ES384.
    pub fn p384(id: impl Into<String>) -> Result<Self, KeyError> {
        Self::ec(id.into(), Algorithm::ES384)
    }

    fn ec(id: String, algorithm: Algorithm) -> Result<Self, KeyError> {
        let (signing, curve, name) = match algorithm {
            Algorithm::ES384 => (&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384", "ES384"),
            _ => (&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256", "ES256"),
        };
        let pair = EcdsaKeyPair::generate(signing).map_err(|e| failed("EC key", e))?;
        let der = pair.to_pkcs8v1().map_err(|e| failed("EC key", e))?;
        // An uncompressed point (SEC 1, 2.3.3): 04, x, y.
        let point = pair.public_key().as_ref();
        let coordinates = point.get(1..).unwrap_or_default();
        let (x, y) = coordinates.split_at(coordinates.len() / 2);
        let public_jwk = json!({
            "kty": "EC", "use": "sig", "alg": name, "kid": id, "crv": curve,
            "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y),
        });
        let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|e| failed("EC key", e))?;
        Ok(Self {
            id,
            algorithm,
            private_key_pem: to_pem("PRIVATE KEY", der.as_ref()),
            public_key_pem: to_pem("PUBLIC KEY", spki.as_ref()),
            public_jwk,
        })
    }

    /// The RSA key that platforms of this process trust unless told otherwise, generated at first use.
    ///
    /// # Panics
    /// When no key can be generated.
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<ToolKey> = LazyLock::new(|| match ToolKey::rsa("tool-key-1") {
            Ok(key) => key,
            Err(error) => panic!("{error}"),
        });
        &SHARED
    }

    /// Its id (`kid`).
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The private key as PKCS#8 PEM.
    pub fn private_key_pem(&self) -> &str {
        &self.private_key_pem
    }

    /// The public key as PEM (SPKI).
    pub fn public_key_pem(&self) -> &str {
        &self.public_key_pem
    }

    /// The public key as a JWK.
    pub fn public_jwk(&self) -> &Value {
        &self.public_jwk
    }

    /// The public key alone in a JWK Set.
    pub fn jwks(&self) -> Value {
        json!({ "keys": [self.public_jwk] })
    }

    /// The JWT of these two values, signed with the key's own algorithm unless `header` has another `alg` of its
    /// family. Nothing is checked or filled in, so that tests can sign what no client should.
    pub fn sign(&self, header: &Value, claims: &Value) -> Result<String, KeyError> {
        let algorithm = header["alg"].as_str().and_then(|name| name.parse().ok()).unwrap_or(self.algorithm);
        let pem = self.private_key_pem.as_bytes();
        let key = match self.algorithm {
            Algorithm::ES256 | Algorithm::ES384 => EncodingKey::from_ec_pem(pem),
            _ => EncodingKey::from_rsa_pem(pem),
        };
        let key = key.map_err(|e| failed("private key", e))?;
        let signer = (DEFAULT_PROVIDER.signer_factory)(&algorithm, &key).map_err(|e| failed("signer", e))?;
        let message = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims.to_string())
        );
        let signature = signer.try_sign(message.as_bytes()).map_err(|e| failed("signature", e))?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

impl fmt::Debug for ToolKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolKey").field("id", &self.id).finish_non_exhaustive()
    }
}

fn to_pem(tag: &str, der: &[u8]) -> String {
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    pem::encode_config(&pem::Pem::new(tag, der), config)
}

/// The public keys of the tool that a platform trusts, in one of the three ways platforms register them.
#[derive(Clone)]
pub struct TrustedKeys(Source);

#[derive(Clone)]
enum Source {
    Set(Value),
    Url { url: String, fetched: Option<Value> },
    Pem(DecodingKey),
}

impl TrustedKeys {
    /// A JWK Set.
    pub fn jwks(set: Value) -> Self {
        Self(Source::Set(set))
    }

    /// Where the tool publishes its JWK Set: plain HTTP on loopback. Fetched when a `kid` is unknown, then kept.
    pub fn url(url: impl Into<String>) -> Self {
        Self(Source::Url { url: url.into(), fetched: None })
    }

    /// One public key as PEM (SPKI; for RSA also PKCS#1). The `kid` of assertions is not looked at.
    pub fn pem(pem: &str) -> Result<Self, KeyError> {
        DecodingKey::from_rsa_pem(pem.as_bytes())
            .or_else(|_| DecodingKey::from_ec_pem(pem.as_bytes()))
            .map(|key| Self(Source::Pem(key)))
            .map_err(|e| failed("public key", e))
    }

    /// The URL to fetch before an assertion with this `kid` can be judged.
    pub(crate) fn wanted(&self, kid: Option<&str>) -> Option<&str> {
        match &self.0 {
            Source::Url { url, fetched } => {
                let known =
                    fetched.as_ref().is_some_and(|set| kid.is_some_and(|kid| find(set, kid).is_some()));
                (!known).then_some(url)
            }
            Source::Set(_) | Source::Pem(_) => None,
        }
    }

    pub(crate) fn learn(&mut self, set: Value) {
        if let Source::Url { fetched, .. } = &mut self.0 {
            *fetched = Some(set);
        }
    }

    pub(crate) fn needs_kid(&self) -> bool {
        !matches!(self.0, Source::Pem(_))
    }

    /// Checks a signature over `message`. `Err` says why it does not count.
    pub(crate) fn verify(
        &self,
        algorithm: Algorithm,
        kid: Option<&str>,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), &'static str> {
        let key = match &self.0 {
            Source::Pem(key) => key.clone(),
            Source::Set(set) | Source::Url { fetched: Some(set), .. } => {
                // Platforms that do without a kid try their keys.
                let jwk = match kid {
                    Some(kid) => find(set, kid),
                    None => set.get("keys").and_then(|keys| keys.get(0)),
                };
                let jwk = jwk.ok_or("no trusted key has this kid")?;
                let registered = jwk.get("alg").and_then(Value::as_str);
                if registered.is_some_and(|name| name.parse() != Ok(algorithm)) {
                    return Err("the key is registered for another algorithm");
                }
                let jwk: Jwk =
                    serde_json::from_value(jwk.clone()).map_err(|_| "the registered key is no JWK")?;
                DecodingKey::from_jwk(&jwk).map_err(|_| "the registered key is of no use")?
            }
            Source::Url { fetched: None, .. } => return Err("the tool's key set cannot be fetched"),
        };
        let verifier = (DEFAULT_PROVIDER.verifier_factory)(&algorithm, &key)
            .map_err(|_| "the key is not one for this algorithm")?;
        verifier.verify(message, &signature.to_vec()).map_err(|_| "the signature is wrong")
    }
}

impl fmt::Debug for TrustedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Source::Set(_) => "TrustedKeys(JWK Set)",
            Source::Url { .. } => "TrustedKeys(URL)",
            Source::Pem(_) => "TrustedKeys(PEM)",
        })
    }
}

fn find<'a>(set: &'a Value, kid: &str) -> Option<&'a Value> {
    set.get("keys")?.as_array()?.iter().find(|key| key.get("kid").and_then(Value::as_str) == Some(kid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verify(keys: &TrustedKeys, algorithm: Algorithm, kid: &str, jwt: &str) -> Result<(), &'static str> {
        let (message, signature) = jwt.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        keys.verify(algorithm, Some(kid), message.as_bytes(), &signature)
    }

    #[test]
    fn each_kind_of_key_signs_what_its_public_half_verifies() {
        for (key, algorithm) in [
            (ToolKey::shared().clone(), Algorithm::RS256),
            (ToolKey::p256("a").unwrap(), Algorithm::ES256),
            (ToolKey::p384("b").unwrap(), Algorithm::ES384),
        ] {
            let jwt = key.sign(&json!({}), &json!({"iss": "x"})).unwrap();
            let keys = TrustedKeys::jwks(key.jwks());
            assert_eq!(verify(&keys, algorithm, key.id(), &jwt), Ok(()));
            assert!(verify(&keys, algorithm, "other", &jwt).is_err());
            assert!(verify(&keys, Algorithm::PS256, key.id(), &jwt).is_err());
        }
    }

    #[test]
    fn published_keys_hold_nothing_private() {
        // AGS-SEC-04, AGS-SEC-05
        let jwk = ToolKey::shared().public_jwk();
        assert_eq!(jwk["e"], "AQAB");
        assert!(["d", "p", "q", "dp", "dq", "qi"].iter().all(|member| jwk.get(member).is_none()));
        assert!(!format!("{:?}", ToolKey::shared()).contains("PRIVATE"));
    }
}
