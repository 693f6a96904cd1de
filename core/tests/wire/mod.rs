//! Exchanges with platforms as they were recorded, with other hosts and values in them: what the platform answers, and
//! what the caller sees.

pub mod moodle;

use lti_ags::{Endpoint, Error, ErrorKind, Listing, Member, Operation, Page, UserResult};

use crate::common::{Answer, Tool};

/// What the caller sees: a value, or the kind of an error and words in it.
pub type Sees<'a> = Result<&'a str, (ErrorKind, &'a str)>;

/// An exchange, what the platform answers, request by request, and what the caller sees.
pub type Row<'a> = (&'a str, Vec<Answer>, Sees<'a>);

#[track_caller]
pub fn assert_seen(exchange: &str, result: Result<String, Error>, sees: Sees<'_>) {
    match (result, sees) {
        (Ok(value), Ok(expected)) => assert_eq!(value, expected, "#{exchange}"),
        (Err(error), Err((kind, words))) => {
            assert_eq!(error.kind(), kind, "#{exchange}: {error}");
            assert!(error.to_string().contains(words), "#{exchange}: {error}");
        }
        (result, _) => panic!("#{exchange}: {result:?}"),
    }
}

/// Plays the rows; a call takes as many requests as there are answers.
#[track_caller]
pub fn play<'a>(
    endpoint: &Endpoint,
    rows: impl IntoIterator<Item = Row<'a>>,
    mut call: impl FnMut(&mut Tool) -> Result<String, Error>,
) {
    for (exchange, answers, sees) in rows {
        let requests = answers.len();
        let mut tool = Tool::new().at(endpoint.clone()).answers(answers);
        let result = call(&mut tool);
        assert_eq!(tool.requests.len(), requests, "#{exchange}: {result:?}");
        assert_seen(exchange, result, sees);
    }
}

/// Everything on all the pages, each member as it is shown.
pub fn pages<O, T>(tool: &mut Tool, first: O, show: impl Fn(&T) -> String) -> Result<String, Error>
where
    O: Operation<Output = Page<T>>,
    T: Member,
{
    let (mut listing, mut seen) = (Listing::new(first), Vec::new());
    while let Some(request) = listing.request() {
        listing.receive(tool.call(request));
        while let Some(member) = listing.take() {
            seen.push(show(&member?));
        }
    }
    Ok(seen.join("; "))
}

pub fn result(result: &UserResult) -> String {
    let points = result.result_score().map_or("-".to_owned(), |points| points.to_string());
    let comment = result.comment().map(|comment| format!(" {comment}")).unwrap_or_default();
    format!("{} {points}/{}{comment}", result.user_id(), result.result_maximum())
}
