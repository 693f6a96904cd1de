//! Datetimes on the wire: read as platforms write them, taken from users as RFC 3339 wants them, written in UTC
//! with sub-seconds (AGS 3.4.9, 4.2; ISO 8601).

use jiff::civil::DateTime;
use jiff::fmt::temporal::DateTimePrinter;
use jiff::{Timestamp, tz::Offset};

use crate::Error;
use crate::scan::Cursor;

/// Why a text is not an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DateError {
    /// It does not begin with `YYYY-MM-DD`.
    #[error("no date: write it as 2026-03-02T09:00:00Z")]
    Date,
    /// The date is not followed by `T` and `HH:MM:SS`.
    #[error("no time of day after the date: write it as T09:00:00")]
    Time,
    /// A point without digits, or more digits than nanoseconds have.
    #[error("a fraction of a second has one to nine digits after a point")]
    Fraction,
    /// The zone is missing or is none: without one the text names no instant (AGS 3.4.9).
    #[error("no time zone: end with Z or an offset such as +01:00")]
    Zone,
    /// Well-formed, but no such moment exists, or it lies outside the years that can be counted.
    #[error("no such date or time")]
    Range,
}

/// Reads what a platform wrote: ISO 8601 with a zone, in all the forms AGS 3.4.9.1 lists and some more.
///
/// `None` is for text without a zone, out of range, or not a datetime: the caller keeps the text itself.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    read(text.trim().as_bytes(), Manner::Tolerant).ok()
}

/// Reads what a user gives: RFC 3339, with its zone, no finer than a nanosecond.
pub(crate) fn parse_strict(text: &str) -> Result<Timestamp, DateError> {
    read(text.as_bytes(), Manner::Strict)
}

/// Reads a moment that a person or a file gives: RFC 3339, with its zone, no finer than a nanosecond.
///
/// ```
/// assert!(lti_ags::parse_timestamp("2026-03-02T10:00:00+01:00").is_ok());
/// assert!(lti_ags::parse_timestamp("2026-03-02T10:00:00").is_err());
/// ```
///
/// # Errors
///
/// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput), with what is missing.
pub fn parse_timestamp(text: &str) -> Result<Timestamp, Error> {
    parse_strict(text).map_err(|error| Error::input(error.to_string()).section("AGS 3.4.9"))
}

/// Writes a moment as scores are sent with it: UTC with `Z`, three digits of a second or as many more as it has (AGS 3.4.9).
///
/// ```
/// let nine = lti_ags::parse_timestamp("2026-03-02T09:00:00Z")?;
/// assert_eq!(lti_ags::format_timestamp(nine), "2026-03-02T09:00:00.000Z");
/// # Ok::<(), lti_ags::Error>(())
/// ```
pub fn format_timestamp(timestamp: Timestamp) -> String {
    format(timestamp)
}

/// Whether an instant can be written with a year of four digits, as ISO 8601 and RFC 3339 want it.
pub(crate) fn is_writable(instant: Timestamp) -> bool {
    // 0000-01-01T00:00:00Z; the latest one that can be counted lies in the year 9999.
    instant.as_second() >= -62_167_219_200
}

/// Writes an instant as AGS 3.4.9 wants it: UTC with `Z`, three digits of a second or as many more as it has.
pub(crate) fn format(instant: Timestamp) -> String {
    let nanoseconds = instant.subsec_nanosecond();
    let digits = (3..9).find(|&digits| nanoseconds % 10_i32.pow(9 - digits) == 0).unwrap_or(9);
    let precision = u8::try_from(digits).ok();
    DateTimePrinter::new().precision(precision).timestamp_to_string(&instant)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    Tolerant,
    Strict,
}

fn read(text: &[u8], manner: Manner) -> Result<Timestamp, DateError> {
    let tolerant = manner == Manner::Tolerant;
    let mut cursor = Cursor::new(text);

    let (year, month, day) = date(&mut cursor).ok_or(DateError::Date)?;
    // A space is how Python and SQL print the same thing.
    if !(cursor.eat(b'T') || cursor.eat(b't') || tolerant && cursor.eat(b' ')) {
        return Err(DateError::Time);
    }
    let (hour, minute, second) = time(&mut cursor, manner).ok_or(DateError::Time)?;
    let nanosecond = fraction(&mut cursor, manner).ok_or(DateError::Fraction)?;
    let offset = zone(&mut cursor, manner).ok_or(DateError::Zone)?;

    // RFC 3339 §5.7: a leap second. The Unix scale has no place for it but the second before.
    let second = if tolerant && second == 60 { 59 } else { second };
    let local = DateTime::new(year, month, day, hour, minute, second, nanosecond);
    local.and_then(|local| offset.to_timestamp(local)).map_err(|_| DateError::Range)
}

