//! What the gradebook says: one user's result, then everyone's, page by page.
#![allow(clippy::print_stdout, reason = "it talks to a person")]

mod support;

use lti_ags_testing::Platform;
use lti_ags_ureq::{Error, GetResult, ListResults, PostScore, Score};

fn main() -> Result<(), Error> {
    let (_platform, client, endpoint) = support::launch(Platform::builder().page_size(2, 2))?;
    for (user_id, given) in [("u-1001", 1.0), ("u-1002", 2.0), ("u-1003", 3.0)] {
        client.call(&endpoint, PostScore::new(Score::graded(user_id, given, 3.0).build()?))?;
    }

    match client.call(&endpoint, GetResult::new("u-1002"))? {
        Some(result) => println!("u-1002: {:.1} %", result.percent().unwrap_or_default()),
        None => println!("u-1002 has no result"),
    }
    // One page is in memory at a time, however long the list is; an error ends it where it happens.
    for result in client.items(&endpoint, ListResults::new()) {
        let result = result?;
        println!("{}: {:?} of {}", result.user_id(), result.result_score(), result.result_maximum());
    }
    Ok(())
}
