//! Public keys as a platform fetches them from the tool's key set URL (1EdTech Security Framework 1.0,
//! "Key Set URL"; RFC 7517; RFC 7518 §6). Only public members exist here, so none other can be published.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};

use super::algorithm::Kind;
use super::{Algorithm, KeyError, SigningKey, backend, der, pem, structure};

/// Security Framework: its sample keys are padded, which RFC 7518 §2 forbids. Taken, never written.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A public signing key: a JSON Web Key (RFC 7517 §4) with `use` `sig`.
///
/// It comes from [`SigningKey::public_jwk`], from a public key file, or from JSON. Reading takes padded
/// base64url and passes over members it has no use for, private ones included; writing emits neither.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Members", into = "Members")]
pub struct Jwk {
    key: PublicKey,
    key_id: Option<String>,
    algorithm: Option<Algorithm>,
}

/// What a key publishes of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// Modulus and exponent, without leading zeros (RFC 7518 §6.3.1).
    Rsa { n: Vec<u8>, e: Vec<u8> },
    /// Coordinates, each of the width of its curve (RFC 7518 §6.2.1).
    Ec { kind: Kind, x: Vec<u8>, y: Vec<u8> },
}

impl PublicKey {
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Rsa { .. } => Kind::Rsa,
            Self::Ec { kind, .. } => *kind,
        }
    }
}

impl Jwk {
    /// Reads a public key file: a PEM block `PUBLIC KEY` or `RSA PUBLIC KEY`, as a KMS hands it out.
    pub fn from_public_pem(pem: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Self::from_public_der(pem::public_key(pem.as_ref())?.as_slice())
    }

    /// Reads a public key in DER: a `SubjectPublicKeyInfo` (RFC 5280 §4.1) or PKCS#1.
    pub fn from_public_der(der: impl AsRef<[u8]>) -> Result<Self, KeyError> {
        Ok(Self { key: structure::public_key(der.as_ref())?, key_id: None, algorithm: None })
    }

    pub(super) const fn new(key: PublicKey, key_id: String, algorithm: Algorithm) -> Self {
        Self { key, key_id: Some(key_id), algorithm: Some(algorithm) }
    }

    pub(super) fn into_public_key(self) -> PublicKey {
        self.key
    }

    /// The key id (`kid`), by which a platform finds the key of an assertion.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The algorithm (`alg`) the key is meant for.
    pub const fn algorithm(&self) -> Option<Algorithm> {
        self.algorithm
    }

    /// The SHA-256 thumbprint (RFC 7638), base64url without padding. It depends on the key alone, not on its
    /// id or algorithm. Needs a cryptographic backend.
    pub fn thumbprint(&self) -> Result<String, KeyError> {
        thumbprint(&self.key)
    }
}

/// RFC 7638 §3: the SHA-256 of the required members in the order of their names.
pub(super) fn thumbprint(key: &PublicKey) -> Result<String, KeyError> {
    let members = Members::from(key);
    // Base64url and curve names need no escaping in JSON.
    let text = match (members.n, members.e, members.crv, members.x, members.y) {
        (Some(n), Some(e), ..) => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
        (_, _, crv, x, y) => {
            let [crv, x, y] = [crv, x, y].map(Option::unwrap_or_default);
            format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
        }
    };
    Ok(URL_SAFE_NO_PAD.encode(backend::sha256(text.as_bytes())?))
}

/// The tool's public keys, `{"keys":[…]}`, to be served at its key set URL (RFC 7517 §5).
///
/// While keys are rotated, the set holds the old public key as well as the new one, so that assertions
/// signed just before stay verifiable: read the published set, [`add`](JwkSet::add) the new key, publish,
/// and [`remove`](JwkSet::remove) the old one later.
///
/// ```
/// use lti_ags::{JwkSet, SigningKey};
///
/// # #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))] {
/// let key = SigningKey::generate_p256()?;
/// let mut published = JwkSet::new();
/// published.add(&key)?;
/// let json = serde_json::to_string(&published).unwrap();
/// assert!(json.starts_with(r#"{"keys":[{"kty":"EC","#));
/// # }
/// # Ok::<(), lti_ags::KeyError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Keys")]
pub struct JwkSet {
    keys: Vec<Jwk>,
}

impl JwkSet {
    /// An empty set.
    pub const fn new() -> Self {
        Self { keys: Vec::new() }
    }

