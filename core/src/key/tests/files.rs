//! Key files in all their forms, and what is said of those that cannot be used.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;

use super::*;

const CURVE_P256: [u8; 8] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];

/// The key inside of PKCS#8: PKCS#1 for RSA, an EC private key for a curve.
fn inner(key: &SigningKey) -> Vec<u8> {
    let der = pkcs8(key);
    let mut body = Reader::new(&der).sequence().unwrap();
    body.unsigned().unwrap();
    body.sequence().unwrap();
    body.next(OCTET_STRING).unwrap().to_vec()
}

/// An EC private key as a file of its own, which names its curve (RFC 5915 §3).
fn sec1(key: &SigningKey, curve: &[u8]) -> Vec<u8> {
    let der = inner(key);
    let private = Reader::new(&der).sequence().map(|mut body| {
        body.unsigned().unwrap();
        body.next(OCTET_STRING).unwrap()
    });
    let named = element(CONTEXT_0, &[&element(OID, &[curve])]);
    element(SEQUENCE, &[&element(INTEGER, &[&[1]]), &element(OCTET_STRING, &[private.unwrap()]), &named])
        .to_vec()
}

/// A private key of some other kind, by the name of its algorithm.
fn pkcs8_of(algorithm: &[u8]) -> Vec<u8> {
    let algorithm = element(SEQUENCE, &[&element(OID, &[algorithm])]);
    let key = element(OCTET_STRING, &[&element(OCTET_STRING, &[&[7; 32]])]);
    element(SEQUENCE, &[&element(INTEGER, &[&[0]]), &algorithm, &key]).to_vec()
}

fn to_pem(label: &str, der: &[u8]) -> String {
    let base64 = STANDARD.encode(der);
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

fn refusal(pem: impl AsRef<[u8]>) -> KeyError {
    SigningKey::from_pem(pem).unwrap_err()
}

// AGS-SEC-03
#[test]
fn a_short_rsa_key_is_refused_with_its_bits_and_the_minimum() {
    for (bits, len, top) in [(1024, 128, 0x80), (2047, 256, 0x40)] {
        let mut n = vec![0x55; len + 1];
        (n[0], n[1]) = (0, top);
        let der = pkcs1(&[&[0], &n, &[1, 0, 1], &[3], &[3], &[3], &[3], &[3], &[3]]);
        let error = refusal(to_pem("RSA PRIVATE KEY", &der));
        assert_eq!(error.to_string(), format!("the RSA key has {bits} bits; at least 2048 are needed"));
        let wrapped = structure::to_pkcs8(Kind::Rsa, &der);
        assert!(
            matches!(SigningKey::from_der(&wrapped[..]), Err(KeyError::RsaTooShort { bits: b }) if b == bits)
        );
    }
}

// AGS-SEC-03
#[cfg(feature = "rust-crypto")]
#[test]
fn a_genuine_key_of_1024_bits_is_refused() {
    use rsa::pkcs8::EncodePrivateKey as _;
    let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 1024).unwrap();
    let error = SigningKey::from_der(key.to_pkcs8_der().unwrap().as_bytes()).unwrap_err();
    assert!(matches!(error, KeyError::RsaTooShort { bits: 1024 }));
}

// AGS-SEC-05
#[test]
fn no_error_echoes_the_file() {
    let pem = P256.to_pkcs8_pem().unwrap();
    let secret = pem.as_str().lines().nth(1).unwrap();
    for damaged in [
        pem.as_str().replace("-----END", "----END"),
        pem.as_str().replace("-----BEGIN", "BEGIN"),
        pem.as_str().replace(secret, &format!("!{secret}")),
        pem.as_str().replace(secret, &secret[..32]),
        format!("{0}{0}", pem.as_str()),
    ] {
        let error = refusal(damaged);
        assert!(!format!("{error} {error:?}").contains(&secret[..16]), "{error:?}");
    }
}

