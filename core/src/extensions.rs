//! Members the specification does not name: a tool's or vendor's own data on a line item, score or result
//! (AGS 3.1.2), kept byte for byte.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{Deserialize, DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde::ser::{Error as _, Serialize, SerializeMap, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use url::Url;

use crate::finite::is_finite;
use crate::text::Key;

/// The members of a line item, score or result that AGS does not name, in their order.
///
/// Values keep the bytes they came with, so `1e400`, `83.330` and integers of thirty digits go back as they
/// were. Reading keeps any name; writing takes only absolute URLs, as AGS 3.1.2 wants them.
#[derive(Clone, Default)]
pub struct Extensions(Vec<Member>);

type Member = (Cow<'static, str>, Box<RawValue>);

/// Up to here, comparing every name with every other is faster than a set.
const FEW: usize = 8;

/// Why an extension could not be set or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtensionError {
    /// The name is not an absolute URL with a host (AGS 3.1.2).
    #[error("the extension name `{name}` is not an absolute URL")]
    NotAUrl {
        /// The name.
        name: String,
    },
    /// The name belongs to a member the specification defines.
    #[error("`{name}` is a member of the specification, not an extension")]
    Standard {
        /// The name.
        name: String,
    },
    /// The value holds a NaN or an infinity, for which JSON has no form.
    #[error("the value of the extension `{name}` holds a number that is not finite")]
    NotFinite {
        /// The name.
        name: String,
    },
    /// The value has no JSON form.
    #[error("the value of the extension `{name}` cannot be written as JSON")]
    Write {
        /// The name.
        name: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The value is not of the type asked for.
    #[error("the value of the extension `{name}` is not of the type asked for")]
    Read {
        /// The name.
        name: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Extensions {
    /// No members.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The value of a member, as it came.
    pub fn get(&self, name: &str) -> Option<&RawValue> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// The value of a member, read as a `T`; `None` if there is no such member.
    pub fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ExtensionError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        serde_json::from_str(value.get())
            .map(Some)
            .map_err(|source| ExtensionError::Read { name: name.to_owned(), source: source.into() })
    }

    /// Sets a member, replacing the value it had. The name is an absolute URL of the tool's own, or one that a
    /// platform documents (AGS 3.1.2).
    pub fn set<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), ExtensionError> {
        if STANDARD.contains(&name) {
            return Err(ExtensionError::Standard { name: name.to_owned() });
        }
        if !is_absolute_url(name) {
            return Err(ExtensionError::NotAUrl { name: name.to_owned() });
        }
        if !is_finite(value) {
            return Err(ExtensionError::NotFinite { name: name.to_owned() });
        }
        let value = to_raw_value(value)
            .map_err(|source| ExtensionError::Write { name: name.to_owned(), source: source.into() })?;
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, slot)) => *slot = value,
            None => self.0.push((shared_name(Cow::Borrowed(name)), value)),
        }
        Ok(())
    }

    /// Takes a member out; its value, if it was there.
    pub fn remove(&mut self, name: &str) -> Option<Box<RawValue>> {
        let place = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.remove(place).1)
    }

    /// The members in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &RawValue)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Keeps a member read from a body. Whoever reads a whole object calls [`settle`](Self::settle) at its end.
    #[inline]
    pub(crate) fn keep(&mut self, name: Key<'_>, value: Box<RawValue>) {
        if self.0.is_empty() {
            // Most entries have one or two; a `Vec` would begin with four.
            self.0.reserve_exact(2);
        }
        self.0.push((shared_name(name.0), value));
    }

    /// Of members with the same name, keeps the last, as `serde_json` does.
    #[inline]
    pub(crate) fn settle(&mut self) {
        if self.0.len() > 1 {
            self.keep_last_of_each();
        }
    }

    /// Writes the members but those to leave out, each on one line.
    pub(crate) fn write<M: SerializeMap>(
        &self,
        map: &mut M,
        leave_out: impl Fn(&str) -> bool,
    ) -> Result<(), M::Error> {
        for (name, value) in self.iter().filter(|(name, _)| !leave_out(name)) {
            map.serialize_entry(name, &OneLine(value))?;
        }
        Ok(())
    }

    fn keep_last_of_each(&mut self) {
        let repeats =
            |(at, (name, _)): (usize, &Member)| self.0.iter().skip(at + 1).any(|(other, _)| other == name);
        if self.0.len() <= FEW && !self.0.iter().enumerate().any(repeats) {
            return;
        }
        // A hostile body may hold a million members: comparing each with each would take for ever.
        let mut seen = BTreeSet::new();
        let mut is_last: Vec<bool> = self.0.iter().rev().map(|(name, _)| seen.insert(&**name)).collect();
        self.0.retain(|_| is_last.pop().unwrap_or(true));
    }
}

