//! A launch, a token, a score, the gradebook: the whole way, over real HTTP, against a platform that is started here.
#![allow(clippy::print_stdout, reason = "it talks to a person")]

use lti_ags_testing::Platform;
use lti_ags_ureq::{Client, Launch, PostScore, Registration, Score, SigningKey};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // In real life a platform is somewhere else, and the tool was registered there.
    let platform = Platform::start();
    println!("A platform runs at {} and knows the tool {}.", platform.base_url(), platform.client_id());

    let key = SigningKey::from_pem(platform.private_key_pem())?.with_key_id(platform.key_id());
    let registration = Registration::new(platform.client_id(), &platform.token_endpoint(), key)?;
    let client = Client::builder(registration).observe(|event| println!("  {event}")).build();

    // The claims of a launch, which the tool's launch layer has verified.
    let launch = Launch::from_claims(platform.claims("u-1001"))?;
    let user_id = launch.user_id().ok_or("an anonymous launch has nobody to grade")?;
    println!("{user_id} launched the tool and did well. Posting 85 of 100:");

    let score = Score::graded(user_id, 85.0, 100.0).comment("Clear plots.").build()?;
    let receipt = client.call(&launch.endpoint()?, PostScore::new(score))?;
    println!("The platform accepted the score of {}.", receipt.timestamp);

    println!("The gradebook now holds:");
    for (line_item, user_id, entry) in platform.gradebook().results() {
        let score = entry.score.ok_or("the score is not there")?;
        println!(
            "  {line_item}: {user_id} has {score} of {}: {}",
            entry.maximum,
            entry.comment.as_deref().unwrap_or_default()
        );
    }
    match platform.violations().len() {
        0 => println!("Nothing in the exchange violated the specification."),
        n => println!("{n} violations of the specification: {:?}", platform.violations()),
    }
    Ok(())
}