#[test]
fn a_key_is_read_from_every_form_it_is_kept_in() {
    let forms = [
        (&RSA, "PRIVATE KEY", pkcs8(&RSA)),
        (&RSA, "RSA PRIVATE KEY", inner(&RSA)),
        (&P256, "PRIVATE KEY", pkcs8(&P256)),
        (&P256, "EC PRIVATE KEY", sec1(&P256, &CURVE_P256)),
        (&P384, "PRIVATE KEY", pkcs8(&P384)),
        (&P384, "EC PRIVATE KEY", sec1(&P384, &[0x2b, 0x81, 4, 0, 0x22])),
    ];
    for (key, label, der) in forms {
        let pem = to_pem(label, &der);
        let spellings = [
            pem.clone(),
            pem.replace('\n', "\r\n"),
            pem.replace('\n', "\\n"),
            pem.replace('\n', " "),
            format!("\u{feff}Bag Attributes\n    friendlyName: tool\n{pem}"),
            format!("-----BEGIN EC PARAMETERS-----\nBggq\n-----END EC PARAMETERS-----\n{pem}"),
            format!("{pem}-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"),
        ];
        for spelling in spellings {
            let read = SigningKey::from_pem(&spelling).unwrap();
            assert_eq!(read.public_jwk(), key.public_jwk(), "{label}");
            assert!(verifies(&published(key), b"message", &read.sign(b"message").unwrap()), "{label}");
        }
        assert_eq!(SigningKey::from_der(&der).unwrap().public_jwk(), key.public_jwk(), "{label}");
    }
}

#[test]
fn what_is_written_as_pem_is_read_back_as_the_same_key() {
    for key in [&RSA, &P256, &P384] {
        let pem = key.to_pkcs8_pem().unwrap();
        assert!(pem.as_str().starts_with("-----BEGIN PRIVATE KEY-----\nMI"));
        assert!(pem.as_str().ends_with("\n-----END PRIVATE KEY-----\n"));
        assert!(pem.as_str().lines().all(|line| line.len() <= 64));
        assert_eq!(SigningKey::from_pem(&pem).unwrap().public_jwk(), key.public_jwk());
    }
}

#[test]
fn a_public_key_is_read_from_the_forms_a_kms_gives() {
    for key in [&RSA, &P256] {
        let der = spki(key);
        let jwk = Jwk::from_public_pem(to_pem("PUBLIC KEY", &der)).unwrap();
        assert_eq!(jwk.thumbprint().unwrap(), key.key_id());
        assert_eq!(Jwk::from_public_der(der).unwrap(), jwk);
        assert_eq!(SigningKey::clone(key).with_public_jwk(jwk).unwrap().public_jwk(), key.public_jwk());
    }
}

#[test]
fn a_private_key_is_not_taken_for_a_public_one() {
    let error = Jwk::from_public_pem(P256.to_pkcs8_pem().unwrap()).unwrap_err();
    assert!(error.to_string().starts_with("this is a private key; the public key is needed"));
    for der in [pkcs8(&RSA), inner(&RSA), pkcs8(&P256), inner(&P256)] {
        assert!(matches!(Jwk::from_public_der(der), Err(KeyError::NotPublic { found: "a private key" })));
    }
}

#[test]
fn what_is_no_pem_is_told_so() {
    for bytes in [&b""[..], b"MIIEvQIBADAN", b"\x30\x82\x04\xbd", b"\xff\xfe-\0-\0", b"{\"kty\":\"RSA\"}"] {
        assert!(matches!(refusal(bytes), KeyError::NotPem));
    }
    assert!(matches!(refusal(pkcs8(&P256)), KeyError::NotPem));
}

#[test]
fn a_public_key_or_a_certificate_is_not_taken_for_a_private_key() {
    let certificate = element(SEQUENCE, &[&element(SEQUENCE, &[&element(CONTEXT_0, &[])])]);
    for (label, der, found) in [
        ("PUBLIC KEY", spki(&RSA), "a public key"),
        ("RSA PUBLIC KEY", vec![], "a public key"),
        ("CERTIFICATE", certificate.to_vec(), "a certificate"),
        ("CERTIFICATE REQUEST", vec![], "a certificate request"),
        // Whatever the label says, the structure decides.
        ("PRIVATE KEY", spki(&P256), "a public key"),
        ("PRIVATE KEY", certificate.to_vec(), "a certificate"),
    ] {
        let error = refusal(to_pem(label, &der));
        assert_eq!(
            error.to_string(),
            format!("this is {found}; signing needs the private key that belongs to it")
        );
    }
    let pkcs1 = element(SEQUENCE, &[&element(INTEGER, &[&[0x7f; 256]]), &element(INTEGER, &[&[1, 0, 1]])]);
    assert!(matches!(SigningKey::from_der(&pkcs1[..]), Err(KeyError::NotPrivate { found: "a public key" })));
}

