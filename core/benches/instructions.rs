//! The instructions that pieces of the core take, for callgrind to count: `instructions PIECE TIMES`, each piece in a function
//! of its own. `.ci/instructions` counts them, and compares with `core/benches/instructions.txt`.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use std::hint::black_box;

use lti_ags::http::{Request, Response};
use lti_ags::{
    Algorithm, Bytes, Endpoint, GetResult, InFlight, ListResults, PostScore, Registration, Score, Seed,
    Session, Signer, SigningKey, Step, Timestamp,
};

const TOKEN: &[u8] = br#"{"access_token":"8634088667c6db8e91196e76c268818f","token_type":"Bearer","expires_in":3600,"scope":"https://purl.imsglobal.org/spec/lti-ags/scope/result.readonly https://purl.imsglobal.org/spec/lti-ags/scope/score"}"#;
const LINK: &str = r#"<https://lms.example/2/lineitems/12/lineitem/results?page=1>; rel="first", <https://lms.example/2/lineitems/12/lineitem/results?page=3>; rel="next""#;

struct Elsewhere;

impl Signer for Elsewhere {
    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(b"signature".to_vec())
    }
}

struct Bench {
    session: Session,
    endpoint: Endpoint,
    now: Timestamp,
    page: Vec<u8>,
}

impl Bench {
    fn new(key: SigningKey) -> Self {
        let registration = Registration::new("tool", "https://lms.example/token", key).unwrap();
        let line_item = "https://lms.example/services.php/2/lineitems/12/lineitem?type_id=1";
        let result = |n: usize| {
            format!(
                r#"{{"id":"https://lms.example/results/{n}","userId":"{n}","resultScore":83.33,"resultMaximum":100,"comment":"This is exceptional work."}}"#
            )
        };
        Self {
            session: Session::new(registration, Seed::new(1)),
            endpoint: Endpoint::for_line_item(line_item).unwrap(),
            now: "2026-03-02T09:00:00Z".parse().unwrap(),
            page: format!("[{}]", (0..1_000).map(result).collect::<Vec<_>>().join(",")).into_bytes(),
        }
    }

    /// Begins to post a score; a token is held, unless it is forgotten.
    fn post(&mut self) -> (Request<Bytes>, InFlight<PostScore>) {
        let score = Score::graded("u-1001", 85.5, 100.0).build().unwrap();
        sent(begin_post_score(&mut self.session, &self.endpoint, score, self.now))
    }

    fn with_token(mut self) -> Self {
        let (_, in_flight) = self.post();
        let answered = in_flight.receive(&mut self.session, self.now, Ok(Response::new(TOKEN)));
        drop(sent(answered));
        self
    }
}

fn sent<O: lti_ags::Operation<Output: std::fmt::Debug>>(step: Step<O>) -> (Request<Bytes>, InFlight<O>) {
    match step {
        Step::Send(request, in_flight) => (request, in_flight),
        other => unreachable!("{other:?}"),
    }
}

#[inline(never)]
fn begin_post_score(
    session: &mut Session,
    endpoint: &Endpoint,
    score: Score,
    now: Timestamp,
) -> Step<PostScore> {
    session.begin(endpoint, PostScore::new(score), now)
}

#[inline(never)]
fn post_score(bench: &mut Bench) {
    let (request, in_flight) = bench.post();
    black_box(request);
    let step = in_flight.receive(&mut bench.session, bench.now, Ok(Response::new(&b""[..])));
    assert!(matches!(step, Step::Done(Ok(_))));
}

#[inline(never)]
fn read_token(session: &mut Session, in_flight: InFlight<PostScore>, now: Timestamp) -> Step<PostScore> {
    in_flight.receive(session, now, Ok(Response::new(TOKEN)))
}

#[inline(never)]
fn read_page(
    session: &mut Session,
    in_flight: InFlight<ListResults>,
    now: Timestamp,
    page: &[u8],
) -> Step<ListResults> {
    in_flight.receive(session, now, Ok(Response::new(page)))
}

#[inline(never)]
fn read_link(session: &mut Session, in_flight: InFlight<ListResults>, now: Timestamp) -> Step<ListResults> {
    let mut response = Response::new(&b"[]"[..]);
    response.headers_mut().insert("link", LINK.parse().unwrap());
    in_flight.receive(session, now, Ok(response))
}

#[inline(never)]
fn sign(bench: &mut Bench) -> Step<GetResult> {
    bench.session.begin(&bench.endpoint, GetResult::new("u-1001"), bench.now)
}

#[cfg(any(feature = "rust-crypto", feature = "aws-lc-rs"))]
fn rsa() -> SigningKey {
    SigningKey::generate_rsa(2048).unwrap().with_key_id("k")
}

#[cfg(not(any(feature = "rust-crypto", feature = "aws-lc-rs")))]
fn rsa() -> SigningKey {
    unreachable!("a signature takes a backend")
}

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let Some(piece) = arguments.next() else { return };
    let times: u32 = arguments.next().and_then(|times| times.parse().ok()).unwrap_or(1);
    let key = if piece == "sign" { rsa() } else { SigningKey::external(Algorithm::Rs256, "k", Elsewhere) };
    let mut bench = Bench::new(key);
    if piece != "sign" {
        bench = bench.with_token();
    }
    for _ in 0..times {
        match &*piece {
            "begin_post_score" => drop(bench.post()),
            "post_score" => post_score(&mut bench),
            "read_token" => {
                bench.session.forget_tokens();
                let (_, in_flight) = bench.post();
                drop(read_token(&mut bench.session, in_flight, bench.now));
            }
            "read_page" | "read_link" => {
                let step = bench.session.begin(&bench.endpoint, ListResults::new(), bench.now);
                let (_, in_flight) = sent(step);
                let step = if piece == "read_page" {
                    read_page(&mut bench.session, in_flight, bench.now, &bench.page)
                } else {
                    read_link(&mut bench.session, in_flight, bench.now)
                };
                assert!(matches!(step, Step::Done(Ok(_))));
            }
            "sign" => {
                bench.session.forget_tokens();
                let (_, in_flight) = sent(sign(&mut bench));
                bench.session.release(in_flight.lease().unwrap());
            }
            other => unreachable!("{other}"),
        }
    }
}
