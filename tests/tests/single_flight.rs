//! Calls that need a token at the same time: one fetches it for all, whatever becomes of that one.

mod common;

use std::collections::BTreeSet;
use std::future::{Future, poll_fn};
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use common::{OverHyper, OverUreq, Tool, endpoint, impatient, registration};
use lti_ags::http::Request;
use lti_ags::{Endpoint, Error, ErrorKind, PostScore, Score};
use lti_ags_testing::{Builder, Platform, Route, Script};
use ureq::SendBody;
use ureq::middleware::MiddlewareNext;

scenarios! {
    a_thousand_calls_make_one_token_request,
    a_thousand_calls_are_refused_by_one_answer,
    the_session_is_free_while_an_exchange_is_under_way,
}

const MANY: usize = 1_000;

/// Of so many calls, one posts a score, and the others want to know what they may do: more connections than that are no
/// help in telling who fetches the token.
const POSTS: usize = 10;

/// A platform that holds an answer back.
struct Gated {
    platform: Platform,
    gate: Arc<Gate>,
    /// That the request for it has come.
    come: mpsc::Receiver<()>,
}

#[derive(Default)]
struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.opened.notify_all();
    }

    fn pass(&self) {
        drop(self.opened.wait_while(self.is_open.lock().unwrap(), |is_open| !*is_open).unwrap());
    }
}

impl Gated {
    /// The answer to this request, counted from 1, waits for the gate.
    fn start(builder: Builder, number: u64) -> Self {
        let gate: Arc<Gate> = Arc::default();
        let (coming, come) = mpsc::channel();
        let theirs = Arc::clone(&gate);
        let platform = builder.on_exchange(move |exchange| {
            if exchange.number == number {
                coming.send(()).unwrap();
                theirs.pass();
            }
        });
        Self { platform: platform.start(), gate, come }
    }
}

impl Drop for Gated {
    /// A platform waits for its threads when it goes.
    fn drop(&mut self) {
        self.gate.open();
    }
}

fn users() -> Vec<String> {
    (0..MANY / POSTS).map(|number| format!("s-{number}")).collect()
}

/// A call of many: `None` where it died.
type End = Option<Result<(), Error>>;

/// Calls at the same time, each in a thread or a task of its own.
trait Many: Tool {
    /// Begins so many calls, says when all of them are under way, and waits for them.
    fn many(self: &Arc<Self>, endpoint: &Endpoint, under_way: impl FnOnce()) -> Vec<End>;
}

fn post(number: usize) -> Option<PostScore> {
    let user = number.is_multiple_of(POSTS).then(|| format!("s-{}", number / POSTS))?;
    Some(PostScore::new(Score::graded(user, 50.0, 100.0).build().unwrap()))
}

impl Many for OverUreq {
    fn many(self: &Arc<Self>, endpoint: &Endpoint, under_way: impl FnOnce()) -> Vec<End> {
        const STACK: usize = 512 << 10;
        let (tell, told) = mpsc::channel();
        let spawn = |number| {
            let (tool, endpoint, tell) = (Arc::clone(self), endpoint.clone(), tell.clone());
            let call = move || {
                tell.send(()).unwrap();
                match post(number) {
                    Some(post) => tool.call(&endpoint, post).map(|_| ()),
                    None => tool.authorize(&endpoint).map(|_| ()),
                }
            };
            thread::Builder::new().stack_size(STACK).spawn(call).unwrap()
        };
        let threads: Vec<_> = (0..MANY).map(spawn).collect();
        assert_eq!(told.iter().take(MANY).count(), MANY);
        under_way();
        threads.into_iter().map(|thread| thread.join().ok()).collect()
    }
}

impl Many for OverHyper {
    fn many(self: &Arc<Self>, endpoint: &Endpoint, under_way: impl FnOnce()) -> Vec<End> {
        let (tell, told) = mpsc::channel();
        let spawn = |number| {
            let (client, endpoint, tell) = (self.client.clone(), endpoint.clone(), tell.clone());
            self.runtime.spawn(async move {
                let call = async {
                    match post(number) {
                        Some(post) => client.call(&endpoint, post).await.map(|_| ()),
                        None => client.authorize(&endpoint).await.map(|_| ()),
                    }
                };
                waiting(call, tell).await
            })
        };
        let tasks: Vec<_> = (0..MANY).map(spawn).collect();
        assert_eq!(told.iter().take(MANY).count(), MANY);
        under_way();
        self.runtime.block_on(async {
            let mut ends = Vec::new();
            for task in tasks {
                ends.push(task.await.ok());
            }
            ends
        })
    }
}

