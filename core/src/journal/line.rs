//! One line of a journal: a JSON object whose first member is the checksum of all that follows it.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::date;

/// Of what is written now.
pub(super) const VERSION: u32 = 1;

/// `{"crc":"`, eight hexadecimal digits, `",`.
const CRC: &[u8] = br#"{"crc":""#;
const SUM: usize = 8;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Head<'a> {
    #[serde(rename = "lti-ags-journal")]
    pub(super) version: u32,
    pub(super) input: Cow<'a, str>,
    pub(super) line_items: Vec<Cow<'a, str>>,
}

/// What happened since the line before.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Entries {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) begun: Vec<Begun>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) settled: Vec<Settled>,
}

/// A row may be sent from now on, with this timestamp.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Begun {
    pub(crate) row: u64,
    #[serde(with = "moment")]
    pub(crate) timestamp: Timestamp,
}

/// What became of a row.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Settled {
    pub(crate) row: u64,
    pub(crate) outcome: Cow<'static, str>,
    pub(crate) attempts: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<Cow<'static, str>>,
}

mod moment {
    use super::{Deserialize, Timestamp, date};

    pub(super) fn serialize<S: serde::Serializer>(
        moment: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&date::format(*moment))
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        date::parse_strict(&text).map_err(serde::de::Error::custom)
    }
}

impl Entries {
    pub(crate) fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.settled.is_empty()
    }

    pub(crate) fn to_line(&self) -> Vec<u8> {
        seal(self)
    }
}

/// The line, with its checksum and its line break. There is at least one member.
pub(super) fn seal(members: &impl Serialize) -> Vec<u8> {
    // Strings and numbers can always be written.
    let json = serde_json::to_vec(members).unwrap_or_default();
    seal_rest(json.strip_prefix(b"{").unwrap_or_default())
}

/// The line that ends so.
pub(crate) fn seal_rest(rest: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(rest.len() + CRC.len() + SUM + 3);
    line.extend_from_slice(CRC);
    line.extend_from_slice(format!("{}\",", sum_of(rest)).as_bytes());
    line.extend_from_slice(rest);
    line.push(b'\n');
    line
}

/// What a line without its line break says, if that is what was written.
pub(super) fn open<T: DeserializeOwned>(line: &[u8]) -> Option<Result<T, serde_json::Error>> {
    let (sum, rest) = line.strip_prefix(CRC)?.split_at_checked(SUM)?;
    let rest = rest.strip_prefix(b"\",")?;
    (sum_of(rest).as_bytes() == sum).then(|| serde_json::from_slice(line))
}

/// Whether another line begins inside of this one.
pub(super) fn begins_inside(line: &[u8]) -> bool {
    line.windows(CRC.len()).skip(1).any(|window| window == CRC)
}

fn sum_of(rest: &[u8]) -> String {
    format!("{:08x}", crc32fast::hash(rest))
}
