//! What a bulk passback records, and what a later run makes of it.

use crate::common::{self, answer};
use crate::passback::{Run, history, outcomes, row, user, users};
use lti_ags::{History, JournalHeader, JournalReader, Passback, Row, Score, Turn};

/// What a later run reads of what this one wrote.
fn written(run: &Run) -> History {
    let line_item = common::endpoint().line_item().unwrap().clone();
    let header = JournalHeader::new("the input", [&line_item]);
    let mut reader = JournalReader::new(header.clone());
    reader.feed(&header.to_line()).unwrap();
    for (line, _) in &run.recorded {
        reader.feed(line.as_bytes()).unwrap();
    }
    reader.finish().unwrap().history
}

fn nothing() -> History {
    let line_item = common::endpoint().line_item().unwrap().clone();
    JournalReader::new(JournalHeader::new("the input", [&line_item])).finish().unwrap().history
}

/// What the lines say, without their checksums.
fn members(run: &Run) -> Vec<(&str, bool)> {
    run.recorded.iter().map(|(line, durable)| (line.get(18..).unwrap_or_default(), *durable)).collect()
}

#[test]
fn a_row_is_sent_when_that_is_safe_and_told_when_its_outcome_is_written() {
    let mut run = Run::new(|passback| passback.journaled(nothing()));
    run.finish([row("u-1001", 50.0)], |_, _| answer(204, ""));
    let expected = [
        ("\"begun\":[{\"row\":1,\"timestamp\":\"2026-03-02T09:00:00.000Z\"}]}\n", true),
        ("\"settled\":[{\"row\":1,\"outcome\":\"sent\",\"attempts\":1}]}\n", false),
        // The last outcomes survive a power cut, too.
        ("", true),
    ];
    assert_eq!(members(&run), expected);
}

#[test]
fn nothing_is_sent_before_it_is_recorded_and_one_batch_is_written_at_a_time() {
    let mut run = Run::new(|passback| passback.journaled(nothing()));
    run.passback.feed(row("u-1001", 50.0));
    run.passback.feed(row("u-1001", 60.0));
    run.passback.finish();
    let Turn::Record(batch) = run.next() else { panic!("it is not recorded") };
    assert!(matches!(run.next(), Turn::Wait(None)));
    assert_eq!(run.passback.calls(), (0, 0));
    run.passback.recorded(batch);
    run.fetch_token();
    let (_, flight) = run.sent();
    run.receive(flight, answer(204, ""));
    let Turn::Record(batch) = run.next() else { panic!("it is not recorded") };
    assert!(!batch.durable());
    // The user's next score, or a run that goes on would send this one after it.
    assert!(matches!(run.next(), Turn::Wait(None)));
    run.passback.recorded(batch);
    assert_eq!(run.finish([], |_, _| answer(204, "")).sent, 2);
}

/// One is taken, one refused, one superseded, and one given up, before the user's next is refused or taken.
fn mixed() -> Vec<Row> {
    let mut rows = users(6);
    rows.extend([row("u-3", 70.0), row("u-4", 70.0)]);
    rows
}

#[test]
fn another_run_sends_only_what_was_given_up_and_is_not_superseded() {
    let mut run = Run::new(|passback| passback.concurrency(1).journaled(nothing()));
    run.finish(mixed(), |_, request| {
        let later = String::from_utf8_lossy(request.body()).contains("\"scoreGiven\":70");
        match user(&request).as_str() {
            "u-1" => answer(422, ""),
            "u-2" => answer(409, ""),
            "u-4" if later => answer(422, ""),
            "u-3" | "u-4" if !later => answer(503, ""),
            _ => answer(204, ""),
        }
    });
    let first = outcomes(&mut run);
    let attempts: Vec<_> = run.settled.iter().map(|settlement| settlement.attempts).collect();
    assert_eq!(
        first,
        [
            "sent",
            "rejected score_refused",
            "superseded",
            "gave_up server_error",
            "gave_up server_error",
            "sent",
            "sent",
            "rejected score_refused"
        ]
    );

    let history = written(&run);
    assert!(!history.is_empty());
    // The third user's first score must not arrive after the second; nobody holds the fourth's.
    assert_eq!(history.settled(), 7);
    let mut again = Run::new(|passback| passback.concurrency(1).journaled(history));
    let mut sent = Vec::new();
    again.finish(mixed(), |_, request| {
        sent.push(user(&request));
        answer(204, "")
    });
    assert_eq!(sent, ["u-4"]);
    let second = outcomes(&mut again);
    assert_eq!((second[3].as_str(), second[4].as_str()), ("superseded", "sent"));
    for (number, settlement) in again.settled.iter().enumerate().filter(|(number, _)| *number != 4) {
        assert!(settlement.replayed && settlement.attempts == attempts[number], "{settlement:?}");
        assert!(number == 3 || second[number] == first[number], "{settlement:?}");
    }
}

