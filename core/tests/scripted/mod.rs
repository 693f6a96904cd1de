//! A platform without I/O: it drives calls with scripted answers and a clock that only waits move.
#![allow(clippy::unnecessary_wraps, reason = "a reply may be a failure")]

use std::collections::VecDeque;
use std::time::Duration;

use lti_ags::http::{Request, Response};
use lti_ags::{
    Algorithm, Bytes, Cause, Endpoint, Error, LineItem, Listing, Member, Operation, Page, Policy,
    Registration, Scope, Seed, Session, Signer, SigningKey, Step, Timestamp, TransportError,
};

pub const CONTAINER: &str = "https://lms.test/ctx/9/lineitems";
pub const OWN: &str = "https://lms.test/ctx/9/lineitems/4";

/// What comes back from a request to a service; requests for tokens are always granted.
pub type Reply = Result<Response<Vec<u8>>, TransportError>;

pub fn status(status: u16, body: &str) -> Reply {
    Ok(Response::builder().status(status).body(body.as_bytes().to_vec()).unwrap())
}

pub fn ok(body: &str) -> Reply {
    status(200, body)
}

/// The reply with a header more.
pub fn with(reply: Reply, name: &'static str, value: &str) -> Reply {
    let mut response = reply.unwrap();
    response.headers_mut().append(name, value.as_bytes().try_into().unwrap());
    Ok(response)
}

/// A page that is followed by the one at `next`.
pub fn page(body: &str, next: &str) -> Reply {
    with(ok(body), "link", &format!("<{next}>; rel=\"next\""))
}

pub fn html(code: u16) -> Reply {
    with(status(code, "<!DOCTYPE html><title>Oops</title>"), "content-type", "text/html")
}

/// The answer is lost on its way.
pub fn lost() -> Reply {
    Err(TransportError::in_doubt(Cause::Timeout, "no answer"))
}

pub fn not_sent() -> Reply {
    Err(TransportError::not_sent(Cause::Connection, "refused"))
}

/// `{"id":"https://lms.test/ctx/9/lineitems/N",…}` with these members more.
pub fn item(number: u32, members: &str) -> String {
    format!(r#"{{"id":"{CONTAINER}/{number}","label":"L{number}","scoreMaximum":10{members}}}"#)
}

pub fn result(user_id: &str) -> String {
    format!(r#"{{"userId":"{user_id}","resultScore":5,"resultMaximum":10}}"#)
}

pub struct Platform {
    pub session: Session,
    pub endpoint: Endpoint,
    pub now: Timestamp,
    pub sent: Vec<Request<Bytes>>,
    pub token_requests: usize,
    script: VecDeque<Reply>,
}

pub fn platform(script: impl IntoIterator<Item = Reply>) -> Platform {
    struct Nobody;
    impl Signer for Nobody {
        fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
            Ok(vec![1])
        }
    }
    let key = SigningKey::external(Algorithm::Rs256, "k", Nobody);
    let registration = Registration::new("tool", "https://lms.test/token", key).unwrap();
    Platform {
        session: Session::new(registration, Seed::new(7)),
        endpoint: Endpoint::new(Scope::AGS).with_line_items(CONTAINER).unwrap().with_line_item(OWN).unwrap(),
        now: "2026-03-02T09:00:00Z".parse().unwrap(),
        sent: Vec::new(),
        token_requests: 0,
        script: script.into_iter().collect(),
    }
}

impl Platform {
    pub fn with_policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        let mut policy = Policy::default();
        change(&mut policy);
        self.session = self.session.with_policy(policy);
        self
    }

    pub fn call<O: Operation>(&mut self, operation: O) -> Result<O::Output, Error> {
        let mut step = self.session.begin(&self.endpoint, operation, self.now);
        loop {
            step = match step {
                Step::Send(request, in_flight) => {
                    let reply = self.answer(request);
                    in_flight.receive(&mut self.session, self.now, reply)
                }
                Step::Wait(delay, paused) => {
                    self.now += delay;
                    paused.resume(&mut self.session, self.now)
                }
                Step::Done(result) => return result,
            };
        }
    }

    fn answer(&mut self, request: Request<Bytes>) -> Reply {
        self.now += Duration::from_millis(20);
        if request.uri().path() == "/token" {
            self.token_requests += 1;
            return ok(&format!(
                r#"{{"access_token":"secret-{}","token_type":"Bearer","expires_in":3600}}"#,
                self.token_requests
            ));
        }
        let told = format!("{} {}", request.method(), request.uri());
        self.sent.push(request);
        self.script.pop_front().unwrap_or_else(|| panic!("nobody expected {told}"))
    }

    /// Everything of a list: its members, then what ended it early.
    pub fn items<O, T>(&mut self, first: O) -> Vec<Result<T, Error>>
    where
        O: Operation<Output = Page<T>>,
        T: Member,
    {
        let (mut listing, mut items) = (Listing::new(first), Vec::new());
        while let Some(request) = listing.request() {
            listing.receive(self.call(request));
            items.extend(std::iter::from_fn(|| listing.take()));
        }
        items
    }

    /// `METHOD URL` of each request that was sent, where the URL is one of the platform's without its origin.
    pub fn lines(&self) -> Vec<String> {
        let line = |request: &Request<Bytes>| {
            format!("{} {}", request.method(), request.uri()).replace("https://lms.test", "")
        };
        self.sent.iter().map(line).collect()
    }

    pub fn body(&self, index: usize) -> &str {
        std::str::from_utf8(self.sent[index].body()).unwrap()
    }

    pub fn header(&self, index: usize, name: &str) -> Option<&str> {
        self.sent[index].headers().get(name).map(|value| value.to_str().unwrap())
    }

    /// That every answer of the script was asked for.
    pub fn is_done(&self) -> bool {
        self.script.is_empty()
    }
}

pub fn line_item(json: &str) -> LineItem {
    serde_json::from_str(json).unwrap()
}
