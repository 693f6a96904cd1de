//! Datetimes: written in UTC, read as platforms write them, kept as they came where they say nothing (AGS 3.2.12,
//! 3.4.9, 4.2).

use crate::common::{Tool, graded, time};
use lti_ags::{LineItem, NewLineItem, PostScore, Timestamp};

/// A line item whose end is this JSON value.
fn ending(value: &str) -> LineItem {
    serde_json::from_str(&format!(
        r#"{{"id":"https://lms.northfield.test/li/4","label":"Lab 3","scoreMaximum":20,"endDateTime":{value}}}"#
    ))
    .unwrap()
}

fn read(text: &str) -> Option<Timestamp> {
    ending(&format!("\"{text}\"")).end_date_time()
}

#[test]
fn whatever_is_written_has_a_zone_and_it_is_utc() {
    // AGS-DATE-01, AGS-DATE-02
    let local = time("2026-03-02T11:00:00+02:00");
    let item = NewLineItem::new("Lab 3", 20.0).unwrap().with_start_date_time(local).with_end_date_time(local);
    let item = serde_json::to_value(&item).unwrap();
    let mut tool = Tool::new();
    let score = graded().timestamp(local).started_at(local).submitted_at(local).build().unwrap();
    tool.call(PostScore::new(score)).unwrap();
    let body = tool.body(0);
    for written in [
        &item["startDateTime"],
        &item["endDateTime"],
        &body["timestamp"],
        &body["submission"]["startedAt"],
        &body["submission"]["submittedAt"],
    ] {
        assert_eq!(written, "2026-03-02T09:00:00.000Z");
    }
}

#[test]
fn every_form_in_which_platforms_write_an_instant_is_read() {
    // AGS-DATE-03
    for (text, instant) in [
        ("2026-03-02T09:00:00Z", "2026-03-02T09:00:00Z"),
        ("2026-03-02t09:00:00z", "2026-03-02T09:00:00Z"),
        ("2026-03-02T09:00:00+00:00", "2026-03-02T09:00:00Z"),
        ("2026-03-02T09:00:00+0000", "2026-03-02T09:00:00Z"),
        ("2026-03-02T09:00:00+00", "2026-03-02T09:00:00Z"),
        ("2026-03-02T09:00:00.5Z", "2026-03-02T09:00:00.5Z"),
        ("2026-03-02T09:00:00.123456789+00", "2026-03-02T09:00:00.123456789Z"),
        ("2026-03-02T09:00:00,250+0130", "2026-03-02T07:30:00.25Z"),
        ("2026-03-02T09:00:00.1234567899999Z", "2026-03-02T09:00:00.123456789Z"),
        ("2026-04-01T00:00:00+02:00", "2026-03-31T22:00:00Z"),
        ("2024-10-11T04:59:59.999Z", "2024-10-11T04:59:59.999Z"),
    ] {
        assert_eq!(read(text), Some(time(instant)), "{text}");
    }
}

#[test]
fn blank_and_null_are_no_date() {
    // AGS-DATE-04
    for value in [r#""""#, r#""  ""#, "null"] {
        let item = ending(value);
        assert_eq!((item.end_date_time(), item.start_date_time()), (None, None), "{value}");
    }
}

#[test]
fn what_cannot_be_read_is_passed_back_as_it_came() {
    // AGS-DATE-04
    for text in ["2026-03-02 09:00", "2026-03-02T09:00:00", "next Monday", "2026-02-30T09:00:00Z"] {
        let item = ending(&format!("\"{text}\""));
        assert_eq!((item.label(), item.end_date_time()), ("Lab 3", None), "{text}");
        assert_eq!(item.end_date_time_text(), Some(text));
        assert_eq!(serde_json::to_value(item.update()).unwrap()["endDateTime"], text);
    }
}

#[test]
fn instants_are_compared_and_not_texts() {
    // AGS-DATE-05
    assert_eq!(read("2026-03-02T11:00:00+02:00"), read("2026-03-02T09:00:00.000Z"));
    assert!(read("2026-03-02T10:00:00+02:00") < read("2026-03-02T09:00:00Z"));
    let at = |text: &str| graded().timestamp(time(text)).build().unwrap();
    assert_eq!(at("2026-03-02T11:00:00+02:00"), at("2026-03-02T09:00:00Z"));
}

#[test]
fn a_datetime_without_a_zone_cannot_be_had_from_a_queue() {
    // AGS-DATE-01
    let stored = |timestamp: &str| {
        serde_json::from_str::<lti_ags::Score>(&format!(
            r#"{{"userId":"u-1001","activityProgress":"Completed","gradingProgress":"FullyGraded","timestamp":"{timestamp}"}}"#
        ))
    };
    assert!(stored("2026-03-02T09:00:00Z").is_ok());
    for zoneless in ["2026-03-02T09:00:00", "2026-03-02", ""] {
        let error = stored(zoneless).unwrap_err().to_string();
        assert!(
            error.contains("2026-03-02T09:00:00Z") || error.contains("zone") || error.contains("T09:00:00"),
            "{error}"
        );
    }
}

#[test]
fn the_widest_offset_is_taken_and_written_in_utc() {
    // AGS-DATE-02
    let instant = lti_ags::parse_timestamp("2026-03-02T09:00:00+23:59").unwrap();
    assert_eq!(lti_ags::format_timestamp(instant), "2026-03-01T09:01:00.000Z");
    for text in ["2026-03-02T09:00:00+24:00", "2026-03-02T09:00:00+23:60"] {
        assert!(lti_ags::parse_timestamp(text).is_err(), "{text}");
    }
}
