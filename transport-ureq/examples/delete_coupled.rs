//! The launch's own column is not deleted by accident.
#![allow(clippy::print_stdout, reason = "it talks to a person")]

mod support;

use lti_ags_testing::Platform;
use lti_ags_ureq::{DeleteLineItem, Error, ErrorKind};

fn main() -> Result<(), Error> {
    let (_platform, client, endpoint) = support::launch(Platform::builder())?;
    let own = endpoint.line_item()?;

    let refused = client.call(&endpoint, DeleteLineItem::new(own)?);
    if let Err(error) = &refused {
        println!("{error}");
        assert_eq!(error.kind(), ErrorKind::CoupledLineItem);
    }
    client.call(&endpoint, DeleteLineItem::new(own)?.force())?;
    println!("forced: it is gone, and what that means on which platform `DeleteLineItem` tells");
    Ok(())
}
