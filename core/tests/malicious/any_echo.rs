//! A platform that says anything, and repeats what it was sent in one way or another (AGS-TOKERR-06, RFC 6750 §5).
#![allow(clippy::format_push_string, reason = "a test may allocate")]

use lti_ags::{Error, Policy, PostScore, Step};
use proptest::prelude::*;

use crate::common::{self, Answer, TOKEN, Tool, answer, answer_with, graded, shown};

const COMMENT: &str = "Planted: Jo\u{e9} \"fell\" short\non page 3/4 & {after}";

fn post() -> PostScore {
    PostScore::new(graded().comment(COMMENT).build().unwrap())
}

/// A platform that says anything, and repeats what it was sent in one way or another.
#[derive(Clone, Debug)]
struct Echo {
    status: u16,
    pieces: Vec<(Piece, u8)>,
    form: u8,
    header: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum Piece {
    Token,
    Assertion,
    Comment,
    Text(&'static str),
}

fn any_echo() -> impl Strategy<Value = Echo> {
    let piece = prop_oneof![
        2 => Just(Piece::Token),
        1 => Just(Piece::Assertion),
        2 => Just(Piece::Comment),
        4 => prop::sample::select(vec![
            "Refused: ", "{", "}", "\"", "error", "\n", "é", "x", "\u{1b}[31m", " not a student ", "later point in time", "<title>", "</title>",
            "Bearer ", "access_token=", "&", "…", "Score already exists for the provided timestamp",
        ]).prop_map(Piece::Text),
        1 => Just(Piece::Text(LONG)),
    ];
    (
        prop::sample::select(vec![
            200, 201, 204, 301, 307, 400, 401, 403, 404, 409, 415, 422, 429, 500, 502, 503,
        ]),
        prop::collection::vec((piece, 0..6_u8), 1..8),
        0..8_u8,
        prop::sample::select(vec![
            "www-authenticate",
            "content-type",
            "location",
            "retry-after",
            "x-tsugi-lti13-error-detail",
        ]),
    )
        .prop_map(|(status, pieces, form, header)| Echo { status, pieces, form, header })
}

/// Near the length at which words are cut off.
const LONG: &str = "The platform has a great deal to say before it comes to what it was sent, so that what it says breaks off \
                    somewhere behind this sentence, which is why the sentence goes on, and on, and on, until the three \
                    hundred characters that are shown of it are nearly used up, as they are about now: ";

impl Echo {
    /// A token endpoint that refuses repeats neither a token, which there is none of, nor the score, which it never saw.
    fn of_token_endpoint(&self) -> Self {
        let has_seen = |(piece, _): &(Piece, u8)| matches!(piece, Piece::Assertion | Piece::Text(_));
        Self { pieces: self.pieces.iter().copied().filter(has_seen).collect(), ..self.clone() }
    }

    fn text(&self, assertion: &str) -> String {
        let written = |text: &str, way: u8| match way {
            0 | 1 => text.to_owned(),
            2 => serde_json::to_string(text).unwrap(),
            3 => serde_json::to_string(text).unwrap().replace('/', "\\/"),
            4 => {
                url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
            }
            // The platform cuts it off.
            _ => text.chars().take(text.chars().count() * 2 / 3).collect(),
        };
        self.pieces
            .iter()
            .map(|(piece, way)| match piece {
                Piece::Token => written(TOKEN, if *way > 4 { 0 } else { *way }),
                Piece::Assertion => written(assertion, if *way > 4 { 0 } else { *way }),
                Piece::Comment => written(COMMENT, *way),
                Piece::Text(text) => (*text).to_owned(),
            })
            .collect()
    }

    fn answer(&self, assertion: &str) -> Answer {
        let text = self.text(assertion);
        let quoted = serde_json::to_string(&text).unwrap();
        let body = match self.form {
            0 => text.clone(),
            1 => format!(r#"{{"error":{quoted}}}"#),
            2 => format!(r#"{{"errors":{{"message":{quoted}}}}}"#),
            3 => format!(r#"{{"timestamp":[{quoted}]}}"#),
            4 => format!("<html><title>{text}</title></html>"),
            5 => format!("{{\n  \"error\" : \"{text}\"\n}}"),
            6 => format!(r#"{{"error":"invalid_client","error_description":{quoted}}}"#),
            _ => format!(r#"{{"access_token":{quoted},"token_type":"mac"}}"#),
        };
        let header: String = text.chars().filter(|c| !c.is_control()).collect();
        let challenge = format!("Bearer error=\"{}\"", header.replace(['"', '\\'], ""));
        let value = if self.header == "www-authenticate" { challenge } else { header };
        let mut answer = answer_with(self.status, &[(self.header, value.as_bytes())], body.as_bytes())?;
        if self.form.is_multiple_of(2) {
            answer.extensions_mut().insert(lti_ags::ReasonPhrase(text.into_bytes().into()));
        }
        Ok(answer)
    }
}

/// Posts a score to platforms that answer thus, and gives the error and the assertions that were sent.
fn end(tokens: &[Echo], answers: &[Echo]) -> (Option<Error>, Vec<String>, String) {
    let mut policy = Policy::default();
    policy.max_attempts = 2;
    let mut tool = Tool::with_policy(policy);
    let (mut tokens, mut answers) = (tokens.iter(), answers.iter());
    let (mut assertions, mut shown) = (Vec::<String>::new(), String::new());
    let mut step = tool.session.begin(&tool.endpoint, post(), tool.now);
    loop {
        shown += &format!("{step:?}");
        step = match step {
            Step::Done(result) => return (result.err(), assertions, shown + &format!("{:?}", tool.session)),
            Step::Wait(delay, paused) => {
                tool.now += delay;
                paused.resume(&mut tool.session, tool.now)
            }
            Step::Send(request, in_flight) => {
                let is_token = in_flight.lease().is_some();
                if is_token {
                    let mut form = url::form_urlencoded::parse(request.body());
                    let assertion = form.find(|(name, _)| name == "client_assertion").unwrap().1;
                    assertions.push(assertion.into_owned());
                }
                let assertion = assertions.last().unwrap();
                let answer = match if is_token { tokens.next() } else { answers.next() } {
                    Some(echo) if is_token => echo.of_token_endpoint().answer(assertion),
                    Some(echo) => echo.answer(assertion),
                    None if is_token => common::token_answer(&format!(r#"{{"access_token":"{TOKEN}"}}"#)),
                    None => answer(422, "enough"),
                };
                in_flight.receive(&mut tool.session, tool.now, answer)
            }
        };
    }
}

/// What of a comment may be seen: next to nothing.
fn pieces_of_the_comment() -> Vec<String> {
    let line: Vec<char> = COMMENT.replace('\n', " ").chars().collect();
    line.windows(14).map(|piece| piece.iter().collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    // AGS-TOKERR-06, AGS-SEC-08
    #[test]
    fn no_error_shows_what_a_platform_repeats(
        tokens in prop::collection::vec(any_echo(), 0..2),
        answers in prop::collection::vec(any_echo(), 0..4),
    ) {
        let (error, assertions, steps) = end(&tokens, &answers);
        let shown = error.as_ref().map(shown).unwrap_or_default() + &steps;
        prop_assert!(!shown.contains(TOKEN), "{}", shown);
        for assertion in &assertions {
            prop_assert!(!shown.contains(&**assertion), "{}", shown);
        }
        for piece in pieces_of_the_comment() {
            prop_assert!(!shown.contains(&piece), "{:?} in {}", piece, shown);
        }
        if let Some(error) = error {
            let line = error.to_string();
            prop_assert!(line.chars().count() < 1_200 && !line.chars().any(char::is_control), "{:?}", line);
            if let Some(refusal) = error.refusal() {
                prop_assert!(!refusal.body().contains(TOKEN), "{}", refusal.body());
            }
        }
    }
}