fn date(cursor: &mut Cursor<'_>) -> Option<(i16, i8, i8)> {
    let century = number(cursor)?;
    let year = number(cursor)?;
    let month = cursor.eat(b'-').then(|| number(cursor))??;
    let day = cursor.eat(b'-').then(|| number(cursor))??;
    Some((i16::from(century) * 100 + i16::from(year), month, day))
}

fn time(cursor: &mut Cursor<'_>, manner: Manner) -> Option<(i8, i8, i8)> {
    let hour = number(cursor)?;
    let minute = cursor.eat(b':').then(|| number(cursor))??;
    let second = if cursor.eat(b':') {
        number(cursor)?
    } else if manner == Manner::Tolerant {
        0
    } else {
        return None;
    };
    Some((hour, minute, second))
}

/// The fraction of a second in nanoseconds; digits beyond the ninth are cut off, or refused.
fn fraction(cursor: &mut Cursor<'_>, manner: Manner) -> Option<i32> {
    let tolerant = manner == Manner::Tolerant;
    if !(cursor.eat(b'.') || tolerant && cursor.eat(b',')) {
        return Some(0);
    }
    let digits = cursor.take_until(|byte| !byte.is_ascii_digit());
    if !tolerant && !(1..=9).contains(&digits.len()) {
        return None;
    }
    let nine = digits.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    Some(nine.fold(0, |value, digit| value * 10 + i32::from(digit - b'0')))
}

/// `Z`, `+01:00`, and from platforms `+0100` and `+01` too, up to the end of the text.
fn zone(cursor: &mut Cursor<'_>, manner: Manner) -> Option<Offset> {
    let tolerant = manner == Manner::Tolerant;
    let seconds = if cursor.eat(b'Z') || cursor.eat(b'z') {
        0
    } else {
        let west = cursor.eat(b'-');
        if !west && !cursor.eat(b'+') {
            return None;
        }
        let hours = number(cursor)?;
        let minutes = if cursor.eat(b':') || tolerant && cursor.peek().is_some() {
            number(cursor)?
        } else if tolerant {
            0
        } else {
            return None;
        };
        if hours > 23 || minutes > 59 {
            return None;
        }
        let seconds = (i32::from(hours) * 60 + i32::from(minutes)) * 60;
        if west { -seconds } else { seconds }
    };
    let offset = Offset::from_seconds(seconds).ok()?;
    cursor.peek().is_none().then_some(offset)
}

