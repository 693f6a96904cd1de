//! Dates as AGS 3.4.9 wants them on the wire: ISO 8601 with sub-second digits and a zone.

use jiff::Timestamp;

/// What is wrong with a date, from worst to mildest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// No date at all.
    Unreadable,
    /// A date without a zone (AGS-DATE-01).
    NoZone,
    /// A date without sub-second digits (AGS-TS-03).
    NoFraction,
}

/// A well-formed date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) at: Timestamp,
    /// Whether it was written in UTC (AGS-DATE-02).
    pub(crate) utc: bool,
}

/// Reads `2026-03-02T09:00:00.000Z`; the zone may also be `+hh:mm`, or the `+00` that AGS lists.
pub(crate) fn read(text: &str) -> Result<Moment, Flaw> {
    let (seconds, rest) = text.split_at_checked(19).ok_or(Flaw::Unreadable)?;
    let shaped = seconds.bytes().zip(*b"dddd-dd-ddTdd:dd:dd").all(|(byte, wanted)| match wanted {
        b'd' => byte.is_ascii_digit(),
        _ => byte == wanted,
    });
    if !shaped {
        return Err(Flaw::Unreadable);
    }
    let (digits, zone) = match rest.strip_prefix('.') {
        Some(fraction) => {
            let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
            (digits, fraction.split_at(digits).1)
        }
        None => (0, rest),
    };
    if zone.is_empty() {
        return Err(Flaw::NoZone);
    }
    let utc = matches!(zone, "Z" | "+00:00" | "+00");
    let offset = zone.len() == 6 && zone.starts_with(['+', '-']);
    if !(utc || offset) {
        return Err(Flaw::Unreadable);
    }
    let at = text.parse().map_err(|_| Flaw::Unreadable)?;
    if digits == 0 { Err(Flaw::NoFraction) } else { Ok(Moment { at, utc }) }
}

/// Reads what platforms read that do not mind a missing zone (they take UTC) or missing sub-second digits.
pub(crate) fn read_leniently(text: &str) -> Option<Timestamp> {
    text.parse().or_else(|_| format!("{text}Z").parse()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_platforms_do_without_zone_and_fraction() {
        let noon = "2026-03-02T12:00:00Z".parse().ok();
        assert_eq!(read_leniently("2026-03-02T12:00:00"), noon);
        assert_eq!(read_leniently("2026-03-02T12:00:00Z"), noon);
        assert_eq!(read_leniently("1700000000"), None);
    }

    #[test]
    fn only_dates_with_fraction_and_zone_pass() {
        // AGS-TS-03, AGS-DATE-01
        let noon: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        assert_eq!(read("2026-03-02T12:00:00.000Z"), Ok(Moment { at: noon, utc: true }));
        assert_eq!(read("2026-03-02T12:00:00.0+00"), Ok(Moment { at: noon, utc: true }));
        assert_eq!(read("2026-03-02T14:00:00.000+02:00"), Ok(Moment { at: noon, utc: false }));
        assert_eq!(read("2026-03-02T12:00:00Z"), Err(Flaw::NoFraction));
        assert_eq!(read("2026-03-02T12:00:00.000"), Err(Flaw::NoZone));
        for text in
            ["", "2026-03-02", "2026-03-02 12:00:00.000Z", "2026-13-02T12:00:00.000Z", "tomorrow, at noon…"]
        {
            assert_eq!(read(text), Err(Flaw::Unreadable), "{text}");
        }
    }
}
