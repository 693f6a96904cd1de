//! `atomic-lti` as it is documented: its cached token, and its functions for scores and results. It makes an HTTP client,
//! and with it a connection, for each call.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use atomic_lti::assignment_grade_services::results;
use atomic_lti::assignment_grade_services::score::{ActivityProgress, GradingProgress, Score, send_score};
use atomic_lti::client_credentials::request_service_token_cached;
use openssl::rsa::Rsa;
use peers::{Job, Meter};

async fn token(job: &Job) -> String {
    let registration = &job.registration;
    let key = Rsa::private_key_from_pem(registration.private_key.as_bytes()).unwrap();
    let (scopes, key_id) = (registration.scopes.join(" "), &registration.key_id);
    request_service_token_cached(&registration.client_id, &registration.token_endpoint, &scopes, key_id, key)
        .await
        .unwrap()
        .access_token
}

/// How many were taken, and what was said of the last that was not.
async fn post(job: &Job, token: &str, next: &AtomicUsize) -> (usize, Option<String>) {
    let (mut taken, mut failure) = (0, None);
    while let Some(learner) = job.registration.learners.get(next.fetch_add(1, Ordering::Relaxed)) {
        let (activity, grading) = (ActivityProgress::Completed, GradingProgress::FullyGraded);
        let score = Score::new(learner.clone(), job.score as f32, 100.0, None, activity, grading);
        match send_score(token, &job.line_item, &score).await {
            Ok(_) => taken += 1,
            Err(error) => failure = Some(error.to_string()),
        }
    }
    (taken, failure)
}

#[tokio::main]
async fn main() {
    let job = Arc::new(Job::from_arguments());
    let meter = Meter::new();
    let token = Arc::new(token(&job).await);
    let (done, failure) = match &*job.task {
        "sequential" => post(&job, &token, &AtomicUsize::new(0)).await,
        "concurrent" => {
            let next = Arc::new(AtomicUsize::new(0));
            let workers: Vec<_> = (0..job.at_once)
                .map(|_| {
                    let (job, token, next) = (Arc::clone(&job), Arc::clone(&token), Arc::clone(&next));
                    tokio::spawn(async move { post(&job, &token, &next).await })
                })
                .collect();
            let (mut done, mut failure) = (0, None);
            for worker in workers {
                let (taken, said) = worker.await.unwrap();
                done += taken;
                failure = failure.or(said);
            }
            (done, failure)
        }
        // It has no way to a second page.
        _ => {
            let params = results::ListParams { user_id: None, limit: Some(100) };
            match results::list(&token, &job.line_item, &params).await {
                Ok(results) => (results.len(), None),
                Err(error) => (0, Some(error.to_string())),
            }
        }
    };
    meter.tell(done, failure.as_deref());
}
