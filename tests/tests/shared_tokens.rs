//! Tokens that processes share through Redis, over both transports: the embedded platform, a real `redis-server`, and
//! processes that are killed.

mod common;
mod redis;

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use common::{endpoint, impatient, registration};
use futures_util::StreamExt;
use lti_ags::{
    Endpoint, Error, Passback, PostScore, Registration, Row, Score, ServiceUrl, SigningKey, StoreTerms,
    StoredRegistration, Summary, Timestamp,
};
use lti_ags_testing::{Platform, Route, Script};
use lti_ags_ureq::{TokenStore, redis as driver};
use redis::Redis;

/// How long one exchange may take in these tests.
const EXCHANGE: Duration = Duration::from_secs(2);

type Post = dyn Fn(&Endpoint, PostScore) -> Result<(), Error>;
type PassBack = dyn Fn(&Endpoint, Vec<Score>) -> Summary;

/// A tool over either transport that shares its tokens, and what it was told of the store's failures.
struct Sharing {
    post: Box<Post>,
    pass_back: Box<PassBack>,
    failures: Arc<Mutex<Vec<String>>>,
    debug: String,
}

fn over_ureq(registration: Registration, redis: &str) -> Sharing {
    let failures: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&failures);
    let store = lti_ags_ureq::RedisStore::new(driver::Client::open(redis).unwrap());
    let store_debug = format!("{store:?}");
    let client = lti_ags_ureq::Client::builder(registration)
        .policy(impatient())
        .request_timeout(EXCHANGE)
        .share_tokens(store)
        .observe_store_failures(move |error| told.lock().unwrap().push(error.to_string()))
        .build();
    let debug = format!("{store_debug} {client:?}");
    let passing = client.clone();
    let post = Box::new(move |endpoint: &Endpoint, post| client.call(endpoint, post).map(drop));
    let pass_back = Box::new(move |endpoint: &Endpoint, scores| {
        let mut settlements = passing.pass_back(Passback::new(endpoint), scores);
        settlements.by_ref().for_each(|settlement| drop(settlement.unwrap()));
        settlements.summary()
    });
    Sharing { post, pass_back, failures, debug }
}

fn over_hyper(registration: Registration, redis: &str) -> Sharing {
    let failures: Arc<Mutex<Vec<String>>> = Arc::default();
    let told = Arc::clone(&failures);
    let store = lti_ags_hyper::RedisStore::new(driver::Client::open(redis).unwrap());
    let store_debug = format!("{store:?}");
    let client = lti_ags_hyper::Client::builder(registration)
        .policy(impatient())
        .request_timeout(EXCHANGE)
        .share_tokens(store)
        .observe_store_failures(move |error| told.lock().unwrap().push(error.to_string()))
        .build();
    let debug = format!("{store_debug} {client:?}");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (runtime, passing) = (Arc::new(runtime), client.clone());
    let handle = runtime.handle().clone();
    let post =
        Box::new(move |endpoint: &Endpoint, post| runtime.block_on(client.call(endpoint, post)).map(drop));
    let pass_back = Box::new(move |endpoint: &Endpoint, scores| {
        handle.block_on(async {
            let mut settlements = passing.pass_back(Passback::new(endpoint), scores);
            while let Some(settlement) = settlements.next().await {
                drop(settlement.unwrap());
            }
            settlements.summary()
        })
    });
    Sharing { post, pass_back, failures, debug }
}

const BOTH: [fn(Registration, &str) -> Sharing; 2] = [over_ureq, over_hyper];

impl Sharing {
    #[track_caller]
    fn post(&self, platform: &Platform, user: u32) {
        (self.post)(&endpoint(platform), graded(user)).unwrap();
    }

    fn failures(&self) -> Vec<String> {
        self.failures.lock().unwrap().clone()
    }
}

fn graded(user: u32) -> PostScore {
    PostScore::new(Score::graded(format!("u-{user}"), 85.0, 100.0).build().unwrap())
}

/// A course of twenty, of whom nobody is in another one.
fn course(number: u32) -> Vec<Score> {
    (981 + 20 * number..1001 + 20 * number)
        .map(|user| Score::graded(format!("u-{user}"), 85.0, 100.0).build().unwrap())
        .collect()
}

fn token_requests(platform: &Platform) -> usize {
    platform.ledger().token_requests().len()
}

fn connect(redis: &Redis) -> driver::Connection {
    driver::Client::open(redis.url()).unwrap().get_connection().unwrap()
}

