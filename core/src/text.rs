//! Member names and text as platforms send them: ids as numbers, unset members as "" or null.

use std::borrow::Cow;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Unexpected, Visitor};

/// Whether a text says nothing: platforms send "" for what is supported but unset (AGS 3.2.10).
pub(crate) fn is_blank(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_whitespace())
}

/// The name of a member, borrowed from the body unless it is written with escapes.
#[derive(Debug)]
pub(crate) struct Key<'de>(pub(crate) Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

struct KeyVisitor;

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    #[inline]
    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Key(Cow::Borrowed(name)))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Key(Cow::Owned(name.to_owned())))
    }

    fn visit_string<E>(self, name: String) -> Result<Self::Value, E> {
        Ok(Key(Cow::Owned(name)))
    }
}

/// Reads text, or an integer as its digits; null is `None`, "" stays "".
#[derive(Clone, Copy, Debug)]
pub(crate) struct Text;

impl<'de> DeserializeSeed<'de> for Text {
    type Value = Option<Box<str>>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Text {
    type Value = Option<Box<str>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    #[inline]
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.into()))
    }

    fn visit_string<E>(self, text: String) -> Result<Self::Value, E> {
        Ok(Some(text.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string().into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number.to_string().into()))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    /// With `serde_json`'s `arbitrary_precision`, which any crate of a build can turn on, numbers come as maps.
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let number = serde_json::Number::deserialize(MapAccessDeserializer::new(map))?;
        if number.is_f64() {
            return Err(A::Error::invalid_type(Unexpected::Other("a number that is not an integer"), &self));
        }
        Ok(Some(number.to_string().into()))
    }
}

/// Reads a boolean; null is `None`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flag;

impl<'de> DeserializeSeed<'de> for Flag {
    type Value = Option<bool>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Visitor<'_> for Flag {
    type Value = Option<bool>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a boolean")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Some(flag))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        // The text stays out of the message: it may be a person's.
        if is_blank(text) { Ok(None) } else { Err(E::invalid_type(Unexpected::Other("a string"), &self)) }
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::option_option, reason = "an error, null, or a value")]
    fn read(json: &str) -> Option<Option<Box<str>>> {
        Text.deserialize(&mut serde_json::Deserializer::from_str(json)).ok()
    }

    #[test]
    fn numeric_ids_become_text() {
        // AGS-ITEM-09
        assert_eq!(read("77"), Some(Some("77".into())));
        assert_eq!(read("-77"), Some(Some("-77".into())));
        assert_eq!(read("18446744073709551615"), Some(Some("18446744073709551615".into())));
    }

    #[test]
    fn null_is_no_text_and_an_empty_text_is_kept() {
        assert_eq!(read("null"), Some(None));
        assert_eq!(read(r#""""#), Some(Some("".into())));
        assert_eq!(read(r#""a\/b""#), Some(Some("a/b".into())));
    }

    #[test]
    fn anything_else_is_refused() {
        for json in ["1.5", "1e30", "true", "[]", "{}", "{\"a\":1}"] {
            assert_eq!(read(json), None, "{json}");
        }
    }

    #[test]
    fn a_key_is_borrowed_unless_it_has_escapes() {
        let key: Key<'_> = serde_json::from_str(r#""label""#).unwrap();
        assert!(matches!(key.0, Cow::Borrowed("label")));
        let key: Key<'_> = serde_json::from_str(r#""l\u0061bel""#).unwrap();
        assert_eq!(key.0, "label");
    }
}
