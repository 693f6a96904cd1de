//! Points as JSON numbers: written as people write them, read as platforms send them
//! (AGS 3.2.8, 3.3.4.5, 3.3.4.6).

use std::fmt;

use serde::Deserialize as _;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{Error as _, Serialize, Serializer};

/// Below this magnitude every integral `f64` is one integer and no other.
const EXACT_INTEGERS: f64 = 9_007_199_254_740_992.0;

/// A number of points on its way out: `85` rather than `85.0`, since some platforms refuse `2.0`.
/// Refuses NaN and infinities, which `serde_json` would turn into `null`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Points(pub(crate) f64);

impl Serialize for Points {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let points = self.0;
        if !points.is_finite() {
            return Err(S::Error::custom("a number of points is not finite"));
        }
        if points.fract() == 0.0 && points.abs() < EXACT_INTEGERS {
            #[expect(clippy::cast_possible_truncation, reason = "integral and within 53 bits")]
            return serializer.serialize_i64(points as i64);
        }
        serializer.serialize_f64(points)
    }
}

/// For `#[serde(serialize_with)]`.
#[allow(dead_code, clippy::trivially_copy_pass_by_ref, reason = "the signature serde asks for")]
pub(crate) fn serialize<S: Serializer>(points: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    Points(*points).serialize(serializer)
}

/// For `#[serde(serialize_with)]`, beside `skip_serializing_if = "Option::is_none"`.
#[allow(
    dead_code,
    clippy::ref_option,
    clippy::trivially_copy_pass_by_ref,
    reason = "the signature serde asks for"
)]
pub(crate) fn serialize_option<S: Serializer>(
    points: &Option<f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    points.map(Points).serialize(serializer)
}

/// Reads a finite number from a JSON number or a string of digits; null and blank are `None`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Number;

impl<'de> DeserializeSeed<'de> for Number {
    type Value = Option<f64>;

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Number {
    type Value = Option<f64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    #[expect(clippy::cast_precision_loss, reason = "points are an f64")]
    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(number as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "points are an f64")]
    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number as f64))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Self::Value, E> {
        if number.is_finite() { Ok(Some(number)) } else { Err(E::custom("a number out of range")) }
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        // `str::parse` also takes "inf" and "nan". The text stays out of the message: it may be a person's.
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
        match text.parse::<f64>() {
            Ok(number) if digits => self.visit_f64(number),
            _ => Err(E::custom("a string that is not a number, expected a number")),
        }
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
        number
            .as_f64()
            .map_or_else(|| Err(A::Error::custom("a number out of range")), |number| self.visit_f64(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(points: f64) -> Option<String> {
        serde_json::to_string(&Points(points)).ok()
    }

    #[expect(clippy::option_option, reason = "an error, null, or a value")]
    fn read(json: &str) -> Option<Option<f64>> {
        Number.deserialize(&mut serde_json::Deserializer::from_str(json)).ok()
    }

    #[test]
    fn whole_points_are_written_without_a_fraction() {
        for (points, json) in [(85.0, "85"), (-3.0, "-3"), (0.0, "0"), (-0.0, "0"), (100.0, "100")] {
            assert_eq!(written(points).as_deref(), Some(json));
        }
        assert_eq!(written(EXACT_INTEGERS - 1.0).as_deref(), Some("9007199254740991"));
    }

    #[test]
    fn other_points_are_written_in_their_shortest_form() {
        // AGS-ITEM-03
        for (points, json) in [(83.33, "83.33"), (0.5, "0.5"), (0.1 + 0.2, "0.30000000000000004")] {
            assert_eq!(written(points).as_deref(), Some(json));
        }
        assert_eq!(written(1e300).and_then(|json| json.parse().ok()), Some(1e300));
    }

    #[test]
    fn what_is_not_finite_is_never_written() {
        for points in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(written(points), None);
            assert!(serde_json::to_string(&Some(Points(points))).is_err());
        }
    }

    #[test]
    fn numbers_and_digit_strings_are_read_alike() {
        // AGS-ITEM-09
        for json in ["10", "10.0", "1e1", r#""10""#, r#"" 10.0 ""#, r#""+10""#, r#""1e1""#] {
            assert_eq!(read(json), Some(Some(10.0)), "{json}");
        }
        assert_eq!(read("-1"), Some(Some(-1.0)));
        assert_eq!(read("33.33"), Some(Some(33.33)));
        assert_eq!(read("0.30000000000000004"), Some(Some(0.1 + 0.2)));
        assert_eq!(read("18446744073709551615"), Some(Some(18_446_744_073_709_551_615.0)));
        assert_eq!(
            read("123456789012345678901234567890"),
            Some(Some(123_456_789_012_345_678_901_234_567_890.0))
        );
    }

    #[test]
    fn null_and_blank_are_no_number() {
        for json in ["null", r#""""#, r#"" ""#] {
            assert_eq!(read(json), Some(None), "{json}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for json in
            ["{}", "[]", "true", "1e400", r#""1e400""#, r#""NaN""#, r#""inf""#, r#""ten""#, r#""0x10""#]
        {
            assert_eq!(read(json), None, "{json}");
        }
    }

    #[test]
    fn a_refusal_does_not_quote_the_text() {
        let error = Number.deserialize(&mut serde_json::Deserializer::from_str(r#""Jane Doe""#)).unwrap_err();
        assert!(!error.to_string().contains("Jane"), "{error}");
    }
}
