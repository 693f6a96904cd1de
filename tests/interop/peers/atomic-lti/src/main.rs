//! `atomic-lti` as a tool: `atomic-lti-peer FOLDER`, where the folder is what `ags-platform --write` made.
//!
//! Each step is told as a line of JSON: its name, and what came of it.

use std::fmt::{Debug, Display};
use std::path::PathBuf;

use atomic_lti::assignment_grade_services::score::{ActivityProgress, GradingProgress, Score, send_score};
use atomic_lti::assignment_grade_services::{line_items, results};
use atomic_lti::client_credentials::request_service_token_cached;
use openssl::rsa::Rsa;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Config {
    registration: Registration,
    endpoint: Endpoint,
}

#[derive(Deserialize)]
struct Registration {
    client_id: String,
    token_endpoint: String,
    key_id: String,
}

#[derive(Deserialize)]
struct Endpoint {
    lineitems: String,
    lineitem: String,
    scope: Vec<String>,
}

fn tell<T: Debug, E: Display>(step: &str, outcome: Result<T, E>) -> Option<T> {
    let told = match &outcome {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("error: {error}"),
    };
    println!("{}", json!({"step": step, "outcome": told}));
    outcome.ok()
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("the folder that ags-platform wrote"));
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).expect(name);
    let config: Config = toml::from_str(&read("ags.toml")).expect("ags.toml");
    let claims: serde_json::Value = serde_json::from_str(&read("claims.json")).expect("claims.json");
    let learner = claims["sub"].as_str().expect("a user").to_owned();
    let Config { registration, endpoint } = config;

    let key = Rsa::private_key_from_pem(read("tool.pem").as_bytes()).expect("tool.pem");
    let scopes = endpoint.scope.join(" ");
    let granted = request_service_token_cached(
        &registration.client_id,
        &registration.token_endpoint,
        &scopes,
        &registration.key_id,
        key,
    );
    let granted = granted.await.map(|granted| (granted.expires_in, granted.access_token));
    let token = granted.as_ref().map_or(String::new(), |(_, token)| token.clone());
    tell("fetch a token", granted.map(|(lifetime, _)| lifetime));

    let everything = line_items::ListParams {
        tag: None,
        resource_id: None,
        resource_link_id: None,
        limit: None,
        include: None,
    };
    let listed = line_items::list(&token, &endpoint.lineitems, &everything).await;
    tell("list line items", listed.map(|items| items.into_iter().map(|item| item.label).collect::<Vec<_>>()));

    let shown = line_items::show(&token, &endpoint.lineitem).await;
    tell("read the launch's line item", shown.map(|item| item.label));

    let lab =
        line_items::NewLineItem::new(20.0, "Lab 3".into(), "lab-3".into(), "lab".into(), String::new(), None);
    let created = line_items::create(&token, &endpoint.lineitems, &lab).await;
    tell("create a line item", created.map(|item| item.label));

    let score = Score::new(
        learner,
        85.0,
        100.0,
        Some("Good.".into()),
        ActivityProgress::Completed,
        GradingProgress::FullyGraded,
    );
    let posted = send_score(&token, &endpoint.lineitem, &score).await;
    tell("post a score", posted.map(|answer| answer.result_url));

    let params = results::ListParams { user_id: None, limit: None };
    let read = results::list(&token, &endpoint.lineitem, &params).await;
    tell(
        "read the results",
        read.map(|results| results.iter().map(|result| result.result_score).collect::<Vec<_>>()),
    );
}