    /// Adds the public half of a key. Adding the same key again changes nothing.
    ///
    /// # Errors
    /// [`KeyError::DuplicateKeyId`] if its id already names another key (or the same for another algorithm);
    /// [`KeyError::NoPublicKey`] if it is an external key whose public half is not known.
    pub fn add(&mut self, key: &SigningKey) -> Result<(), KeyError> {
        let key_id = key.key_id();
        let jwk = key.public_jwk().ok_or_else(|| KeyError::NoPublicKey { key_id: key_id.to_owned() })?;
        match self.find(key_id) {
            Some(present) if *present == jwk => Ok(()),
            Some(_) => Err(KeyError::DuplicateKeyId { key_id: key_id.to_owned() }),
            None => {
                self.keys.push(jwk);
                Ok(())
            }
        }
    }

    /// Takes out the keys with this id, and says whether there was one.
    pub fn remove(&mut self, key_id: &str) -> bool {
        let before = self.keys.len();
        self.keys.retain(|key| key.key_id() != Some(key_id));
        self.keys.len() < before
    }

    /// The key with this id.
    pub fn find(&self, key_id: &str) -> Option<&Jwk> {
        self.keys.iter().find(|key| key.key_id() == Some(key_id))
    }

    /// All keys, in the order they were added.
    pub fn keys(&self) -> &[Jwk] {
        &self.keys
    }
}

/// A key set as read. Keys that cannot verify an assertion are passed over (RFC 7517 §5).
#[derive(Deserialize)]
struct Keys {
    keys: Vec<Members>,
}

impl From<Keys> for JwkSet {
    fn from(read: Keys) -> Self {
        Self { keys: read.keys.into_iter().filter_map(|members| members.try_into().ok()).collect() }
    }
}

/// The members as they stand in JSON. There is no `d`, `p`, `q`, `dp`, `dq`, `qi` or `oth`.
#[derive(Default, Serialize, Deserialize)]
struct Members {
    #[serde(default)]
    kty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    usage: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
}

impl From<&PublicKey> for Members {
    fn from(key: &PublicKey) -> Self {
        let encode = |octets| Some(URL_SAFE_NO_PAD.encode(octets));
        match key {
            PublicKey::Rsa { n, e } => {
                Self { kty: "RSA".to_owned(), n: encode(n), e: encode(e), ..Self::default() }
            }
            PublicKey::Ec { kind, x, y } => Self {
                kty: "EC".to_owned(),
                crv: Some(if *kind == Kind::P384 { "P-384" } else { "P-256" }.to_owned()),
                x: encode(x),
                y: encode(y),
                ..Self::default()
            },
        }
    }
}

impl From<Jwk> for Members {
    fn from(jwk: Jwk) -> Self {
        Self {
            kid: jwk.key_id,
            usage: Some("sig".to_owned()),
            alg: jwk.algorithm.map(|algorithm| algorithm.to_string()),
            ..Self::from(&jwk.key)
        }
    }
}

impl TryFrom<Members> for Jwk {
    type Error = KeyError;

    fn try_from(members: Members) -> Result<Self, KeyError> {
        let unsupported = |found: &str| KeyError::Unsupported { found: found.to_owned() };
        if members.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return Err(unsupported("a key that is not for signatures"));
        }
        let key = match (members.kty.as_str(), members.crv.as_deref()) {
            ("RSA", _) => PublicKey::Rsa { n: number(members.n)?, e: number(members.e)? },
            ("EC", Some("P-256")) => ec(Kind::P256, members.x, members.y)?,
            ("EC", Some("P-384")) => ec(Kind::P384, members.x, members.y)?,
            ("EC", _) => return Err(unsupported("a key on another curve")),
            _ => return Err(unsupported("a JWK of another kty")),
        };
        let algorithm: Option<Algorithm> = members.alg.map(|name| name.parse()).transpose()?;
        match algorithm {
            Some(algorithm) if algorithm.kind() != key.kind() => {
                Err(KeyError::AlgorithmMismatch { algorithm, key: key.kind().describe() })
            }
            _ => Ok(Self { key, key_id: members.kid, algorithm }),
        }
    }
}

fn number(member: Option<String>) -> Result<Vec<u8>, KeyError> {
    let member = member.ok_or(KeyError::Malformed { reason: "a required member of the JWK is missing" })?;
    let octets = LENIENT
        .decode(member)
        .map_err(|_| KeyError::Malformed { reason: "a member of the JWK is not base64url" })?;
    match der::strip_zeros(&octets) {
        [] => Err(KeyError::Malformed { reason: "a member of the JWK is empty" }),
        number => Ok(number.to_vec()),
    }
}