impl fmt::Debug for Extensions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, value)| (name, value.get()))).finish()
    }
}

/// Equal in names, order and bytes.
impl PartialEq for Extensions {
    fn eq(&self, other: &Self) -> bool {
        self.iter()
            .map(|(name, value)| (name, value.get()))
            .eq(other.iter().map(|(name, value)| (name, value.get())))
    }
}

impl Serialize for Extensions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        self.write(&mut map, |_| false)?;
        map.end()
    }
}

/// Every member of an object, whatever its name.
impl<'de> Deserialize<'de> for Extensions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Extensions;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Extensions, A::Error> {
                let mut members = Extensions::new();
                while let Some(name) = map.next_key()? {
                    members.keep(name, map.next_value()?);
                }
                members.settle();
                Ok(members)
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// A value without its line breaks. Moodle 4.5 answers a refused body that has some with 200.
struct OneLine<'a>(&'a RawValue);

impl Serialize for OneLine<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.get();
        if !text.contains(['\n', '\r']) {
            return self.0.serialize(serializer);
        }
        // Within a JSON string a line break is always escaped, so these stand between tokens.
        RawValue::from_string(text.replace(['\n', '\r'], " "))
            .map_err(S::Error::custom)?
            .serialize(serializer)
    }
}

/// The members the specification gives to line items, scores and results.
const STANDARD: [&str; 20] = [
    "id",
    "label",
    "scoreMaximum",
    "resourceLinkId",
    "resourceId",
    "tag",
    "startDateTime",
    "endDateTime",
    "gradesReleased",
    "userId",
    "scoreGiven",
    "comment",
    "timestamp",
    "activityProgress",
    "gradingProgress",
    "submission",
    "scoringUserId",
    "scoreOf",
    "resultScore",
    "resultMaximum",
];

fn is_absolute_url(name: &str) -> bool {
    // `Url` forgives spaces and control characters; a member name that has them is another name.
    !name.contains(|c: char| c.is_whitespace() || c.is_control())
        && Url::parse(name).is_ok_and(|url| url.has_host())
}

