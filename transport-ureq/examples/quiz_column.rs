//! A quiz gets a column of its own: created, scored, fetched, renamed, deleted.
#![allow(clippy::print_stdout, reason = "it talks to a person")]

mod support;

use lti_ags_testing::Platform;
use lti_ags_ureq::{
    DeleteLineItem, EnsureLineItem, Error, GetLineItem, GetResult, LineItem, NewLineItem, PostScore, Score,
    UpdateLineItem,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (_platform, client, endpoint) = support::launch(Platform::builder())?;

    // `ensure` and not `create`: run twice, it still makes one column.
    let quiz = NewLineItem::new("Quiz 3", 10.0)?.with_resource_id("quiz-3").with_tag("grade");
    let ensured = client.call(&endpoint, EnsureLineItem::new(quiz))?;
    let url = ensured.item.id().ok_or("the platform tells no URL")?.to_owned();
    println!("{} is at {url}", ensured.item.label());

    let score = Score::graded("u-1001", 8.5, 10.0).build()?;
    client.call(&endpoint, PostScore::new(score).at(&*url)?)?;
    let result = client.call(&endpoint, GetResult::new("u-1001").at(&*url)?)?.ok_or("no result")?;
    println!("u-1001 has {:?} of {}", result.result_score(), result.result_maximum());

    let item = client.call(&endpoint, GetLineItem::new().at(&*url)?)?;
    println!("it was called {:?}, out of {}", item.label(), item.score_maximum());

    let rename =
        UpdateLineItem::new(|item: &mut LineItem| -> Result<(), Error> { item.set_label("Quiz 3 (final)") });
    let updated = client.call(&endpoint, rename.at(&*url)?)?;
    println!("it is called {:?} now, and its tag is still {:?}", updated.item.label(), updated.item.tag());

    client.call(&endpoint, DeleteLineItem::new(&*url)?)?;
    println!("it is gone, and the grades with it");
    Ok(())
}