#[test]
fn what_a_file_holds_in_place_of_a_key_is_named() {
    let long = format!("{} PRIVATE KEY", "X".repeat(60));
    for (label, named) in [
        ("EC PARAMETERS", "a curve's parameters without a key"),
        ("CERTIFICATE", "a certificate"),
        ("PUBLIC KEY", "a public key"),
        ("DH KEY", "a PEM block without a key"),
        ("DSA PRIVATE KEY", "\"DSA PRIVATE KEY\""),
        (&*long, &format!("\"{}\"", "X".repeat(40))),
    ] {
        let error = refusal(to_pem(label, &[0; 3])).to_string();
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn an_encrypted_key_is_refused_with_the_command_that_decrypts_it() {
    let pbes2 = element(SEQUENCE, &[&element(OID, &[&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13]])]);
    let encrypted = element(SEQUENCE, &[&pbes2, &element(OCTET_STRING, &[&[7; 64]])]);
    let legacy = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMIIE\n\
                  -----END RSA PRIVATE KEY-----\n";
    for error in [
        refusal(to_pem("ENCRYPTED PRIVATE KEY", &encrypted)),
        refusal(legacy),
        SigningKey::from_der(&encrypted[..]).unwrap_err(),
    ] {
        assert!(error.to_string().contains("openssl pkey -in"), "{error}");
    }
}

#[test]
fn a_key_of_another_kind_is_named() {
    for (der, name) in [
        (pkcs8_of(&[0x2b, 0x65, 0x70]), "an Ed25519 key"),
        (pkcs8_of(&[0x2b, 0x65, 0x71]), "an Ed448 key"),
        (pkcs8_of(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10]), "restricted to PSS"),
        (pkcs8_of(&[0x2a, 0x03]), "a key of the kind 1.2.3"),
        (sec1(&P256, &[0x2b, 0x81, 4, 0, 0x0a]), "secp256k1"),
        (sec1(&P256, &[0x2b, 0x81, 4, 0, 0x23]), "P-521"),
        (inner(&P256), "whose curve is not named"),
    ] {
        let error = SigningKey::from_der(der).unwrap_err();
        assert!(matches!(error, KeyError::Unsupported { .. }), "{error:?}");
        assert!(error.to_string().contains(name), "{error}");
    }
    assert!(matches!(refusal(to_pem("DSA PRIVATE KEY", b"")), KeyError::Unsupported { .. }));
    assert!(refusal(to_pem("OPENSSH PRIVATE KEY", b"")).to_string().contains("ssh-keygen"));
}

#[test]
fn several_keys_in_a_file_are_counted_not_guessed_among() {
    let pem = P256.to_pkcs8_pem().unwrap();
    let error = refusal([pem.as_ref(), P384.to_pkcs8_pem().unwrap().as_ref()].concat());
    assert!(matches!(error, KeyError::SeveralKeys { count: 2 }));
}

/// A PKCS#1 structure of these numbers.
fn pkcs1(numbers: &[&[u8]]) -> Vec<u8> {
    let numbers: Vec<_> = numbers.iter().flat_map(|number| element(INTEGER, &[number]).to_vec()).collect();
    element(SEQUENCE, &[&numbers]).to_vec()
}

