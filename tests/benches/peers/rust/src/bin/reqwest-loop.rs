//! What a good engineer writes with reqwest in an afternoon: one client, a token kept until it expires, refusals told by
//! `error_for_status`, and the next page looked for in `Link`. No retries, no caps, no check of where a token goes.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use futures_util::{StreamExt as _, TryStreamExt as _};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use peers::{Job, Meter, Registration};
use reqwest::header::{ACCEPT, CONTENT_TYPE, LINK};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Mutex;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Deserialize)]
struct Granted {
    access_token: String,
    expires_in: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Score<'a> {
    user_id: &'a str,
    score_given: f64,
    score_maximum: f64,
    timestamp: String,
    activity_progress: &'a str,
    grading_progress: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code)]
struct LearnersResult {
    user_id: String,
    result_score: Option<f64>,
    result_maximum: Option<f64>,
    comment: Option<String>,
}

struct Tool<'a> {
    http: reqwest::Client,
    registration: &'a Registration,
    key: EncodingKey,
    token: Mutex<Option<(String, Instant)>>,
}

impl Tool<'_> {
    async fn token(&self) -> Result<String, Failure> {
        let mut kept = self.token.lock().await;
        if let Some((token, expires)) = &*kept
            && Instant::now() < *expires
        {
            return Ok(token.clone());
        }
        let known = self.registration;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some(known.key_id.clone());
        let claims = json!({
            "iss": known.client_id, "sub": known.client_id, "aud": known.token_endpoint,
            "iat": now, "exp": now + 60, "jti": format!("{:032x}", fastrand::u128(..)),
        });
        let assertion = jsonwebtoken::encode(&header, &claims, &self.key)?;
        let form = [
            ("grant_type", "client_credentials"),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
            ("scope", &known.scopes.join(" ")),
        ];
        let response = self.http.post(&known.token_endpoint).form(&form).send().await?.error_for_status()?;
        let granted: Granted = response.json().await?;
        *kept =
            Some((granted.access_token.clone(), Instant::now() + Duration::from_secs(granted.expires_in)));
        Ok(granted.access_token)
    }

    async fn post(&self, line_item: &str, user_id: &str, score_given: f64) -> Result<(), Failure> {
        let score = Score {
            user_id,
            score_given,
            score_maximum: 100.0,
            timestamp: jiff::Timestamp::now().to_string(),
            activity_progress: "Completed",
            grading_progress: "FullyGraded",
        };
        let request = self.http.post(format!("{line_item}/scores")).bearer_auth(self.token().await?);
        let request = request.header(CONTENT_TYPE, "application/vnd.ims.lis.v1.score+json").json(&score);
        request.send().await?.error_for_status()?.bytes().await?;
        Ok(())
    }

    async fn results(&self, line_item: &str) -> Result<usize, Failure> {
        let (mut count, mut next) = (0, Some(format!("{line_item}/results")));
        while let Some(url) = next.take() {
            let request = self.http.get(&url).bearer_auth(self.token().await?);
            let request = request.header(ACCEPT, "application/vnd.ims.lis.v2.resultcontainer+json");
            let response = request.send().await?.error_for_status()?;
            let link =
                response.headers().get(LINK).map(|link| link.to_str().map(str::to_owned)).transpose()?;
            count += response.json::<Vec<LearnersResult>>().await?.len();
            next = link.and_then(|link| {
                let next = link.split(',').find(|link| link.contains("rel=\"next\""))?;
                Some(next.split_once('<')?.1.split_once('>')?.0.to_owned())
            });
        }
        Ok(count)
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let job = Job::from_arguments();
    let registration = &job.registration;
    let key = EncodingKey::from_rsa_pem(registration.private_key.as_bytes())?;
    let meter = Meter::new();
    let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?;
    let tool = &Tool { http, registration, key, token: Mutex::new(None) };
    let learners = &registration.learners;
    let done = match &*job.task {
        "sequential" => {
            for learner in learners {
                tool.post(&job.line_item, learner, job.score).await?;
            }
            learners.len()
        }
        "concurrent" => {
            let posts = learners.iter().map(|learner| tool.post(&job.line_item, learner, job.score));
            futures_util::stream::iter(posts)
                .buffer_unordered(job.at_once)
                .try_fold(0, |done, ()| async move { Ok(done + 1) })
                .await?
        }
        _ => tool.results(&job.line_item).await?,
    };
    meter.tell(done, None);
    Ok(())
}
