//! Key files as text (RFC 7468): finding the one block that matters among those of a file, and writing one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::KeyError;

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// One block: its label, and the text between its lines.
struct Block<'a> {
    label: &'a str,
    body: &'a str,
}

/// The DER of the one private key in a file. What else may stand in it (a certificate chain, the curve's
/// parameters, text outside of blocks) is passed over.
pub(super) fn private_key(pem: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let blocks = blocks(pem)?;
    let private: Vec<_> = blocks.iter().filter(|block| block.is_private()).collect();
    match private.as_slice() {
        [block] => match block.label {
            "ENCRYPTED PRIVATE KEY" => Err(KeyError::Encrypted),
            "OPENSSH PRIVATE KEY" => Err(KeyError::Malformed {
                reason: "it is in OpenSSH's own format; convert it: ssh-keygen -p -m PKCS8 -f key",
            }),
            "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => block.decode(),
            label => Err(KeyError::Unsupported { found: format!("a block labelled \"{}\"", short(label)) }),
        },
        [] => match blocks.last() {
            Some(block) => Err(KeyError::NotPrivate { found: block.describe() }),
            None => Err(KeyError::NotPem),
        },
        several => Err(KeyError::SeveralKeys { count: several.len() }),
    }
}

/// The DER of the one public key in a file.
pub(super) fn public_key(pem: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let blocks = blocks(pem)?;
    let public: Vec<_> = blocks.iter().filter(|block| block.label.ends_with("PUBLIC KEY")).collect();
    match public.as_slice() {
        [block] => block.decode(),
        [] => match blocks.last() {
            Some(block) => Err(KeyError::NotPublic { found: block.describe() }),
            None => Err(KeyError::NotPem),
        },
        several => Err(KeyError::SeveralKeys { count: several.len() }),
    }
}

/// A PKCS#8 private key as PEM.
pub(super) fn encode(der: &[u8]) -> Zeroizing<String> {
    let base64 = Zeroizing::new(STANDARD.encode(der));
    // Reserved whole: a buffer that grows leaves a copy of the key behind.
    let mut pem = Zeroizing::new(String::with_capacity(base64.len() + base64.len() / 64 + 64));
    pem.push_str("-----BEGIN PRIVATE KEY-----\n");
    let mut rest = base64.as_str();
    while let Some((line, tail)) = rest.split_at_checked(rest.len().min(64)).filter(|_| !rest.is_empty()) {
        pem.push_str(line);
        pem.push('\n');
        rest = tail;
    }
    pem.push_str("-----END PRIVATE KEY-----\n");
    pem
}

fn blocks(pem: &[u8]) -> Result<Vec<Block<'_>>, KeyError> {
    let mut rest = str::from_utf8(pem).map_err(|_| KeyError::NotPem)?;
    let mut blocks = Vec::new();
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let unended = || KeyError::Malformed { reason: "a PEM block has no matching END line" };
        let (label, after) = after.split_once(DASHES).ok_or_else(unended)?;
        let end = format!("-----END {label}{DASHES}");
        let (body, after) = after.split_once(&end).ok_or_else(unended)?;
        blocks.push(Block { label, body });
        rest = after;
    }
    Ok(blocks)
}

impl Block<'_> {
    fn is_private(&self) -> bool {
        self.label.ends_with("PRIVATE KEY")
    }

    fn decode(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        // The header lines of RFC 1421, which OpenSSL still writes, mean encryption and nothing else.
        if self.body.contains("Proc-Type:") {
            return Err(KeyError::Encrypted);
        }
        // Keys in environment variables often have their line breaks written out as `\n`.
        let mut text = Zeroizing::new(Vec::with_capacity(self.body.len()));
        let mut octets = self.body.bytes();
        while let Some(octet) = octets.next() {
            match octet {
                b'\\' => {
                    octets.next();
                }
                _ if octet.is_ascii_whitespace() => {}
                _ => text.push(octet),
            }
        }
        let mut der = Zeroizing::new(vec![0; text.len()]);
        let len = STANDARD
            .decode_slice(text.as_slice(), der.as_mut_slice())
            .map_err(|_| KeyError::Malformed { reason: "the PEM block is damaged: it is not base64" })?;
        der.truncate(len);
        Ok(der)
    }

    fn describe(&self) -> &'static str {
        match self.label {
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => "a certificate",
            "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => "a certificate request",
            "EC PARAMETERS" => "a curve's parameters without a key",
            label if label.ends_with("PUBLIC KEY") => "a public key",
            label if label.ends_with("PRIVATE KEY") => "a private key",
            _ => "a PEM block without a key",
        }
    }
}

fn short(label: &str) -> String {
    label.chars().filter(|c| !c.is_control()).take(40).collect()
}