// AGS-SEC-05
#[test]
fn a_file_that_was_cut_off_is_told_from_one_of_another_kind() {
    let (pem, end) = (P256.to_pkcs8_pem().unwrap(), "-----END PRIVATE KEY-----");
    let pem = pem.as_str();
    let secret = pem.lines().nth(1).unwrap();
    let damaged = |reason: &str| format!("the key cannot be read: {reason}");
    let (no_end, no_base64, no_der) = (
        damaged("a PEM block has no matching END line"),
        damaged("the PEM block is damaged: it is not base64"),
        damaged("it is not the DER of a key, or not the whole of it"),
    );
    for (cut, told) in [
        (&pem[..20], &no_end),
        (&pem[..pem.len() / 2], &no_end),
        // A line is missing, and then half a line, and then all of them.
        (&pem.replace(secret, ""), &no_der),
        (&format!("-----BEGIN PRIVATE KEY-----\n{secret}\n{end}"), &no_der),
        (&format!("-----BEGIN PRIVATE KEY-----\n{}\n{end}", &secret[..33]), &no_base64),
        (&format!("-----BEGIN PRIVATE KEY-----\n{end}"), &no_der),
    ] {
        let error = refusal(cut);
        assert_eq!(error.to_string(), *told);
        assert!(!format!("{error:?}").contains(&secret[..16]), "{error:?}");
    }
}

#[test]
fn numbers_that_make_no_rsa_key_are_told_from_the_other_half_of_one() {
    let (n, e) = ([[0x7f].as_slice(), &[0x55; 255]].concat(), [1, 0, 1]);
    let (other_half, no_key) = ("this is a public key", "the key cannot be read: it is not the DER of a key");
    for (numbers, told) in [
        (&[&*n, &e][..], other_half),
        (&[], no_key),
        // A version alone, and with a modulus and no more.
        (&[&[0]], no_key),
        (&[&[0], &n], no_key),
        (&[&[0], &n, &e], "the RSA key has 2047 bits"),
    ] {
        let error = SigningKey::from_der(pkcs1(numbers)).unwrap_err().to_string();
        assert!(error.starts_with(told), "{error}");
    }
    let private = "this is a private key; the public key is needed";
    for (numbers, told) in [
        (&[&[0], &*n, &e, &[3]][..], private),
        // Of more than two primes (RFC 8017 A.1.2), whose version could be taken for a modulus.
        (&[&[1], &n, &e, &[3]], private),
        (&[&n], no_key),
        (&[&n, &[0]], no_key),
        (&[], no_key),
    ] {
        let error = Jwk::from_public_der(pkcs1(numbers)).unwrap_err().to_string();
        assert!(error.starts_with(told), "{error}");
    }
}

#[test]
fn a_point_of_another_form_or_width_than_its_curve_has_is_no_public_key() {
    let curve = [element(OID, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]]), element(OID, &[&CURVE_P256])];
    let algorithm = element(SEQUENCE, &[&curve[0], &curve[1]]);
    for (form, len) in [(4, 0), (4, 31), (4, 63), (4, 65), (4, 96), (2, 32), (3, 64)] {
        let point = element(BIT_STRING, &[&[0, form], &vec![7; len]]);
        let error = Jwk::from_public_der(element(SEQUENCE, &[&algorithm, &point])).unwrap_err();
        assert_eq!(error.to_string(), "the key cannot be read: its point is not in uncompressed form");
    }
}

#[test]
fn no_damage_to_a_key_file_makes_reading_panic() {
    for der in [pkcs8(&P256), inner(&RSA), spki(&RSA)] {
        for len in 0..der.len() {
            assert!(SigningKey::from_der(&der[..len]).is_err());
            assert!(Jwk::from_public_der(&der[..len]).is_err());
        }
        assert!(SigningKey::from_der([der.as_slice(), &[0]].concat()).is_err());
    }
    let der = pkcs8(&P256);
    for at in 0..der.len() {
        for mask in [0x01, 0x80, 0xff] {
            let mut damaged = der.clone();
            damaged[at] ^= mask;
            drop(SigningKey::from_der(damaged));
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(SigningKey::from_pem(&bytes));
        drop(SigningKey::from_der(&bytes));
        drop(Jwk::from_public_der(&bytes));
        drop(SigningKey::from_pem(to_pem("PRIVATE KEY", &bytes)));
        drop(Jwk::from_public_pem(to_pem("PUBLIC KEY", &bytes)));
    }
}
