//! An operation of one's own: what it is told, and what is told of it.

use crate::common::{LINE_ITEMS, Tool, answer, noon};
use lti_ags::http::{Request, Response};
use lti_ags::{Answer, Bytes, Context, Error, Exchange, Operation, Replay, Scope, Timestamp};

/// Tells what it is given.
struct Curious(Option<Timestamp>);

impl Operation for Curious {
    type Output = (Timestamp, String);
    const NAME: &'static str = "look about";

    fn scopes(&self) -> &'static [Scope] {
        const { &[Scope::LINE_ITEM] }
    }

    fn replay(&self) -> Replay {
        Replay::Safe
    }

    fn request(&mut self, context: &mut Context<'_>) -> Result<Request<Bytes>, Error> {
        self.0 = Some(context.now());
        Request::get(LINE_ITEMS).body(Bytes::new()).map_err(|error| Error::invalid_input(error.to_string()))
    }

    fn response(self, _: Response<&[u8]>, exchange: &Exchange<'_>) -> Result<Answer<Self>, Error> {
        Ok(Answer::Done((self.0.unwrap(), format!("{exchange:?}"))))
    }
}

#[test]
fn it_is_told_the_time_and_how_often_it_was_sent() {
    let mut tool = Tool::new();
    let (now, exchange) = tool.call(Curious(None)).unwrap();
    assert_eq!(now, noon());
    assert!(exchange.contains(LINE_ITEMS) && exchange.contains("requests: 1, in_doubt: false"), "{exchange}");
}

#[test]
fn nothing_of_what_it_is_refused_with_is_private_unless_it_says_so() {
    let mut tool = Tool::new().answers([answer(400, "xyzzy is not a word")]);
    let error = tool.call(Curious(None)).unwrap_err();
    assert!(error.to_string().contains("xyzzy is not a word"), "{error}");
}