#[test]
fn what_was_unchanged_stays_so() {
    let mut run = Run::new(|passback| passback.only_changed().journaled(nothing()));
    let held =
        r#"[{"id":"https://lms.northfield.test/r/1","userId":"u-0","resultScore":5,"resultMaximum":10}]"#;
    run.finish(users(1), |_, _| answer(200, held));
    assert_eq!(
        members(&run)[0],
        ("\"settled\":[{\"row\":1,\"outcome\":\"unchanged\",\"attempts\":0}]}\n", false)
    );
    let history = written(&run);
    let mut again = Run::new(|passback| passback.only_changed().journaled(history));
    assert_eq!(again.finish(users(1), |_, _| panic!("nothing is to be asked")).unchanged, 1);
}

#[test]
fn a_row_that_may_have_been_sent_is_sent_with_its_timestamp_and_not_recorded_twice() {
    let begun = history(r#""begun":[{"row":1,"timestamp":"2026-03-02T08:00:00.000Z"}]"#);
    let mut run = Run::new(|passback| passback.journaled(begun));
    let mut bodies = Vec::new();
    run.finish(users(1), |_, request| {
        bodies.push(String::from_utf8_lossy(request.body()).into_owned());
        answer(204, "")
    });
    assert!(bodies.len() == 1 && bodies[0].contains("2026-03-02T08:00:00"), "{bodies:?}");
    let lines: Vec<_> =
        members(&run).into_iter().map(|(line, _)| line.get(..9).unwrap_or_default()).collect();
    assert_eq!(lines, ["\"settled\"", ""]);
}

#[test]
fn a_dry_run_records_nothing() {
    let mut run = Run::new(|passback| passback.dry_run().journaled(nothing()));
    let summary = run.finish(users(3), |_, _| panic!("nothing may be sent"));
    assert_eq!(outcomes(&mut run), ["skipped dry_run"; 3]);
    assert_eq!((summary.skipped, run.recorded.len()), (3, 0));
}

#[test]
fn outcomes_that_wait_for_a_slow_disk_are_bounded() {
    let mut run = Run::new(|passback| passback.journaled(nothing()));
    // Settled without a request: only the first of them can be sent.
    let stale = || Score::graded("u-1001", 50.0, 100.0).timestamp(common::noon()).build().unwrap();
    let (mut fed, mut batch) = (0, None);
    loop {
        match run.next() {
            Turn::Feed => {
                fed += 1;
                assert!(fed < 3_000, "it takes rows without end");
                run.passback.feed(stale());
            }
            Turn::Record(first) if batch.is_none() => batch = Some(first),
            Turn::Wait(_) => break,
            turn => panic!("{turn:?}"),
        }
    }
    assert!(fed >= 1_000, "{fed}");
    run.passback.recorded(batch.unwrap());
    let summary = run.finish([], |_, _| answer(204, ""));
    assert_eq!((summary.sent, summary.rejected), (1, fed - 1));
}

#[test]
fn a_stop_waits_for_what_is_on_its_way() {
    let mut run = Run::new(Passback::only_changed);
    run.passback.feed(row("u-1001", 50.0));
    run.fetch_token();
    let (_, reading) = run.sent();
    run.passback.stopper().stop();
    assert!(matches!(run.next(), Turn::Wait(None)));
    run.receive(reading, answer(200, "[]"));
    assert!(matches!(run.next(), Turn::Done(_)));
}
