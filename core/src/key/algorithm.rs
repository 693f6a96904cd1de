//! The signature algorithms an assertion may be signed with (1EdTech Security Framework 1.0, "RSA Key";
//! RFC 7518 §3.1), and the kinds of key they need.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::KeyError;

/// A JSON Web Signature algorithm, by its JOSE name (RFC 7518 §3.1).
///
/// Only public-key algorithms have a name here: LTI forbids symmetric signing, so `none` and `HS256` and its
/// kin cannot be expressed. Every platform takes [`RS256`](Algorithm::Rs256); ask yours before using another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "&'static str")]
#[non_exhaustive]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256, the algorithm of LTI.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512,
    /// RSASSA-PSS with SHA-256.
    Ps256,
    /// RSASSA-PSS with SHA-384.
    Ps384,
    /// RSASSA-PSS with SHA-512.
    Ps512,
    /// ECDSA on the curve P-256 with SHA-256.
    Es256,
    /// ECDSA on the curve P-384 with SHA-384.
    Es384,
}

impl Algorithm {
    const ALL: [Self; 8] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Es256,
        Self::Es384,
    ];

    /// The JOSE name, as it stands in the header member `alg`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
        }
    }

    pub(super) const fn kind(self) -> Kind {
        match self {
            Self::Es256 => Kind::P256,
            Self::Es384 => Kind::P384,
            _ => Kind::Rsa,
        }
    }

    /// The exact length of a signature, where the algorithm alone decides it (RFC 7518 §3.4).
    pub(super) const fn signature_len(self) -> Option<usize> {
        match self.kind() {
            Kind::Rsa => None,
            kind => Some(2 * kind.coordinate_len()),
        }
    }

    pub(super) const fn backend(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
            Self::Rs384 => jsonwebtoken::Algorithm::RS384,
            Self::Rs512 => jsonwebtoken::Algorithm::RS512,
            Self::Ps256 => jsonwebtoken::Algorithm::PS256,
            Self::Ps384 => jsonwebtoken::Algorithm::PS384,
            Self::Ps512 => jsonwebtoken::Algorithm::PS512,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Es384 => jsonwebtoken::Algorithm::ES384,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = KeyError;

    /// Reads a JOSE name; names are case-sensitive (RFC 7515 §4.1.1).
    fn from_str(name: &str) -> Result<Self, KeyError> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name)
            // Bounded: what was given by mistake may be a whole file, or a secret.
            .ok_or_else(|| KeyError::UnknownAlgorithm { name: name.chars().take(16).collect() })
    }
}

impl TryFrom<String> for Algorithm {
    type Error = KeyError;

    fn try_from(name: String) -> Result<Self, KeyError> {
        name.parse()
    }
}

impl From<Algorithm> for &'static str {
    fn from(algorithm: Algorithm) -> Self {
        algorithm.as_str()
    }
}

/// What a key is mathematically: RSA, or a point on a curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Rsa,
    P256,
    P384,
}

impl Kind {
    pub(super) const fn default_algorithm(self) -> Algorithm {
        match self {
            Self::Rsa => Algorithm::Rs256,
            Self::P256 => Algorithm::Es256,
            Self::P384 => Algorithm::Es384,
        }
    }

    /// Octets of one coordinate, and of each half of a signature (RFC 7518 §6.2.1.2); 0 for RSA.
    pub(super) const fn coordinate_len(self) -> usize {
        match self {
            Self::Rsa => 0,
            Self::P256 => 32,
            Self::P384 => 48,
        }
    }

    /// The kind and the algorithms for it, for people.
    pub(super) const fn describe(self) -> &'static str {
        match self {
            Self::Rsa => "an RSA key (RS256, RS384, RS512, PS256, PS384 or PS512)",
            Self::P256 => "a P-256 key (ES256)",
            Self::P384 => "a P-384 key (ES384)",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_algorithm_is_read_back_from_its_jose_name() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.to_string().parse::<Algorithm>().unwrap(), algorithm);
            let json = serde_json::to_string(&algorithm).unwrap();
            assert_eq!(json, format!("\"{algorithm}\""));
            assert_eq!(serde_json::from_str::<Algorithm>(&json).unwrap(), algorithm);
        }
    }

    // AGS-TOKREQ-09, AGS-CERT-07
    #[test]
    fn neither_none_nor_a_symmetric_algorithm_has_a_name() {
        for name in ["none", "None", "HS256", "HS384", "HS512", "rs256", "RS1", "EdDSA", ""] {
            assert!(matches!(name.parse::<Algorithm>(), Err(KeyError::UnknownAlgorithm { .. })), "{name}");
            assert!(serde_json::from_value::<Algorithm>(name.into()).is_err(), "{name}");
        }
    }

    #[test]
    fn a_long_wrong_name_is_not_echoed_whole() {
        let error = "-----BEGIN PRIVATE KEY-----c2VjcmV0".parse::<Algorithm>().unwrap_err();
        assert!(!error.to_string().contains("c2VjcmV0"));
    }
}