/// The keys in the database, and for how many milliseconds each lives.
fn contents(redis: &Redis) -> Vec<(String, i64)> {
    let mut connection = connect(redis);
    let mut keys: Vec<String> = driver::Cmd::keys("*").query(&mut connection).unwrap();
    keys.sort();
    let lives = |key: String| {
        let left = driver::cmd("PTTL").arg(&key).query(&mut connection).unwrap();
        (key, left)
    };
    keys.into_iter().map(lives).collect()
}

/// Another process of this test program, which posts one score when it is told to.
struct Process(Child);

const ROLE: &str = "LTI_AGS_TEST_PROCESS";

impl Process {
    fn start(transport: usize, platform: &Platform, redis: &Redis, user: u32) -> Self {
        let role = serde_json::json!([
            transport,
            StoredRegistration::from(&registration(platform)),
            endpoint(platform),
            redis.url(),
            user,
        ]);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "another_process", "--ignored", "--nocapture"])
            .env(ROLE, role.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        writeln!(child.stdin.as_mut().unwrap(), "{}", platform.private_key_pem().replace('\n', "|")).unwrap();
        Self(child)
    }

    /// Ends it, and gives it no time to do anything about it.
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    #[track_caller]
    fn ends_well(mut self) {
        let mut said = BufReader::new(self.0.stdout.take().unwrap()).lines().map_while(Result::ok);
        assert!(said.any(|line| line.contains("posted")));
        said.for_each(drop);
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "it is the other processes of the tests here"]
#[expect(clippy::print_stdout, reason = "it talks to the test that started it")]
fn another_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let (transport, stored, endpoint, redis, user): (usize, StoredRegistration, Endpoint, String, u32) =
        serde_json::from_str(&role).unwrap();
    let mut key = String::new();
    std::io::stdin().read_line(&mut key).unwrap();
    let key = SigningKey::from_pem(key.replace('|', "\n")).unwrap().with_key_id(stored.key_id());
    let sharing = BOTH[transport](stored.with_key(key).unwrap(), &redis);
    (sharing.post)(&endpoint, graded(user)).unwrap();
    assert_eq!(sharing.failures(), Vec::<String>::new());
    println!("posted");
}

#[test]
fn processes_that_start_together_make_one_token_request() {
    let Some(redis) = Redis::start() else { return };
    let platform = Platform::start();
    platform.script(Route::Token, Script::normal().delay(Duration::from_millis(300)));
    let processes: Vec<_> = (1001..1005)
        .zip([0, 1, 0, 1])
        .map(|(user, transport)| Process::start(transport, &platform, &redis, user))
        .collect();
    processes.into_iter().for_each(Process::ends_well);
    assert_eq!(token_requests(&platform), 1);
    assert_eq!(platform.gradebook().results().count(), 4);
    platform.assert_no_violations();

    // All that is left is the token, until it expires.
    let contents = contents(&redis);
    let [(key, left)] = &contents[..] else { panic!("{contents:?}") };
    assert!(key.starts_with("lti-ags:{") && key.ends_with("}:token"), "{key}");
    assert!((1..=3_600_000).contains(left), "{left}");
}

#[test]
fn a_process_that_is_killed_with_the_lease_holds_the_other_up_no_longer_than_it_lasts() {
    let Some(redis) = Redis::start() else { return };
    for (first, second) in [(0, 1), (1, 0)] {
        let (asked, heard) = mpsc::channel();
        let platform = Platform::builder().on_exchange(move |_| asked.send(()).unwrap()).start();
        platform.script(Route::Token, Script::normal().delay(EXCHANGE / 2));
        let mut killed = Process::start(first, &platform, &redis, 1001);
        heard.recv().unwrap();
        killed.kill();

        let contents = contents(&redis);
        let leases = contents.iter().filter(|(key, _)| key.ends_with("}:lease"));
        let leases: Vec<_> = leases.map(|&(_, left)| left).collect();
        let lease = i64::try_from(StoreTerms::new(EXCHANGE).lease().as_millis()).unwrap();
        assert!(matches!(leases[..], [left] if left > 0 && left <= lease), "{contents:?}");
        // It is over sooner, for the sake of the test.
        let (key, _) = contents.iter().find(|(key, _)| key.ends_with("}:lease")).unwrap();
        let () = driver::Cmd::pexpire(key, 500).query(&mut connect(&redis)).unwrap();
        Process::start(second, &platform, &redis, 1002).ends_well();
        assert_eq!(token_requests(&platform), 2);
        // The one that came after it does not ask.
        Process::start(first, &platform, &redis, 1003).ends_well();
        assert_eq!(token_requests(&platform), 2);
        let flushed: String = driver::cmd("FLUSHALL").query(&mut connect(&redis)).unwrap();
        assert_eq!(flushed, "OK");
    }
}

