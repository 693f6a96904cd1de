//! What can be wrong with a key, each kind worded for the person who has to put it right.

use std::error::Error;

use super::Algorithm;

/// The shortest RSA key accepted, in bits (NIST SP 800-131A; RFC 7518 §3.3).
pub(super) const MIN_RSA_BITS: usize = 2048;

/// Why a key could not be read, used or published. Neither `Display` nor `Debug` shows key material.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There is no PEM block in the bytes given.
    #[error("this is not PEM: no line begins a private key (a DER file is read with `from_der`)")]
    NotPem,

    /// A block or structure was found, but it is damaged or is not what its label says.
    #[error("the key cannot be read: {reason}")]
    #[non_exhaustive]
    Malformed {
        /// What is wrong.
        reason: &'static str,
    },

    /// Something public was given where the private key is needed.
    #[error("this is {found}; signing needs the private key that belongs to it")]
    #[non_exhaustive]
    NotPrivate {
        /// What was found, with its article: "a certificate".
        found: &'static str,
    },

    /// Something that is no public key was given where a public key is needed.
    #[error("this is {found}; the public key is needed (openssl pkey -in key.pem -pubout -out public.pem)")]
    #[non_exhaustive]
    NotPublic {
        /// What was found, with its article: "a private key".
        found: &'static str,
    },

    /// The private key is encrypted with a passphrase.
    #[error("the private key is encrypted; decrypt it first: openssl pkey -in key.pem -out decrypted.pem")]
    Encrypted,

    /// The file holds more than one key, and which is meant cannot be guessed.
    #[error("there are {count} keys in this file; give the one that is to be used in a file of its own")]
    #[non_exhaustive]
    SeveralKeys {
        /// How many there are.
        count: usize,
    },

    /// The RSA key is too short to be safe.
    #[error("the RSA key has {bits} bits; at least {MIN_RSA_BITS} are needed")]
    #[non_exhaustive]
    RsaTooShort {
        /// The length of its modulus.
        bits: usize,
    },

    /// An RSA key of this length cannot be generated.
    #[error("an RSA key of {bits} bits cannot be generated; choose 2048, 3072 or 4096")]
    #[non_exhaustive]
    RsaSize {
        /// The length asked for.
        bits: usize,
    },

    /// The key is of a kind or on a curve that assertions cannot be signed with.
    #[error("{found} cannot be used; use an RSA key of at least {MIN_RSA_BITS} bits, or P-256 or P-384")]
    #[non_exhaustive]
    Unsupported {
        /// What was found, with its article: "an Ed25519 key".
        found: String,
    },

    /// The algorithm is not one a tool may sign with.
    #[error(
        "\"{name}\" is not an algorithm for assertions: RS256, RS384, RS512, PS256, PS384, PS512, ES256 and ES384 are"
    )]
    #[non_exhaustive]
    UnknownAlgorithm {
        /// The name given, cut to 16 characters.
        name: String,
    },

    /// The algorithm needs a key of another kind.
    #[error("{algorithm} cannot be used with {key}")]
    #[non_exhaustive]
    AlgorithmMismatch {
        /// The algorithm asked for.
        algorithm: Algorithm,
        /// The kind of the key, and the algorithms for it.
        key: &'static str,
    },

    /// Neither cryptographic backend is compiled in.
    #[error(
        "no cryptographic backend is compiled in: enable the feature `aws-lc-rs` or `rust-crypto`, \
         or use an external signer"
    )]
    NoBackend,

    /// The backend refused the key, or failed to generate one.
    #[error("the cryptographic backend refuses the key, or failed: {reason}")]
    #[non_exhaustive]
    Backend {
        /// What it said.
        reason: String,
    },

    /// Signing failed; the source says why.
    #[error("signing failed")]
    #[non_exhaustive]
    Sign {
        /// What the signer said.
        source: Box<dyn Error + Send + Sync>,
    },

    /// An external signer's answer is no signature of its algorithm: most often it is ASN.1 DER.
    #[error(
        "the signer returned {found} octets, but an {algorithm} signature has {expected}: \
         r and s, unsigned, big-endian, one after the other (RFC 7518 section 3.4), not ASN.1 DER"
    )]
    #[non_exhaustive]
    SignatureForm {
        /// The algorithm of the key.
        algorithm: Algorithm,
        /// The octets a signature of it has.
        expected: usize,
        /// The octets returned.
        found: usize,
    },

    /// An external key has no public key attached that could be published.
    #[error("the public half of the key \"{key_id}\" is not known; attach it with `with_public_jwk`")]
    #[non_exhaustive]
    NoPublicKey {
        /// The key's id.
        key_id: String,
    },

    /// The public key attached is not the one that belongs to the private key.
    #[error("the public key does not belong to the key \"{key_id}\"")]
    #[non_exhaustive]
    PublicKeyMismatch {
        /// The key's id.
        key_id: String,
    },

    /// The key id is in use for another key; a new key needs a new id.
    #[error("the key id \"{key_id}\" is taken by another key of this set; a new key needs a new id")]
    #[non_exhaustive]
    DuplicateKeyId {
        /// The id in question.
        key_id: String,
    },
}
