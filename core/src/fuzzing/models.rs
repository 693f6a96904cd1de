//! What is read as JSON: claims, line items, results, stored scores.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::platform::{check_error, endpoint, nine, session};
use super::values;
use crate::container::{read_line_item, read_line_items, read_results};
use crate::{Endpoint, Launch, LineItem, Policy, PostScore, Score, Step, UserResult};

/// How many entries are allowed, so that "too many" is met.
const CAP: usize = 8;

/// Claims give an endpoint that stores and can be used, or an error.
pub fn claims(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let launch = match Launch::from_json(text) {
        Ok(launch) => launch,
        Err(error) => return check_error(&error, &[]),
    };
    let texts = [
        launch.issuer(),
        launch.user_id(),
        launch.deployment_id(),
        launch.message_type(),
        launch.context_id(),
        launch.resource_link_id(),
        launch.custom("lineitem"),
        launch.for_user_id(),
        launch.return_url(),
    ];
    assert!(texts.iter().flatten().all(|text| !text.trim().is_empty()), "what is blank is absent");
    for configured in [None, Some("tool-7f3a")] {
        if let Err(error) = launch.client_id(configured) {
            check_error(&error, &[]);
        }
    }
    match launch.endpoint() {
        Err(error) => check_error(&error, &[]),
        Ok(endpoint) => {
            let stored = serde_json::to_string(&endpoint).unwrap();
            assert_eq!(serde_json::from_str::<Endpoint>(&stored).unwrap(), endpoint);
            let score = Score::graded("u-1001", 1.0, 1.0).build().unwrap();
            match session(Policy::default()).begin(&endpoint, PostScore::new(score), nine()) {
                Step::Send(_, in_flight) => assert!(in_flight.lease().is_some(), "without a token"),
                Step::Done(Err(error)) => check_error(&error, &[]),
                step => panic!("{step:?}"),
            }
        }
    }
}

/// Line items hold what `serde_json` reads, and read back as they were written; none is invented, none is lost.
pub fn line_items(data: &[u8]) {
    let item = read_line_item(data);
    if let Ok(Some(item)) = &item {
        round_trip(item);
        if let Some(value) = values::value(data) {
            values::check_line_item(item, &value);
        }
    }
    match read_line_items(data, CAP) {
        Ok(items) => {
            assert!(items.len() <= CAP && (items.is_empty() || item.is_err()));
            if let Some(Value::Array(entries)) = values::value(data) {
                assert_eq!(entries.len(), items.len());
                items.iter().zip(&entries).for_each(|(item, value)| values::check_line_item(item, value));
            }
            items.iter().for_each(round_trip);
        }
        Err(error) => assert!(!error.to_string().chars().any(char::is_control), "{error}"),
    }
}

fn round_trip(item: &LineItem) {
    assert!(item.score_maximum().is_finite());
    let stored = serde_json::to_string(item).unwrap();
    let again: LineItem = serde_json::from_str(&stored).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), stored);
    // Not a `Value`: members that are kept may hold numbers that it does not.
    let update = serde_json::to_string(&item.update()).unwrap();
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(&update).unwrap();
    assert!(!members.contains_key("id") && !update.contains(['\n', '\r']), "{update}");
    let _ = (item.start_date_time(), item.end_date_time());
}

/// Results hold what `serde_json` reads, and read back as they were written; no share of points is anything but a number.
pub fn results(data: &[u8]) {
    match read_results(data, CAP) {
        Ok(results) => {
            assert!(results.len() <= CAP);
            if let Some(entries) = values::results(data) {
                assert_eq!(entries.len(), results.len());
                results.iter().zip(&entries).for_each(|(result, value)| values::check_result(result, value));
            }
            for result in &results {
                assert!(result.fraction().is_none_or(f64::is_finite));
                assert!(result.percent().is_none_or(f64::is_finite));
                assert!(
                    result.result_score().is_none_or(f64::is_finite) && result.result_maximum().is_finite()
                );
                assert!(result.comment().is_none_or(|comment| !comment.trim().is_empty()));
                let stored = serde_json::to_string(result).unwrap();
                let again = serde_json::from_str::<UserResult>(&stored).unwrap();
                assert_eq!(serde_json::to_string(&again).unwrap(), stored);
            }
        }
        Err(error) => assert!(!error.to_string().chars().any(char::is_control), "{error}"),
    }
}

/// A stored score is one that could be built, and is posted in one line without nulls.
pub fn score_json(data: &[u8]) {
    let Ok(score) = serde_json::from_slice::<Score>(data) else { return };
    if let Some(value) = values::value(data) {
        values::check_score(&score, &value);
    }
    assert!(!score.user_id().trim().is_empty());
    assert_eq!(score.score_given().is_some(), score.score_maximum().is_some());
    assert!(score.score_given().is_none_or(|given| given.is_finite() && given >= 0.0));
    assert!(score.score_maximum().is_none_or(|maximum| maximum.is_finite() && maximum > 0.0));
    let stored = serde_json::to_string(&score).unwrap();
    let again: Score = serde_json::from_str(&stored).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), stored);

    let mut session = session(Policy::default());
    let Step::Send(_, in_flight) = session.begin(&endpoint(), PostScore::new(score), nine()) else {
        panic!("no token request")
    };
    let token = super::platform::token_answer();
    let Step::Send(request, _) = in_flight.receive(&mut session, nine(), Ok(token)) else {
        panic!("no score")
    };
    let posted = std::str::from_utf8(request.body()).unwrap();
    assert!(!posted.contains(['\n', '\r']), "{posted}");
    let posted: BTreeMap<String, Box<RawValue>> = serde_json::from_str(posted).unwrap();
    assert!(posted["timestamp"].get().ends_with("Z\""), "{posted:?}");
}
