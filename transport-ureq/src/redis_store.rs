//! A store of tokens in Redis, or what speaks its protocol, as Valkey does.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use lti_ags::StoredToken;
use redis::{Client, Cmd, Connection, FromRedisValue, RedisError, RedisResult};

use crate::token_store::{StoreError, TokenStore};

/// How long a connection may take to come about, and an answer to come.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Sets the lease (key 1) for the owner (argument 1), unless another one holds it, for so many milliseconds (argument 2).
const LOCK: &str = "local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1";

/// Sets the token (key 2, argument 2) for so many milliseconds (argument 3), and ends the lease, if the owner holds it.
const SAVE: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return redis.call('DEL', KEYS[1])";

/// Ends the lease, if the owner holds it.
const UNLOCK: &str = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])";

/// A [`TokenStore`] in Redis (6 or later, or Valkey), for a fleet of processes.
///
/// ```no_run
/// use lti_ags_ureq::{Client, RedisStore, Registration, redis};
///
/// fn shared(registration: Registration) -> Result<Client, redis::RedisError> {
///     let redis = redis::Client::open("redis://localhost/")?;
///     Ok(Client::builder(registration).share_tokens(RedisStore::new(redis)).build())
/// }
/// ```
///
/// For each token endpoint, client, deployment and set of scopes there are two keys, under a prefix that can be
/// [chosen](Self::with_prefix): `{…}:token`, the token as [`StoredToken::to_json`] writes it, for as long as the platform
/// gave it; and `{…}:lease`, a random text, while a client fetches one, for as long as that may take. Whoever reads
/// the database can use the tokens: keep it as closed as the database of grades, and the way there (`rediss:`, with the
/// feature `tls-rustls` of the redis crate) as closed as both.
///
/// It connects when it is first needed, and again after a failure. Neither `Debug` nor its errors show a token or a
/// password.
pub struct RedisStore {
    client: Client,
    prefix: String,
    connection: Mutex<Option<Connection>>,
}

impl RedisStore {
    /// A store in this database, under the prefix `lti-ags:`.
    pub fn new(client: Client) -> Self {
        Self { client, prefix: "lti-ags:".to_owned(), connection: Mutex::default() }
    }

    /// Puts this before each key instead.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The two keys of a cluster's same slot.
    fn keys(&self, key: &str) -> (String, String) {
        let prefix = &self.prefix;
        (format!("{prefix}{{{key}}}:lease"), format!("{prefix}{{{key}}}:token"))
    }

    /// Runs a command, which may be repeated, and once more where the connection of last time is not there any more. The
    /// connection is taken out meanwhile: a second caller makes one of its own.
    fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let kept = self.kept().take();
        if let Some(connection) = kept {
            match self.run_on(connection, command) {
                Err(error) if error.is_io_error() && !error.is_timeout() => {}
                answer => return answer.map_err(|error| shown(&error)),
            }
        }
        let answer = self.connect().and_then(|connection| self.run_on(connection, command));
        answer.map_err(|error| shown(&error))
    }

    fn connect(&self) -> RedisResult<Connection> {
        let connection = self.client.get_connection_with_timeout(TIMEOUT)?;
        connection.set_read_timeout(Some(TIMEOUT))?;
        connection.set_write_timeout(Some(TIMEOUT))?;
        Ok(connection)
    }

    /// Keeps the connection for the next command, unless something else than an answer came.
    fn run_on<T: FromRedisValue>(&self, mut connection: Connection, command: &Cmd) -> RedisResult<T> {
        let answer = command.query(&mut connection);
        if answer.as_ref().err().is_none_or(|error| error.code().is_some()) {
            *self.kept() = Some(connection);
        }
        answer
    }

    fn kept(&self) -> MutexGuard<'_, Option<Connection>> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What may be shown of an error. Redis repeats the arguments of a command that it refuses, a token perhaps.
fn shown(error: &RedisError) -> StoreError {
    match error.code() {
        Some(code) => format!("Redis refused the command: {code}").into(),
        None if error.is_io_error() => format!("Redis cannot be reached: {error}").into(),
        None => format!("Redis failed: {}", error.category()).into(),
    }
}

impl TokenStore for RedisStore {
    fn load(&self, key: &str) -> Result<Option<StoredToken>, StoreError> {
        let (_, token) = self.keys(key);
        let json: Option<String> = self.run(&Cmd::get(token))?;
        // What is not legible is there to be replaced.
        Ok(json.and_then(|json| StoredToken::from_json(&json).ok()))
    }

    fn try_lock(&self, key: &str, owner: &str, time: Duration) -> Result<bool, StoreError> {
        let (lease, _) = self.keys(key);
        self.run(&eval(LOCK, &[&lease], &[owner, &millis(time)]))
    }

    fn save(&self, key: &str, owner: &str, token: &StoredToken) -> Result<(), StoreError> {
        let (lease, place) = self.keys(key);
        let lifetime = millis(token.grant().lifetime);
        let _saved: bool = self.run(&eval(SAVE, &[&lease, &place], &[owner, &token.to_json(), &lifetime]))?;
        Ok(())
    }

    fn unlock(&self, key: &str, owner: &str) -> Result<(), StoreError> {
        let (lease, _) = self.keys(key);
        let _was_held: bool = self.run(&eval(UNLOCK, &[&lease], &[owner]))?;
        Ok(())
    }
}

fn eval(script: &str, keys: &[&str], arguments: &[&str]) -> Cmd {
    let mut command = redis::cmd("EVAL");
    command.arg(script).arg(keys.len()).arg(keys).arg(arguments);
    command
}

fn millis(time: Duration) -> String {
    time.as_millis().max(1).to_string()
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}