#[test]
fn a_revoked_token_is_replaced_once_for_both() {
    let Some(redis) = Redis::start() else { return };
    let platform = Platform::start();
    let tools = BOTH.map(|over| over(registration(&platform), &redis.url()));
    for (tool, user) in tools.iter().zip(1001..) {
        tool.post(&platform, user);
    }
    platform.revoke_tokens();
    for (tool, user) in tools.iter().zip(1001..) {
        tool.post(&platform, user);
        assert_eq!(tool.failures(), Vec::<String>::new());
    }
    assert_eq!(token_requests(&platform), 2);
    platform.assert_no_violations();
}

/// One over each transport, at the same time.
#[test]
fn passbacks_that_start_together_make_one_token_request() {
    let Some(redis) = Redis::start() else { return };
    let platform = Platform::start();
    platform.script(Route::Token, Script::normal().delay(Duration::from_millis(300)));
    thread::scope(|scope| {
        for (over, number) in BOTH.into_iter().zip(1..) {
            let (platform, redis) = (&platform, &redis);
            scope.spawn(move || {
                let tool = over(registration(platform), &redis.url());
                assert_eq!((tool.pass_back)(&endpoint(platform), course(number)).sent, 20);
                assert_eq!(tool.failures(), Vec::<String>::new());
            });
        }
    });
    assert_eq!(token_requests(&platform), 1);
    assert_eq!(contents(&redis).len(), 1, "the lease has been given back");
    platform.assert_no_violations();
}

#[test]
fn a_token_that_is_revoked_before_a_passback_is_replaced_once_for_both() {
    let Some(redis) = Redis::start() else { return };
    let platform = Platform::start();
    let tools = BOTH.map(|over| over(registration(&platform), &redis.url()));
    for requests in [1, 2, 3] {
        for tool in &tools {
            assert_eq!((tool.pass_back)(&endpoint(&platform), course(1)).sent, 20);
        }
        assert_eq!(token_requests(&platform), requests);
        platform.revoke_tokens();
    }
}

#[test]
fn a_registration_uses_no_token_of_another() {
    let Some(redis) = Redis::start() else { return };
    let platforms = [Platform::start(), Platform::start()];
    for over in BOTH {
        for platform in &platforms {
            over(registration(platform), &redis.url()).post(platform, 1001);
        }
    }
    assert_eq!(platforms.each_ref().map(token_requests), [1, 1]);
}

#[test]
fn a_redis_that_is_gone_costs_the_sharing_alone_and_one_that_is_back_is_used() {
    let Some(mut redis) = Redis::start() else { return };
    let platform = Platform::start();
    for (over, user) in BOTH.into_iter().zip(1001..) {
        let tool = over(registration(&platform), &redis.url());
        tool.post(&platform, user);
        let before = token_requests(&platform);
        redis.stop();
        platform.revoke_tokens();
        tool.post(&platform, user);
        assert_eq!(token_requests(&platform), before + 1);
        let failures = tool.failures();
        assert!(failures[0].starts_with("Redis cannot be reached"), "{failures:?}");
        redis.restart();
        platform.revoke_tokens();
        tool.post(&platform, user);
        assert_eq!(tool.failures().len(), failures.len());
        assert_eq!(contents(&redis).len(), 1);
    }
    platform.assert_no_violations();
}

#[test]
fn a_redis_that_says_nothing_costs_the_sharing_alone() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}/", silent.local_addr().unwrap());
    let platform = Platform::start();
    for over in BOTH {
        let tool = over(registration(&platform), &url);
        tool.post(&platform, 1001);
        assert_eq!(tool.failures().len(), 1);
    }
    assert_eq!(token_requests(&platform), 2);
}

#[test]
fn nothing_that_is_said_of_redis_shows_a_password_or_a_token() {
    let password = "nf.Zk3-planted-password";
    // It refuses scripts, and tells what they were to do.
    let refusing = ["--requirepass", password, "--rename-command", "EVAL", ""];
    let Some(redis) = Redis::start_with(&refusing) else { return };
    let platform = Platform::start();
    for over in BOTH {
        let mut seen = Vec::new();
        for password in [password, "nf.Zk3-planted-wrong"] {
            let url = redis.url().replace("://", &format!("://:{password}@"));
            let tool = over(registration(&platform), &url);
            tool.post(&platform, 1001);
            assert_eq!(tool.failures().len(), 1, "{:?}", tool.failures());
            seen.push((tool.failures(), tool.debug));
        }
        let seen = format!("{seen:?}");
        assert!(
            seen.contains("refused the command: ERR") && seen.contains("authentication failed"),
            "{seen}"
        );
        assert!(!seen.contains("planted") && !seen.contains("Bearer") && !seen.contains("return"), "{seen}");
    }
}