/// Two digits.
fn number(cursor: &mut Cursor<'_>) -> Option<i8> {
    let [tens @ b'0'..=b'9', ones @ b'0'..=b'9', ..] = cursor.rest() else { return None };
    let value = (tens - b'0') * 10 + (ones - b'0');
    cursor.skip(2);
    i8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nine_o_clock(nanoseconds: i32) -> Timestamp {
        Timestamp::new(1_772_442_000, nanoseconds).unwrap()
    }

    #[test]
    fn platforms_write_one_instant_in_many_ways() {
        // AGS-DATE-03
        for text in [
            "2026-03-02T09:00:00Z",
            "2026-03-02t09:00:00z",
            "2026-03-02T09:00:00+00:00",
            "2026-03-02T09:00:00-00:00",
            "2026-03-02T09:00:00+0000",
            "2026-03-02T09:00:00+00",
            "2026-03-02T09:00:00.Z",
            "2026-03-02T09:00:00.000000000Z",
            "2026-03-02T10:30:00,0+0130",
            "2026-03-02T11:00:00+02:00",
            "2026-03-01T23:00:00-10",
            "2026-03-02T09:00Z",
            "2026-03-02 09:00:00+00:00",
            " 2026-03-02T09:00:00Z\n",
        ] {
            assert_eq!(parse(text), Some(nine_o_clock(0)), "{text}"); // AGS-DATE-05
        }
        assert_eq!(parse("2026-03-02T09:00:00.5Z"), Some(nine_o_clock(500_000_000)));
        assert_eq!(parse("2026-03-02T09:00:00.123456789+00"), Some(nine_o_clock(123_456_789)));
        assert_eq!(parse("2026-03-02T09:00:00.1234567899999999999Z"), Some(nine_o_clock(123_456_789)));
        assert_eq!(parse("2026-03-02T10:30:00,250+0130"), Some(nine_o_clock(250_000_000)));
    }

    #[test]
    fn text_without_a_zone_or_sense_is_no_instant() {
        // AGS-DATE-04
        for text in [
            "",
            " ",
            "2026-03-02 09:00",
            "2026-03-02T09:00:00",
            "2026-03-02T09:00:00.5",
            "2026-03-02",
            "2026-03-02Z",
            "0",
            "1772442000",
            "2026-02-29T09:00:00Z",
            "2026-13-02T09:00:00Z",
            "2026-03-02T24:00:00Z",
            "2026-03-02T09:00:61Z",
            "2026-03-02T09:00:00+24:00",
            "2026-03-02T09:00:00+00:60",
            "2026-03-02T09:00:00+0",
            "2026-03-02T09:00:00+000",
            "2026-03-02T09:00:00ZZ",
            "2026-03-02T09:00:00+00:00[UTC]",
            "+2026-03-02T09:00:00Z",
            "9999-12-31T23:59:59Z",
            "２０２６-03-02T09:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_leap_second_is_the_second_before() {
        assert_eq!(parse("2016-12-31T23:59:60Z"), parse("2016-12-31T23:59:59Z"));
        assert_eq!(parse_strict("2016-12-31T23:59:60Z"), Err(DateError::Range));
    }

    #[test]
    fn what_users_give_is_rfc_3339_and_the_error_says_what_is_missing() {
        assert_eq!(parse_strict("2026-03-02T09:00:00Z"), Ok(nine_o_clock(0)));
        assert_eq!(parse_strict("2026-03-02t11:00:00.25+02:00"), Ok(nine_o_clock(250_000_000)));
        for (text, error) in [
            ("", DateError::Date),
            ("tomorrow", DateError::Date),
            ("20260302T090000Z", DateError::Date),
            ("2026-03-02", DateError::Time),
            ("2026-03-02 09:00:00Z", DateError::Time),
            ("2026-03-02T09:00Z", DateError::Time),
            ("2026-03-02T09:00:00", DateError::Zone),
            ("2026-03-02T09:00:00.5", DateError::Zone),
            ("2026-03-02T09:00:00+00", DateError::Zone),
            ("2026-03-02T09:00:00+0000", DateError::Zone),
            ("2026-03-02T09:00:00,5Z", DateError::Zone),
            ("2026-03-02T09:00:00Z ", DateError::Zone),
            ("2026-03-02T09:00:00.Z", DateError::Fraction),
            ("2026-03-02T09:00:00.1234567890Z", DateError::Fraction),
            ("2026-02-30T09:00:00Z", DateError::Range),
            ("9999-12-31T23:59:59Z", DateError::Range),
        ] {
            assert_eq!(parse_strict(text), Err(error), "{text}");
        }
    }

    #[test]
    fn instants_are_written_in_utc_with_three_digits_or_more() {
        // AGS-TS-03
        assert_eq!(format(nine_o_clock(0)), "2026-03-02T09:00:00.000Z");
        assert_eq!(format(nine_o_clock(250_000_000)), "2026-03-02T09:00:00.250Z");
        assert_eq!(format(nine_o_clock(1_000)), "2026-03-02T09:00:00.000001Z");
        assert_eq!(format(nine_o_clock(123_400_000)), "2026-03-02T09:00:00.1234Z");
        assert_eq!(format(nine_o_clock(123_456_789)), "2026-03-02T09:00:00.123456789Z");
        assert_eq!(format(Timestamp::new(-1, -500_000_000).unwrap()), "1969-12-31T23:59:58.500Z");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn what_is_written_reads_back(second in -62_135_596_800..=253_402_207_200_i64, nanosecond in 0..1_000_000_000_i32) {
            for nanosecond in [nanosecond, nanosecond / 1_000_000 * 1_000_000] {
                let instant = Timestamp::new(second, nanosecond).unwrap();
                let text = format(instant);
                prop_assert_eq!(parse(&text), Some(instant));
                prop_assert_eq!(parse_strict(&text), Ok(instant));
                prop_assert!((24..=30).contains(&text.len()) && text.ends_with('Z'), "{}", text);
                prop_assert!(text.len() == 24 || !text.ends_with("0Z"), "{}", text);
            }
        }

        #[test]
        fn what_strict_reading_accepts_tolerant_reading_and_jiff_accept(text in "[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\.[0-9]{0,10})?(Z|[+-][0-2][0-9]:?[0-5][0-9])?") {
            if let Ok(instant) = parse_strict(&text) {
                prop_assert_eq!(parse(&text), Some(instant));
                prop_assert_eq!(text.parse::<Timestamp>().ok(), Some(instant));
            }
        }

        #[test]
        fn any_text_is_read_without_panic(text in ".{0,40}", shape in "[0-9TZtz:+., -]{0,40}") {
            parse(&text);
            parse(&shape);
            let _ = parse_strict(&shape);
        }
    }
}
