//! Grades that are ready when nobody waits for them: a queue that exists already, and workers that may die at any moment.
//!
//! ```text
//! worker push < grades.jsonl     puts jobs into the queue, a line each
//! worker run NAME                delivers them, until it is stopped; each running worker has a name of its own
//! ```
//!
//! `REDIS_URL` names the Redis, `TOOL_KEY` the file with the tool's private key, `HEARTBEAT_SECONDS` how often a worker says
//! that it lives; after two that are missed, its jobs are another's.
//!
//! What makes it safe is in the job: a score **with its timestamp**. A job whose worker was killed is taken again and posts
//! the same score with the same timestamp, which a platform that has it already calls stale; and a platform that is told
//! twice holds it once. There is no secret in a job: the key is looked up where it runs, and the token is shared in Redis.
//!
//! The queue is apalis over Redis. Its backend for Postgres has the same authors and releases, but brings 73 further crates
//! (sqlx) where this one brings 21; and the tokens can be in the same place. Redis must not lose what it holds: let it write an
//! append-only file (`appendonly yes`), and evict nothing (`maxmemory-policy noeviction`).
#![allow(clippy::print_stdout, reason = "it talks to whoever started it")]

use std::collections::HashMap;
use std::env;
use std::io::stdin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use apalis::prelude::*;
use apalis_redis::{Config, RedisStorage};
use lti_ags_hyper::{
    Client, Endpoint, Error, ErrorKind, Https, PostScore, RedisStore, Score, SigningKey, StoredRegistration,
    redis,
};
use serde::{Deserialize, Serialize};

/// A grade on its way to a platform. A later release adds members, or counts the version up.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Grade {
    version: u32,
    registration: StoredRegistration,
    endpoint: Endpoint,
    score: Score,
}

const VERSION: u32 = 1;

/// How many grades a worker delivers at a time.
const AT_ONCE: usize = 8;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxDynError> {
    let url = env::var("REDIS_URL")?;
    let heartbeat = env::var("HEARTBEAT_SECONDS").map_or(Ok(15), |seconds| seconds.parse())?;
    let config = Config::default()
        .queue("grades")
        .batch_size(AT_ONCE)
        .heartbeat_interval(Duration::from_secs(heartbeat))
        .missed_heartbeats(2);
    let mut queue = RedisStorage::new(apalis_redis::connect(url.as_str()).await?).with_config(config);

    let arguments: Vec<_> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["push"] => {
            for line in stdin().lines() {
                let grade: Grade = serde_json::from_str(&line?)?;
                if grade.score.timestamp().is_none() {
                    return Err("a grade that waits needs its timestamp: when it was earned".into());
                }
                queue.push(grade).await?;
            }
            Ok(())
        }
        ["run", name] => {
            let (key, redis) = (std::fs::read(env::var("TOOL_KEY")?)?, redis::Client::open(url)?);
            let tools = Tools { key, redis, clients: Mutex::default() };
            let worker = WorkerBuilder::new(name)
                .backend(queue)
                .data(Arc::new(tools))
                .concurrency(AT_ONCE)
                .build(deliver);
            Ok(worker.run().await?)
        }
        _ => Err("usage: worker push | worker run NAME".into()),
    }
}

/// Posts a grade. An error that may pass has the queue bring the job again; any other one is a person's to look at.
async fn deliver(grade: Grade, tools: Data<Arc<Tools>>) -> Result<(), BoxDynError> {
    if grade.version != VERSION {
        return Err(format!("a grade of version {} waits for a later release", grade.version).into());
    }
    let user_id = grade.score.user_id().to_owned();
    let client = tools.client(&grade.registration).map_err(AbortError::new)?;
    let outcome = match client.call(&grade.endpoint, PostScore::new(grade.score)).await {
        Ok(receipt) => format!("{:?}", receipt.outcome),
        // Whoever had the job before got this far, and was not there to hear the answer.
        Err(error) if error.kind() == ErrorKind::StaleTimestamp => "Superseded".to_owned(),
        Err(error) if error.is_transient() => return Err(error.into()),
        Err(error) => return Err(AbortError::new(error).into()),
    };
    println!("{user_id}: {outcome}");
    Ok(())
}

/// What a worker has beside its jobs: the key, and a client for each registration, which it keeps.
struct Tools {
    key: Vec<u8>,
    redis: redis::Client,
    clients: Mutex<HashMap<String, Client<Https>>>,
}

impl Tools {
    fn client(&self, registration: &StoredRegistration) -> Result<Client<Https>, Error> {
        let name = format!("{registration:?}");
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&name) {
            return Ok(client.clone());
        }
        // A tool with several keys looks them up by this id.
        let key = SigningKey::from_pem(&self.key)?.with_key_id(registration.key_id());
        let client = Client::builder(registration.clone().with_key(key)?)
            .share_tokens(RedisStore::new(self.redis.clone()))
            .build();
        clients.insert(name, client.clone());
        Ok(client)
    }
}
