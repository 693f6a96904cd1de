//! Keys of all kinds, used and published. Keys are generated, once per process.

mod files;

use std::sync::LazyLock;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::CryptoProvider;

use super::der::{BIT_STRING, CONTEXT_0, INTEGER, NULL, OCTET_STRING, OID, Reader, SEQUENCE, element};
use super::*;

static RSA: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate_rsa(2048).unwrap());
static P256: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate_p256().unwrap());
static P384: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate_p384().unwrap());

const RSA_ALGORITHMS: [Algorithm; 6] = [
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
];

/// Every backend compiled in: signatures of the one in use must satisfy all of them.
fn providers() -> Vec<&'static CryptoProvider> {
    vec![
        #[cfg(feature = "aws-lc-rs")]
        &jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER,
        #[cfg(feature = "rust-crypto")]
        &jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER,
    ]
}

/// Verifies as a platform does: from the published JSON alone.
fn verifies(jwk: &serde_json::Value, message: &[u8], signature: &[u8]) -> bool {
    let member = |name: &str| jwk[name].as_str().unwrap();
    let key = match member("kty") {
        "RSA" => DecodingKey::from_rsa_components(member("n"), member("e")),
        _ => DecodingKey::from_ec_components(member("x"), member("y")),
    }
    .unwrap();
    let algorithm = member("alg").parse().unwrap();
    providers().into_iter().all(|provider| {
        let verifier = (provider.verifier_factory)(&algorithm, &key).unwrap();
        verifier.verify(message, &signature.to_vec()).is_ok()
    })
}

fn published(key: &SigningKey) -> serde_json::Value {
    serde_json::to_value(key.public_jwk().unwrap()).unwrap()
}

fn pkcs8(key: &SigningKey) -> Vec<u8> {
    pem::private_key(key.to_pkcs8_pem().unwrap().as_ref()).unwrap().to_vec()
}

fn spki(key: &SigningKey) -> Vec<u8> {
    let (algorithm, public) = match &**key.public.as_ref().unwrap() {
        PublicKey::Rsa { n, e } => (
            [element(OID, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]]), element(NULL, &[])],
            element(SEQUENCE, &[&element(INTEGER, &[&[0], n]), &element(INTEGER, &[e])]).to_vec(),
        ),
        PublicKey::Ec { x, y, .. } => (
            [
                element(OID, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]]),
                element(OID, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]]),
            ],
            [[4].as_slice(), x, y].concat(),
        ),
    };
    let algorithm = element(SEQUENCE, &[&algorithm[0], &algorithm[1]]);
    element(SEQUENCE, &[&algorithm, &element(BIT_STRING, &[&[0], &public])]).to_vec()
}

// AGS-TOKREQ-09, AGS-CERT-01, AGS-SEC-04
#[test]
fn what_any_algorithm_signs_is_verified_with_the_published_key() {
    let rsa = RSA_ALGORITHMS.map(|algorithm| RSA.clone().with_algorithm(algorithm).unwrap());
    for key in rsa.iter().chain([&*P256, &*P384]) {
        let signature = key.sign(b"header.claims").unwrap();
        let jwk = published(key);
        assert_eq!(jwk["alg"], key.algorithm().as_str());
        assert_eq!(jwk["kid"], key.key_id());
        assert!(verifies(&jwk, b"header.claims", &signature), "{key:?}");
        assert!(!verifies(&jwk, b"header.claimz", &signature), "{key:?}");
        // RFC 7518 §3.4: r and s, not ASN.1.
        let len = key.algorithm().signature_len().unwrap_or(256);
        assert_eq!(signature.len(), len, "{key:?}");
    }
}

// AGS-TOKREQ-09, AGS-CERT-01
#[test]
fn rs256_is_what_an_rsa_key_signs_with_unless_told_otherwise() {
    assert_eq!(RSA.algorithm(), Algorithm::Rs256);
    assert_eq!(P256.algorithm(), Algorithm::Es256);
    assert_eq!(P384.algorithm(), Algorithm::Es384);
}

#[test]
fn an_algorithm_must_fit_the_kind_of_the_key() {
    for (key, algorithm) in [
        (&RSA, Algorithm::Es256),
        (&P256, Algorithm::Es384),
        (&P256, Algorithm::Rs256),
        (&P384, Algorithm::Es256),
        (&P384, Algorithm::Ps512),
    ] {
        let error = SigningKey::clone(key).with_algorithm(algorithm).unwrap_err();
        assert!(error.to_string().starts_with(&format!("{algorithm} cannot be used with a")), "{error}");
    }
}

