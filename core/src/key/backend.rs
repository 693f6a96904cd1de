//! The cryptographic backends, reached by name. The process-global provider of `jsonwebtoken` is never used:
//! it panics unless exactly one backend is compiled in, which is not ours to decide.

use jsonwebtoken::EncodingKey;
use jsonwebtoken::crypto::CryptoProvider;
use jsonwebtoken::jwk::ThumbprintHash;

use super::algorithm::Kind;
use super::jwk::PublicKey;
use super::{Algorithm, KeyError, der};

pub(super) use chosen::{generate_ec, generate_rsa};

/// The backend in use, or why there is none.
pub(super) fn provider() -> Result<&'static CryptoProvider, KeyError> {
    chosen::PROVIDER.ok_or(KeyError::NoBackend)
}

/// Checks a private key (PKCS#1 for RSA, PKCS#8 for a curve) and takes out its public half.
pub(super) fn load(kind: Kind, private: &[u8]) -> Result<(EncodingKey, PublicKey), KeyError> {
    let utils = &provider()?.key_utils;
    match kind {
        Kind::Rsa => {
            let (n, e) = (utils.rsa_pub_components_from_private_key)(private).map_err(failed)?;
            let [n, e] = [n, e].map(|number| der::strip_zeros(&number).to_vec());
            Ok((EncodingKey::from_rsa_der(private), PublicKey::Rsa { n, e }))
        }
        Kind::P256 | Kind::P384 => {
            let algorithm = kind.default_algorithm().backend();
            let (_, x, y) = (utils.ec_pub_components_from_private_key)(private, algorithm).map_err(failed)?;
            Ok((EncodingKey::from_ec_der(private), PublicKey::Ec { kind, x, y }))
        }
    }
}

pub(super) fn sign(algorithm: Algorithm, key: &EncodingKey, message: &[u8]) -> Result<Vec<u8>, KeyError> {
    let signer = (provider()?.signer_factory)(&algorithm.backend(), key).map_err(failed)?;
    signer.try_sign(message).map_err(|source| KeyError::Sign { source: source.into() })
}

pub(super) fn sha256(data: &[u8]) -> Result<Vec<u8>, KeyError> {
    (provider()?.key_utils.compute_digest)(data, ThumbprintHash::SHA256).map_err(failed)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape `map_err` asks for")]
fn failed(error: impl ToString) -> KeyError {
    KeyError::Backend { reason: error.to_string() }
}

#[cfg(feature = "aws-lc-rs")]
mod chosen {
    use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair,
    };
    use zeroize::Zeroizing;

    use super::{CryptoProvider, KeyError, Kind, failed};

    pub(super) const PROVIDER: Option<&CryptoProvider> =
        Some(&jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER);

    /// A new RSA key, as PKCS#8.
    pub(in super::super) fn generate_rsa(bits: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let size = [KeySize::Rsa2048, KeySize::Rsa3072, KeySize::Rsa4096]
            .into_iter()
            .find(|size| size.len() * 8 == bits)
            .ok_or(KeyError::RsaSize { bits })?;
        let der: Pkcs8V1Der<'_> = KeyPair::generate(size).and_then(|key| key.as_der()).map_err(failed)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    /// A new key on a curve, as PKCS#8.
    pub(in super::super) fn generate_ec(kind: Kind) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let algorithm = match kind {
            Kind::P384 => &ECDSA_P384_SHA384_FIXED_SIGNING,
            _ => &ECDSA_P256_SHA256_FIXED_SIGNING,
        };
        let der = EcdsaKeyPair::generate(algorithm).and_then(|key| key.to_pkcs8v1()).map_err(failed)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }
}

#[cfg(all(feature = "rust-crypto", not(feature = "aws-lc-rs")))]
mod chosen {
    use rsa::RsaPrivateKey;
    use rsa::pkcs8::EncodePrivateKey as _;
    use rsa::rand_core::OsRng;
    use zeroize::Zeroizing;

    use super::{CryptoProvider, KeyError, Kind, failed};

    pub(super) const PROVIDER: Option<&CryptoProvider> =
        Some(&jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER);

    /// A new RSA key, as PKCS#8.
    pub(in super::super) fn generate_rsa(bits: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        if !matches!(bits, 2048 | 3072 | 4096) {
            return Err(KeyError::RsaSize { bits });
        }
        let key = RsaPrivateKey::new(&mut OsRng, bits).map_err(failed)?;
        Ok(key.to_pkcs8_der().map_err(failed)?.to_bytes())
    }

    /// A new key on a curve, as PKCS#8.
    pub(in super::super) fn generate_ec(kind: Kind) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let der = match kind {
            Kind::P384 => p384::SecretKey::random(&mut OsRng).to_pkcs8_der(),
            _ => p256::SecretKey::random(&mut OsRng).to_pkcs8_der(),
        };
        Ok(der.map_err(failed)?.to_bytes())
    }
}

#[cfg(not(any(feature = "aws-lc-rs", feature = "rust-crypto")))]
mod chosen {
    use zeroize::Zeroizing;

    use super::{CryptoProvider, KeyError, Kind};

    pub(super) const PROVIDER: Option<&CryptoProvider> = None;

    pub(in super::super) fn generate_rsa(_bits: usize) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        Err(KeyError::NoBackend)
    }

    pub(in super::super) fn generate_ec(_kind: Kind) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        Err(KeyError::NoBackend)
    }
}