/// Says when a future waits for the first time.
async fn waiting<F: Future>(future: F, tell: mpsc::Sender<()>) -> F::Output {
    let mut future = pin!(future);
    let mut tell = Some(tell);
    poll_fn(move |context| {
        let polled = future.as_mut().poll(context);
        if let Some(tell) = tell.take_if(|_| polled.is_pending()) {
            tell.send(()).unwrap();
        }
        polled
    })
    .await
}

fn a_thousand_calls_make_one_token_request<T: Many>() {
    let Gated { platform, gate, .. } = &Gated::start(Platform::builder().learners(users()), 1);
    let tool = Arc::new(T::on(platform));
    for end in tool.many(&endpoint(platform), || gate.open()) {
        end.unwrap().unwrap();
    }
    assert_eq!(platform.ledger().token_requests().len(), 1);
    assert_eq!(platform.gradebook().results().count(), MANY / POSTS);
    platform.assert_no_violations();
}

fn a_thousand_calls_are_refused_by_one_answer<T: Many>() {
    let Gated { platform, gate, .. } = &Gated::start(Platform::builder(), 1);
    platform.script(Route::Token, Script::reply(401).body(r#"{"error":"invalid_client"}"#));
    let tool = Arc::new(T::on(platform));
    let ends = tool.many(&endpoint(platform), || gate.open());
    let errors: Vec<_> = ends.into_iter().map(|end| end.unwrap().unwrap_err()).collect();
    assert!(errors.iter().all(|error| error.kind() == ErrorKind::TokenRefused));
    // In the same words, but for the operation in front.
    let words: BTreeSet<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!((errors.len(), words.len()), (MANY, 1), "{words:?}");
    assert_eq!(platform.ledger().len(), 1);
}

#[test]
fn a_thread_that_dies_with_the_token_hands_that_on() {
    let Gated { platform, gate, .. } = &Gated::start(Platform::builder().learners(users()), 1);
    let is_first = AtomicBool::new(true);
    let agent = ureq::Agent::config_builder().middleware(
        move |request: Request<SendBody<'_>>, next: MiddlewareNext<'_>| {
            let response = next.handle(request);
            if is_first.swap(false, Ordering::Relaxed) {
                // A panic without words.
                resume_unwind(Box::new(()));
            }
            response
        },
    );
    let builder = lti_ags_ureq::ClientBuilder::over(registration(platform), agent.build().new_agent());
    let tool = Arc::new(OverUreq(builder.policy(impatient()).build()));
    let ends = tool.many(&endpoint(platform), || gate.open());
    assert_eq!(ends.iter().filter(|end| end.is_none()).count(), 1);
    assert!(ends.iter().flatten().all(Result::is_ok));
    assert_eq!(platform.ledger().token_requests().len(), 2);
}

#[test]
fn a_future_dropped_with_the_token_hands_that_on() {
    let Gated { platform, come, .. } = &Gated::start(Platform::builder().learners(users()), 1);
    let tool = Arc::new(OverHyper::on(platform));
    let endpoint = endpoint(platform);
    let (client, theirs) = (tool.client.clone(), endpoint.clone());
    let maker = tool.runtime.spawn(async move { client.authorize(&theirs).await });
    come.recv().unwrap();
    let ends = tool.many(&endpoint, || maker.abort());
    assert!(tool.runtime.block_on(maker).unwrap_err().is_cancelled());
    for end in ends {
        end.unwrap().unwrap();
    }
    assert_eq!(platform.ledger().token_requests().len(), 2);
    assert_eq!(platform.gradebook().results().count(), MANY / POSTS);
}

/// A lock that was held across the exchange would be waited for until the answer comes.
fn the_session_is_free_while_an_exchange_is_under_way<T: Tool>() {
    for number in [1, 2] {
        let Gated { platform, gate, come } = &Gated::start(Platform::builder().learners(users()), number);
        let tool = T::on(platform);
        let endpoint = endpoint(platform);
        thread::scope(|scope| {
            let call = scope.spawn(|| tool.call(&endpoint, post(0).unwrap()));
            come.recv().unwrap();
            let (tell, told) = mpsc::channel();
            let tool = &tool;
            scope.spawn(move || tool.with_session(|session| tell.send(session.revision()).unwrap()));
            let is_free = told.recv_timeout(Duration::from_secs(10)).is_ok();
            gate.open();
            call.join().unwrap().unwrap();
            assert!(is_free, "the session was locked during exchange {number}");
        });
    }
}
