//! What a key file holds, by its DER structure: PKCS#8 (RFC 5958), PKCS#1 (RFC 8017 A.1), EC private keys
//! (RFC 5915) and `SubjectPublicKeyInfo` (RFC 5280 §4.1).

use zeroize::Zeroizing;

use super::KeyError;
use super::algorithm::Kind;
use super::der::{self, Reader, element};
use super::error::MIN_RSA_BITS;
use super::jwk::PublicKey;

const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
/// PKCS#5 (RFC 8018), the algorithms of an encrypted private key.
const PKCS5: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x05];

const NOT_DER: KeyError =
    KeyError::Malformed { reason: "it is not the DER of a key, or not the whole of it" };

/// The kind of a private key, and its DER as the backends take it: PKCS#1 for RSA, PKCS#8 for a curve.
pub(super) fn private_key(der: &[u8]) -> Result<(Kind, Zeroizing<Vec<u8>>), KeyError> {
    let mut body = whole(der)?;
    if body.unsigned().is_none() {
        return Err(not_private(body));
    }
    // All private keys begin with a version. What follows it tells them apart.
    if let Some(mut algorithm) = body.sequence() {
        let oid = algorithm.next(der::OID).ok_or(NOT_DER)?;
        let key = body.next(der::OCTET_STRING).ok_or(NOT_DER)?;
        match oid {
            RSA => rsa_private_key(key),
            EC => Ok((curve(algorithm.next(der::OID))?, owned(der))),
            other => Err(unsupported_key(other)),
        }
    } else if body.next(der::OCTET_STRING).is_some() {
        let parameters = body.next(der::CONTEXT_0).and_then(|named| Reader::new(named).next(der::OID));
        let kind = curve(parameters)?;
        Ok((kind, pkcs8(kind, der)))
    } else {
        rsa_private_key(der)
    }
}

/// A private key as the backends take it, wrapped as PKCS#8 if it is not yet.
pub(super) fn to_pkcs8(kind: Kind, der: &[u8]) -> Zeroizing<Vec<u8>> {
    match kind {
        Kind::Rsa => pkcs8(kind, der),
        Kind::P256 | Kind::P384 => owned(der),
    }
}

/// The public key of a `SubjectPublicKeyInfo` or of PKCS#1.
pub(super) fn public_key(der: &[u8]) -> Result<PublicKey, KeyError> {
    let mut body = whole(der)?;
    let Some(mut algorithm) = body.sequence() else {
        return rsa_public_key(der);
    };
    let not_public = || KeyError::NotPublic { found: "a certificate, or something else that is no key" };
    let oid = algorithm.next(der::OID).ok_or_else(not_public)?;
    // The first octet counts the bits unused in the last: none (RFC 3279 §2.3).
    let Some([0, key @ ..]) = body.next(der::BIT_STRING) else { return Err(not_public()) };
    match oid {
        RSA => rsa_public_key(key),
        EC => {
            let kind = curve(algorithm.next(der::OID))?;
            let reason = "its point is not in uncompressed form";
            match key {
                [4, point @ ..] if point.len() == 2 * kind.coordinate_len() => {
                    let (x, y) = point.split_at(kind.coordinate_len());
                    Ok(PublicKey::Ec { kind, x: x.to_vec(), y: y.to_vec() })
                }
                _ => Err(KeyError::Malformed { reason }),
            }
        }
        other => Err(unsupported_key(other)),
    }
}

fn whole(der: &[u8]) -> Result<Reader<'_>, KeyError> {
    let mut file = Reader::new(der);
    let body = file.sequence().ok_or(NOT_DER)?;
    if file.is_empty() { Ok(body) } else { Err(KeyError::Malformed { reason: "octets follow the key" }) }
}

fn rsa_private_key(pkcs1: &[u8]) -> Result<(Kind, Zeroizing<Vec<u8>>), KeyError> {
    let mut body = whole(pkcs1)?;
    match [body.unsigned(), body.unsigned(), body.unsigned()] {
        // Two numbers and no more: the modulus and the exponent of a public key.
        [Some([_, ..]), Some(_), None] if body.is_empty() => {
            Err(KeyError::NotPrivate { found: "a public key" })
        }
        [_, Some(n), Some(_)] => {
            check_rsa_bits(n)?;
            Ok((Kind::Rsa, owned(pkcs1)))
        }
        _ => Err(NOT_DER),
    }
}

fn rsa_public_key(pkcs1: &[u8]) -> Result<PublicKey, KeyError> {
    let mut body = whole(pkcs1)?;
    match (body.unsigned(), body.unsigned()) {
        (Some(n @ [_, ..]), Some(e @ [_, ..])) if body.is_empty() => {
            Ok(PublicKey::Rsa { n: n.to_vec(), e: e.to_vec() })
        }
        // A version, and then what private keys hold.
        (Some(_), _) if !body.is_empty() => Err(KeyError::NotPublic { found: "a private key" }),
        _ => Err(NOT_DER),
    }
}

pub(super) fn check_rsa_bits(n: &[u8]) -> Result<(), KeyError> {
    match der::bits(n) {
        bits if bits < MIN_RSA_BITS => Err(KeyError::RsaTooShort { bits }),
        _ => Ok(()),
    }
}

/// Why something without a version in front is no private key.
fn not_private(mut body: Reader<'_>) -> KeyError {
    let Some(mut first) = body.sequence() else { return NOT_DER };
    match first.next(der::OID) {
        Some(oid) if oid.starts_with(PKCS5) => KeyError::Encrypted,
        Some(_) => KeyError::NotPrivate { found: "a public key" },
        None => KeyError::NotPrivate { found: "a certificate" },
    }
}

fn curve(oid: Option<&[u8]>) -> Result<Kind, KeyError> {
    let found = match oid {
        Some(P256) => return Ok(Kind::P256),
        Some(P384) => return Ok(Kind::P384),
        Some(other) => match der::dotted(other).as_str() {
            "1.3.132.0.35" => "a key on the curve P-521".to_owned(),
            "1.3.132.0.10" => "a key on the curve secp256k1".to_owned(),
            dotted => format!("a key on the curve {dotted}"),
        },
        None => "a key whose curve is not named".to_owned(),
    };
    Err(KeyError::Unsupported { found })
}

fn unsupported_key(oid: &[u8]) -> KeyError {
    let found = match der::dotted(oid).as_str() {
        "1.3.101.110" | "1.3.101.111" => "a key for key agreement (X25519 or X448)".to_owned(),
        "1.3.101.112" => "an Ed25519 key".to_owned(),
        "1.3.101.113" => "an Ed448 key".to_owned(),
        "1.2.840.10040.4.1" => "a DSA key".to_owned(),
        "1.2.840.113549.1.1.10" => "an RSA key restricted to PSS (id-RSASSA-PSS)".to_owned(),
        dotted => format!("a key of the kind {dotted}"),
    };
    KeyError::Unsupported { found }
}

fn pkcs8(kind: Kind, key: &[u8]) -> Zeroizing<Vec<u8>> {
    let (algorithm, parameters) = match kind {
        Kind::Rsa => (RSA, element(der::NULL, &[])),
        Kind::P256 => (EC, element(der::OID, &[P256])),
        Kind::P384 => (EC, element(der::OID, &[P384])),
    };
    let algorithm = element(der::SEQUENCE, &[&element(der::OID, &[algorithm]), &parameters]);
    let version = element(der::INTEGER, &[&[0]]);
    element(der::SEQUENCE, &[&version, &algorithm, &element(der::OCTET_STRING, &[key])])
}

fn owned(der: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(der.to_vec())
}
