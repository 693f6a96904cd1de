//! The few words of DER (X.690) that key files are made of: reading tag and length, and writing them.

use zeroize::Zeroizing;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OID: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
/// `[0]`, constructed: the curve in an EC private key (RFC 5915 §3).
pub(super) const CONTEXT_0: u8 = 0xa0;

/// Elements of a DER sequence, front to back.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) const fn new(der: &'a [u8]) -> Self {
        Self(der)
    }

    /// The content of the next element if it has this tag; otherwise nothing is consumed.
    pub(super) fn next(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (&found, rest) = self.0.split_first()?;
        if found != tag {
            return None;
        }
        let (&first, rest) = rest.split_first()?;
        let (len, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // Four octets of length are enough for any key; 0x80, the indefinite form, is no DER.
            0x81..=0x84 => {
                let (octets, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (octets.iter().fold(0, |len, &octet| (len << 8) | usize::from(octet)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(len)?;
        self.0 = rest;
        Some(content)
    }

    /// The next element as a sequence to go into.
    pub(super) fn sequence(&mut self) -> Option<Reader<'a>> {
        self.next(SEQUENCE).map(Reader)
    }

    /// The next element as a non-negative number, without its leading zeros.
    pub(super) fn unsigned(&mut self) -> Option<&'a [u8]> {
        let content = self.next(INTEGER)?;
        match content.first() {
            Some(0..=0x7f) => Some(strip_zeros(content)),
            _ => None,
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One element: tag, length, and the parts of its content.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let octets = len.to_be_bytes();
    let octets = strip_zeros(&octets);
    // Reserved whole: a buffer that grows leaves a copy of the key behind.
    let mut der = Zeroizing::new(Vec::with_capacity(2 + octets.len() + len));
    der.push(tag);
    if len > 0x7f {
        der.push(0x80 | octets.len().to_le_bytes()[0]);
        der.extend_from_slice(octets);
    } else {
        der.push(len.to_le_bytes()[0]);
    }
    for part in parts {
        der.extend_from_slice(part);
    }
    der
}

/// A big-endian number without leading zero octets.
pub(super) fn strip_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&octet| octet == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// The bits of a big-endian number.
pub(super) fn bits(number: &[u8]) -> usize {
    let number = strip_zeros(number);
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

/// An object identifier as people write it: `1.3.101.112`.
pub(super) fn dotted(oid: &[u8]) -> String {
    let mut arcs = Vec::new();
    let mut value = 0_u64;
    for &octet in oid.iter().take(64) {
        value = (value << 7) | u64::from(octet & 0x7f);
        if octet & 0x80 == 0 {
            if arcs.is_empty() {
                // The first octet carries two arcs (X.690 §8.19.4).
                let root = (value / 40).min(2);
                arcs.push(root.to_string());
                value -= root * 40;
            }
            arcs.push(value.to_string());
            value = 0;
        }
    }
    arcs.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_at_every_length_form() {
        for (len, octets) in [(0, 1), (127, 1), (128, 2), (255, 2), (256, 3), (65_535, 3), (65_536, 4)] {
            let content = vec![7; len];
            let der = element(OCTET_STRING, &[&content]);
            assert_eq!(der.len(), 1 + octets + len, "the shortest form, as DER demands (X.690 §10.1)");
            let mut reader = Reader::new(&der);
            assert_eq!(reader.next(OCTET_STRING), Some(content.as_slice()));
            assert!(reader.is_empty());
        }
    }

    #[test]
    fn every_truncation_is_refused() {
        let der = element(SEQUENCE, &[&element(INTEGER, &[&[1; 200]])]);
        for len in 0..der.len() {
            assert!(Reader::new(&der[..len]).next(SEQUENCE).is_none(), "{len}");
        }
    }

    #[test]
    fn an_absurd_length_is_refused() {
        assert!(Reader::new(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0]).next(SEQUENCE).is_none());
        assert!(Reader::new(&[0x30, 0x88, 1, 1, 1, 1, 1, 1, 1, 1]).next(SEQUENCE).is_none());
        assert!(Reader::new(&[0x30, 0x80, 0, 0]).next(SEQUENCE).is_none());
    }

    #[test]
    fn numbers_lose_their_leading_zeros_and_their_bits_are_counted() {
        assert_eq!(Reader::new(&[2, 2, 0, 0x80]).unsigned(), Some([0x80].as_slice()));
        assert_eq!(Reader::new(&[2, 1, 0x80]).unsigned(), None, "negative");
        assert_eq!(bits(&[0, 0x80, 0]), 16);
        assert_eq!(bits(&[0x7f, 0]), 15);
        assert_eq!(bits(&[0]), 0);
    }

    #[test]
    fn object_identifiers_are_written_dotted() {
        assert_eq!(dotted(&[0x2b, 0x65, 0x70]), "1.3.101.112");
        assert_eq!(dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01]), "1.2.840.113549.1.1.1");
        assert_eq!(dotted(&[0xff; 200]), "");
    }
}