fn ec(kind: Kind, x: Option<String>, y: Option<String>) -> Result<PublicKey, KeyError> {
    let coordinate = |member| {
        let number = number(member)?;
        let zeros = kind
            .coordinate_len()
            .checked_sub(number.len())
            .ok_or(KeyError::Malformed { reason: "a coordinate is longer than its curve allows" })?;
        Ok::<_, KeyError>([vec![0; zeros], number].concat())
    };
    Ok(PublicKey::Ec { kind, x: coordinate(x)?, y: coordinate(y)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 7638 §3.1.
    const RFC_7638: &str = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;

    fn read(json: &str) -> Jwk {
        serde_json::from_str(json).unwrap()
    }

    fn written(jwk: &Jwk) -> serde_json::Value {
        serde_json::to_value(jwk).unwrap()
    }

    #[cfg(any(feature = "aws-lc-rs", feature = "rust-crypto"))]
    #[test]
    fn the_thumbprint_is_that_of_the_example_of_rfc_7638() {
        let thumbprint = read(RFC_7638).thumbprint().unwrap();
        assert_eq!(thumbprint, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    // AGS-SEC-04, AMB-33
    #[test]
    fn padding_and_leading_zeros_are_read_but_not_written() {
        let jwk = written(&read(r#"{"kty":"RSA","n":"AP8B","e":"AAEAAQ=="}"#));
        assert_eq!((&jwk["n"], &jwk["e"]), (&"_wE".into(), &"AQAB".into()));
        let jwk = written(&read(r#"{"kty":"EC","crv":"P-384","x":"AQ==","y":"Ag"}"#));
        assert_eq!(jwk["x"].as_str().unwrap(), "A".repeat(62) + "AB", "48 octets, whatever their value");
    }

    // AGS-SEC-05
    #[test]
    fn private_members_are_lost_in_reading() {
        let json = RFC_7638.replace("\"e\"", r#""d":"c2VjcmV0","p":"c2VjcmV0","oth":[{"r":"c2VjcmV0"}],"e""#);
        let jwk = read(&json);
        assert_eq!(jwk, read(RFC_7638));
        assert!(!written(&jwk).to_string().contains("c2VjcmV0"));
    }

    #[test]
    fn a_key_that_cannot_verify_an_assertion_is_refused() {
        for json in [
            r#"{"kty":"oct","k":"c2VjcmV0","alg":"HS256"}"#,
            r#"{"kty":"OKP","crv":"Ed25519","x":"AQ"}"#,
            r#"{"kty":"EC","crv":"P-521","x":"AQ","y":"AQ"}"#,
            r#"{"kty":"EC","crv":"P-256","x":"AQ"}"#,
            r#"{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ","alg":"RS256"}"#,
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB","alg":"RSA-OAEP"}"#,
            r#"{"kty":"RSA","n":"AQAB","e":"AQAB","use":"enc"}"#,
            r#"{"kty":"RSA","n":"AQAB","e":""}"#,
            r#"{"kty":"RSA","n":"A+A/","e":"AQAB"}"#,
            r#"{"n":"AQAB","e":"AQAB"}"#,
        ] {
            assert!(serde_json::from_str::<Jwk>(json).is_err(), "{json}");
        }
        let curve = r#"{"kty":"EC","crv":"P-521","x":"AQ","y":"AQ"}"#;
        assert!(serde_json::from_str::<Jwk>(curve).unwrap_err().to_string().contains("on another curve"));
        let wide = format!(r#"{{"kty":"EC","crv":"P-256","x":"{}","y":"AQ"}}"#, "_".repeat(44));
        assert!(serde_json::from_str::<Jwk>(&wide).unwrap_err().to_string().contains("longer"));
    }

    #[test]
    fn a_set_passes_over_keys_it_cannot_use() {
        let json = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"AQ"}},{RFC_7638}],"more":1}}"#);
        let set: JwkSet = serde_json::from_str(&json).unwrap();
        assert_eq!(set.keys(), [read(RFC_7638)]);
        assert_eq!(set.find("2011-04-29"), Some(&read(RFC_7638)));
        assert!(serde_json::from_str::<JwkSet>("{}").is_err());
    }

    // AGS-SEC-04
    #[test]
    fn an_empty_set_still_has_its_member() {
        assert_eq!(serde_json::to_string(&JwkSet::new()).unwrap(), r#"{"keys":[]}"#);
    }

    // AGS-SEC-06
    #[test]
    fn a_retired_key_is_taken_out_by_its_id() {
        let mut set: JwkSet = serde_json::from_str(&format!(r#"{{"keys":[{RFC_7638}]}}"#)).unwrap();
        assert!(!set.remove("another"));
        assert!(set.remove("2011-04-29"));
        assert!(set.keys().is_empty());
    }
}
