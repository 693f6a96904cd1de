//! JSON read without losing what `serde_json` lets pass in silence: members that occur twice (RFC 8259 §4).

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// A JSON text and the names of members that occur more than once in one object.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) value: Value,
    pub(crate) repeated: Vec<String>,
}

/// Reads one JSON text. Of a repeated member the last value stays.
pub(crate) fn read(text: &[u8]) -> Result<Document, serde_json::Error> {
    let repeated = RefCell::default();
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = Reader(&repeated).deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(Document { value, repeated: repeated.into_inner() })
}

#[derive(Clone, Copy)]
struct Reader<'a>(&'a RefCell<Vec<String>>);

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a finite number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(self)?;
            if object.insert(name.clone(), value).is_some() {
                self.0.borrow_mut().push(name);
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_members_are_named_at_every_depth() {
        let document = read(br#"{"a":1,"b":{"c":[{"d":1,"d":2}]},"a":null}"#).unwrap();
        assert_eq!(document.repeated, ["d", "a"]);
        assert_eq!(document.value, serde_json::json!({"a": null, "b": {"c": [{"d": 2}]}}));
    }

    #[test]
    fn what_follows_the_text_is_an_error() {
        assert!(read(b"{} x").is_err());
        assert!(read(b"1e999").is_err());
    }
}
