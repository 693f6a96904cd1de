//! Finds the NaN or infinity in a value that `serde_json` would silently write as `null`.

use std::fmt;

use serde::ser::{self, Serialize, Serializer};

/// Whether every float of a value is finite. What else may be wrong with it is `serde_json`'s to say.
pub(crate) fn is_finite<T: Serialize + ?Sized>(value: &T) -> bool {
    !matches!(value.serialize(Check), Err(Fault::NotFinite))
}

/// A serializer that writes nothing and stops at the first float that is not finite.
struct Check;

#[derive(Debug)]
enum Fault {
    NotFinite,
    Other,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFinite => "a number is not finite",
            Self::Other => "the value cannot be serialised",
        })
    }
}

impl std::error::Error for Fault {}

impl ser::Error for Fault {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Other
    }
}

macro_rules! nothing_to_check {
    ($($method:ident($($argument:ty),*);)*) => {
        $(fn $method(self, $(_: $argument),*) -> Result<(), Fault> { Ok(()) })*
    };
}

impl Serializer for Check {
    type Ok = ();
    type Error = Fault;
    type SerializeSeq = Self;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    nothing_to_check! {
        serialize_bool(bool); serialize_i8(i8); serialize_i16(i16); serialize_i32(i32); serialize_i64(i64);
        serialize_i128(i128); serialize_u8(u8); serialize_u16(u16); serialize_u32(u32); serialize_u64(u64);
        serialize_u128(u128); serialize_char(char); serialize_str(&str); serialize_bytes(&[u8]);
        serialize_none(); serialize_unit(); serialize_unit_struct(&'static str);
        serialize_unit_variant(&'static str, u32, &'static str);
    }

    fn serialize_f32(self, number: f32) -> Result<(), Fault> {
        if number.is_finite() { Ok(()) } else { Err(Fault::NotFinite) }
    }

    fn serialize_f64(self, number: f64) -> Result<(), Fault> {
        if number.is_finite() { Ok(()) } else { Err(Fault::NotFinite) }
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Fault> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Fault> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Fault> {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self, Fault> {
        Ok(self)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, Fault> {
        Ok(self)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, Fault> {
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Fault> {
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self, Fault> {
        Ok(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, Fault> {
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, Fault> {
        Ok(self)
    }
}

macro_rules! check_each {
    ($($kind:ident::$method:ident($($key:ty)?);)*) => {
        $(impl ser::$kind for Check {
            type Ok = ();
            type Error = Fault;

            fn $method<T: Serialize + ?Sized>(&mut self, $(_: $key,)? value: &T) -> Result<(), Fault> {
                value.serialize(Check)
            }

            fn end(self) -> Result<(), Fault> {
                Ok(())
            }
        })*
    };
}

check_each! {
    SerializeSeq::serialize_element();
    SerializeTuple::serialize_element();
    SerializeTupleStruct::serialize_field();
    SerializeTupleVariant::serialize_field();
    SerializeStruct::serialize_field(&'static str);
    SerializeStructVariant::serialize_field(&'static str);
}

impl ser::SerializeMap for Check {
    type Ok = ();
    type Error = Fault;

    /// `serde_json` refuses a float key that is not finite by itself.
    fn serialize_key<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), Fault> {
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        value.serialize(Check)
    }

    fn end(self) -> Result<(), Fault> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::is_finite;

    #[derive(Serialize)]
    enum Shape {
        Unit,
        Newtype(f64),
        Tuple(u8, f32),
        Struct { x: Option<f64> },
    }

    #[test]
    fn a_float_that_is_not_finite_is_found_wherever_it_hides() {
        assert!(!is_finite(&f64::NAN));
        assert!(!is_finite(&f32::INFINITY));
        assert!(!is_finite(&vec![1.0, f64::NEG_INFINITY]));
        assert!(!is_finite(&(1, "a", Some(f64::NAN))));
        assert!(!is_finite(&BTreeMap::from([("a", BTreeMap::from([("b", f64::NAN)]))])));
        assert!(!is_finite(&Shape::Newtype(f64::NAN)));
        assert!(!is_finite(&Shape::Tuple(1, f32::NAN)));
        assert!(!is_finite(&Shape::Struct { x: Some(f64::NAN) }));
    }

    #[test]
    fn everything_else_passes() {
        assert!(is_finite(&(1, 2.5, 'c', "text", true, (), None::<f64>, [0u8; 3], -1i128)));
        assert!(is_finite(&[
            Shape::Unit,
            Shape::Newtype(0.1),
            Shape::Tuple(1, 2.0),
            Shape::Struct { x: None }
        ]));
        assert!(is_finite(&serde_json::json!({"a": [1, {"b": null}]})));
        assert!(is_finite(&serde_json::value::RawValue::from_string("1e400".into()).unwrap()));
    }
}