// AGS-SEC-03
#[test]
fn only_safe_sizes_are_generated() {
    for bits in [0, 512, 1024, 2047, 2049, 1 << 20] {
        assert!(matches!(SigningKey::generate_rsa(bits), Err(KeyError::RsaSize { bits: b }) if b == bits));
    }
}

// AGS-SEC-04, AGS-SEC-05
#[test]
fn the_published_set_has_exactly_the_public_members() {
    let mut set = JwkSet::new();
    set.add(&RSA.clone().with_key_id("tool-1")).unwrap();
    set.add(&P256.clone().with_key_id("tool-2")).unwrap();
    let json = serde_json::to_string(&set).unwrap();
    assert!(!json.contains('='));

    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let names = |index: usize| value["keys"][index].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(0), ["alg", "e", "kid", "kty", "n", "use"]);
    assert_eq!(names(1), ["alg", "crv", "kid", "kty", "use", "x", "y"]);
    let rsa = &value["keys"][0];
    assert_eq!((&rsa["e"], &rsa["use"], &rsa["alg"]), (&"AQAB".into(), &"sig".into(), &"RS256".into()));
    assert_eq!(rsa["n"].as_str().unwrap().len(), 342, "256 octets: no leading zero");
    assert_eq!(value["keys"][1]["x"].as_str().unwrap().len(), 43);

    let read: JwkSet = serde_json::from_str(&json).unwrap();
    assert_eq!(read, set);
}

// AGS-SEC-05
#[test]
fn debug_shows_nothing_of_the_private_key() {
    let pem = RSA.to_pkcs8_pem().unwrap();
    assert_eq!(format!("{pem:?}"), "PrivateKeyPem([redacted])");
    let shown = format!("{:?}", RSA.clone().with_key_id("tool-1"));
    assert_eq!(shown, r#"SigningKey { key_id: "tool-1", algorithm: Rs256, private: [redacted], .. }"#);
}

// AGS-SEC-06
#[test]
fn a_key_id_is_not_reused_for_another_key() {
    let mut set = JwkSet::new();
    let old = RSA.clone().with_key_id("2025");
    set.add(&old).unwrap();
    set.add(&old).unwrap();
    assert_eq!(set.keys().len(), 1, "the same key again changes nothing");

    let error = set.add(&P256.clone().with_key_id("2025")).unwrap_err();
    assert!(matches!(error, KeyError::DuplicateKeyId { ref key_id } if key_id == "2025"));
    let other = old.with_algorithm(Algorithm::Ps256).unwrap();
    assert!(matches!(set.add(&other), Err(KeyError::DuplicateKeyId { .. })));

    set.add(&P256.clone().with_key_id("2026")).unwrap();
    assert_eq!(set.keys().len(), 2, "both during the overlap");
}

// AGS-SEC-06, AGS-SEC-07
#[test]
fn keys_are_told_apart_by_their_thumbprints_unless_named() {
    let ids = [&RSA, &P256, &P384].map(|key| key.key_id().to_owned());
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2]);
    for (key, id) in [&RSA, &P256, &P384].iter().zip(&ids) {
        assert_eq!(key.public_jwk().unwrap().thumbprint().unwrap(), *id);
        assert_eq!(SigningKey::clone(key).with_key_id("named").key_id(), "named");
    }
}

#[test]
fn a_public_half_that_belongs_to_another_key_is_not_attached() {
    let other = SigningKey::generate_p256().unwrap().public_jwk().unwrap();
    let error = P256.clone().with_public_jwk(other).unwrap_err();
    assert!(matches!(error, KeyError::PublicKeyMismatch { .. }));
}

#[test]
fn an_external_signer_is_interchangeable_with_a_local_key() {
    struct Hsm(SigningKey);
    impl Signer for Hsm {
        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
            Ok(self.0.sign(message)?)
        }
    }
    let key = SigningKey::external(Algorithm::Es384, "hsm", Hsm(P384.clone()));
    let key = key.with_public_jwk(Jwk::from_public_der(spki_of_p384()).unwrap()).unwrap();
    assert!(verifies(&published(&key), b"message", &key.sign(b"message").unwrap()));
}

fn spki_of_p384() -> Vec<u8> {
    let p256: &[u8] = &[0x06, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
    let der = spki(&P384);
    let at = der.windows(p256.len()).position(|window| window == p256).unwrap();
    let point = &der[at + p256.len()..];
    let algorithm =
        [element(OID, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]]), element(OID, &[&[0x2b, 0x81, 4, 0, 0x22]])];
    element(SEQUENCE, &[&element(SEQUENCE, &[&algorithm[0], &algorithm[1]]), point]).to_vec()
}

#[test]
fn keys_are_shared_between_threads() {
    fn is_shared<T: Send + Sync + Clone + 'static>() {}
    is_shared::<SigningKey>();
    is_shared::<JwkSet>();
}
