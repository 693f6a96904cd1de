//! What both transports hand on to `tracing`.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use lti_ags_ureq::http::{Response, StatusCode};
use lti_ags_ureq::{
    Algorithm, Endpoint, Event, PostScore, Registration, Score, Seed, Session, Signer, SigningKey, Step,
    Timestamp,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};

const TOKEN: &str = "nf.Zk3~81-planted-token";

/// Notes each event as a line: level, target, fields.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<String>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Notes {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        let metadata = event.metadata();
        let mut line = Line(format!("{} {}", metadata.level(), metadata.target()));
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The events of a call that meets a 401 and a 429.
fn events() -> Vec<Event> {
    struct Elsewhere;
    impl Signer for Elsewhere {
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
            Ok(vec![1])
        }
    }
    let key = SigningKey::external(Algorithm::Rs256, "k", Elsewhere);
    let registration = Registration::new("tool", "https://lms.test/token", key).unwrap();
    let mut session = Session::new(registration, Seed::new(7));
    session.record_events();
    let endpoint = Endpoint::for_line_item("https://lms.test/lineitems/4").unwrap();
    let score = PostScore::new(Score::graded("u-1001", 1.0, 2.0).build().unwrap());
    let mut now = Timestamp::try_from(SystemTime::UNIX_EPOCH).unwrap();
    let (mut step, mut answers) = (session.begin(&endpoint, score, now), [401, 429, 204].into_iter());
    loop {
        step = match step {
            Step::Send(request, in_flight) => {
                let mut response =
                    Response::new(format!(r#"{{"access_token":"{TOKEN}","expires_in":3600}}"#));
                if request.uri().path() != "/token" {
                    *response.status_mut() = StatusCode::from_u16(answers.next().unwrap()).unwrap();
                }
                in_flight.receive(&mut session, now, Ok(response))
            }
            Step::Wait(delay, paused) => {
                now += delay;
                paused.resume(&mut session, now)
            }
            Step::Done(result) => {
                result.unwrap();
                return session.take_events();
            }
        };
    }
}

#[test]
fn each_event_is_one_of_tracing_with_its_fields_and_no_secret() {
    let observers: [fn(&Event); 2] = [lti_ags_ureq::trace, lti_ags_hyper::trace];
    for observer in observers {
        let notes = Notes::default();
        tracing::subscriber::with_default(notes.clone(), || events().iter().for_each(observer));
        let lines = notes.0.lock().unwrap().clone();
        let beginnings = [
            "DEBUG lti_ags message=exchange operation=\"token request\" attempt=1 method=POST",
            "DEBUG lti_ags message=exchange operation=\"post score\" attempt=1 method=POST url=\"https://lms.test/lineitems/4/scores\" status=401",
            "INFO lti_ags message=renewal operation=\"post score\" attempt=1 status=401",
            "DEBUG lti_ags message=exchange operation=\"token request\"",
            "DEBUG lti_ags message=exchange operation=\"post score\" attempt=2",
            "WARN lti_ags message=retry operation=\"post score\" attempt=2 error=",
            "DEBUG lti_ags message=wait operation=\"post score\" attempt=2 reason=the platform, which throttles seconds=",
            "DEBUG lti_ags message=exchange operation=\"post score\" attempt=3",
        ];
        assert_eq!(lines.len(), beginnings.len(), "{lines:#?}");
        for (line, beginning) in lines.iter().zip(beginnings) {
            assert!(line.starts_with(beginning), "{line}\n{beginning}");
            assert!(!line.contains(TOKEN), "{line}");
        }
    }
}