#[test]
fn what_is_not_a_token_in_redis_is_replaced() {
    let Some(redis) = Redis::start() else { return };
    let platform = Platform::start();
    for over in BOTH {
        over(registration(&platform), &redis.url()).post(&platform, 1001);
        let [(key, _)] = &contents(&redis)[..] else { panic!() };
        let () = driver::Cmd::set(key, "{\"version\":7}").query(&mut connect(&redis)).unwrap();
        let before = token_requests(&platform);
        for user in [1002, 1003] {
            let tool = over(registration(&platform), &redis.url());
            tool.post(&platform, user);
            assert_eq!(tool.failures(), Vec::<String>::new());
        }
        assert_eq!(token_requests(&platform), before + 1);
    }
}

/// Two at a time, on threads of one process: what a client cannot get by its own session.
#[test]
fn clients_of_one_process_share_in_memory() {
    let platform = Platform::start();
    platform.script(Route::Token, Script::normal().delay(Duration::from_millis(100)));
    let store = Arc::new(lti_ags_ureq::MemoryStore::default());
    let clients = [0, 1].map(|_| {
        lti_ags_ureq::Client::builder(registration(&platform)).share_tokens(Arc::clone(&store)).build()
    });
    let endpoint = &endpoint(&platform);
    thread::scope(|scope| {
        for (client, user) in clients.iter().zip(1001..) {
            scope.spawn(move || client.call(endpoint, graded(user)).unwrap());
        }
    });
    assert_eq!(token_requests(&platform), 1);
}

/// The same, of what is passed back; and a token that is revoked in the middle is replaced once.
#[test]
fn passbacks_of_one_process_share_in_memory() {
    let platform = Platform::start();
    platform.script(Route::Token, Script::normal().delay(Duration::from_millis(100)));
    let store = Arc::new(lti_ags_ureq::MemoryStore::default());
    let clients = [0, 1].map(|_| {
        lti_ags_ureq::Client::builder(registration(&platform)).share_tokens(Arc::clone(&store)).build()
    });
    let endpoint = &endpoint(&platform);
    thread::scope(|scope| {
        for (client, number) in clients.iter().zip(1..) {
            let platform = &platform;
            scope.spawn(move || {
                let mut settlements = client.pass_back(Passback::new(endpoint), course(number));
                for (settled, settlement) in settlements.by_ref().enumerate() {
                    settlement.unwrap();
                    if (number, settled) == (1, 6) {
                        platform.revoke_tokens();
                    }
                }
                assert_eq!(settlements.summary().sent, 20);
            });
        }
    });
    assert_eq!(token_requests(&platform), 2);
}

#[test]
fn a_passback_that_is_dropped_with_the_lease_gives_it_back() {
    let (asked, heard) = mpsc::channel();
    let platform = Platform::builder().on_exchange(move |_| asked.send(()).unwrap()).start();
    let client = |store| lti_ags_ureq::Client::builder(registration(&platform)).share_tokens(store).build();
    let another = client(Arc::default());
    another.authorize(&endpoint(&platform)).unwrap();
    heard.recv().unwrap();
    let key = another.with_session(|session| session.tokens(Timestamp::now())[0].key());

    platform.script(Route::Token, Script::normal().delay(Duration::from_millis(100)));
    let store = Arc::new(lti_ags_ureq::MemoryStore::default());
    let client = client(Arc::clone(&store));
    // The second row is settled at once, while the first one waits for its token.
    let [first, second] = [0, 1].map(|n| Row::new(course(1).swap_remove(n)));
    let elsewhere: ServiceUrl = "https://other.test/lineitems/9".parse().unwrap();
    let mut settlements =
        client.pass_back(Passback::new(&endpoint(&platform)), [first, second.at(elsewhere)]);
    assert_eq!(settlements.next().unwrap().unwrap().row, 2);
    heard.recv().unwrap();
    drop(settlements);
    assert_eq!(token_requests(&platform), 2);
    assert!(store.try_lock(&key, "another", EXCHANGE).unwrap());
}
