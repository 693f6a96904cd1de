//! Which columns belong to a resource link, and which have a tag.
#![allow(clippy::print_stdout, reason = "it talks to a person")]

mod support;

use lti_ags_testing::{LineItem, Platform};
use lti_ags_ureq::{Error, ListLineItems};

fn main() -> Result<(), Error> {
    let columns = Platform::builder()
        .line_item(LineItem::new("essay", 30.0).label("Essay").resource_link_id("rl-7").tag("grade"))
        .line_item(LineItem::new("draft", 5.0).label("Draft").resource_link_id("rl-7").tag("progress"))
        .line_item(LineItem::new("exam", 100.0).label("Exam").unlinked().tag("grade"));
    let (_platform, client, endpoint) = support::launch(columns)?;

    println!("of the link rl-7:");
    for item in client.items(&endpoint, ListLineItems::new().resource_link_id("rl-7")) {
        println!("  {}", item?.label());
    }
    // The filter goes to the platform, and what comes back is filtered again: some platforms ignore it.
    println!("with the tag grade:");
    for item in client.items(&endpoint, ListLineItems::new().tag("grade")) {
        println!("  {}", item?.label());
    }
    Ok(())
}