/// Names that real platforms send with every member of a list cost no allocation.
#[inline]
fn shared_name(name: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Borrowed(match &*name {
        "ltiLinkId" => "ltiLinkId",
        "timestamp" => "timestamp",
        "submissionReview" => "submissionReview",
        crate::canvas::SUBMISSION_TYPE => crate::canvas::SUBMISSION_TYPE,
        crate::canvas::LAUNCH_URL => crate::canvas::LAUNCH_URL,
        crate::canvas::SUBMISSION => crate::canvas::SUBMISSION,
        _ => return Cow::Owned(name.into_owned()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NAME: &str = "https://tool.test/x";

    fn read(json: &str) -> Extensions {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn any_json_value_is_set_and_read_back() {
        // AGS-EXT-01
        for value in [json!(null), json!(true), json!(3), json!("s"), json!([]), json!({})] {
            let mut extensions = Extensions::new();
            extensions.set(NAME, &value).unwrap();
            assert_eq!(extensions.read::<Value>(NAME).unwrap(), Some(value));
        }
        assert_eq!(Extensions::new().read::<Value>(NAME).unwrap(), None);
    }

    #[test]
    fn a_name_that_is_no_absolute_url_is_refused() {
        // AGS-EXT-01
        for name in [
            "foo",
            "",
            "/x",
            "//tool.test/x",
            "https://",
            " https://tool.test/x",
            "https://tool.test/ x",
            "mailto:a@b",
        ] {
            let refusal = Extensions::new().set(name, &1);
            assert!(matches!(refusal, Err(ExtensionError::NotAUrl { .. })), "{name}");
        }
    }

    #[test]
    fn a_standard_member_cannot_be_shadowed() {
        // AGS-EXT-02
        for name in STANDARD {
            assert!(matches!(Extensions::new().set(name, &1), Err(ExtensionError::Standard { .. })));
        }
    }

    #[test]
    fn a_number_that_is_not_finite_is_refused() {
        for value in [f64::NAN, f64::INFINITY] {
            let refusal = Extensions::new().set(NAME, &json_like(value));
            assert!(matches!(refusal, Err(ExtensionError::NotFinite { .. })));
        }
        assert!(Extensions::new().set(NAME, &json_like(1.5)).is_ok());
    }

    fn json_like(number: f64) -> Vec<Option<f64>> {
        vec![None, Some(number)]
    }

    #[test]
    fn a_value_without_a_json_form_is_refused() {
        let keyed_by_lists = std::collections::BTreeMap::from([(vec![1], 2)]);
        assert!(matches!(Extensions::new().set(NAME, &keyed_by_lists), Err(ExtensionError::Write { .. })));
    }

    #[test]
    fn unknown_names_are_kept_with_their_order_and_bytes() {
        // AGS-EXT-03
        let body = r#"{"z":1e400,"a":123456789012345678901234567890,"m":83.330,"one":1.0,"deep":{"k": [1, null]},"ü":"\u00fc"}"#;
        let extensions = read(body);
        assert_eq!(
            extensions.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            ["z", "a", "m", "one", "deep", "ü"]
        );
        assert_eq!(serde_json::to_string(&extensions).unwrap(), body);
    }

    #[test]
    fn line_breaks_of_a_pretty_body_are_not_written() {
        let extensions = read("{\"a\":{\n  \"k\":\r\n[1,\"\\n\"]}}");
        assert_eq!(serde_json::to_string(&extensions).unwrap(), r#"{"a":{   "k":  [1,"\n"]}}"#);
    }

    #[test]
    fn of_duplicates_the_last_wins() {
        let extensions = read(r#"{"a":1,"b":2,"a":3}"#);
        assert_eq!((extensions.len(), extensions.get("a").unwrap().get()), (2, "3"));
        let extensions = read(r#"{"a":1,"a":2}"#);
        assert_eq!((extensions.len(), extensions.get("a").unwrap().get()), (1, "2"));
    }

    #[test]
    fn a_hundred_thousand_members_are_read_in_linear_time() {
        let members: Vec<String> = (0..100_000).map(|i| format!("\"{i:06}\":0")).collect();
        assert_eq!(read(&format!("{{{}}}", members.join(","))).len(), 100_000);
    }

    #[test]
    fn setting_again_replaces_and_removing_removes() {
        let mut extensions = read(r#"{"foo":1}"#);
        extensions.set(NAME, "a").unwrap();
        extensions.set(NAME, "b").unwrap();
        assert_eq!(extensions.read::<String>(NAME).unwrap().as_deref(), Some("b"));
        assert_eq!(extensions.remove(NAME).unwrap().get(), r#""b""#);
        assert!(extensions.remove(NAME).is_none());
        assert_eq!(extensions.remove("foo").unwrap().get(), "1");
        assert!(extensions.is_empty());
    }

    #[test]
    fn a_value_of_another_type_says_so() {
        assert!(matches!(read(r#"{"a":"x"}"#).read::<u8>("a"), Err(ExtensionError::Read { .. })));
    }
}
