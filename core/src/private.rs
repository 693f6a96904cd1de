//! What is a person's and no secret: a comment that a platform repeats in a refusal, whole, cut off or in pieces.

use crate::secrecy::{self, REDACTED};
use crate::words::{clip, one_line};

/// So many characters in a row that both have are no accident.
const PASSAGE: usize = 12;

/// The least that is hidden where a text breaks off in the middle of the private one.
const STUB: usize = 4;

/// Replaces in one line of a platform's words the private text: all of it, in the ways that
/// [`scrub`](secrecy::scrub) knows, longer passages of it, and its beginning at the end of a line that was cut off.
pub(crate) fn hide(line: &str, private: &str) -> String {
    let private_line = one_line(private);
    let line = secrecy::scrub(line, &[private, &private_line]);
    let mut shown = String::with_capacity(line.len());
    let mut rest = &*line;
    while let Some(next) = rest.chars().next() {
        let length = if let Some(length) = shared(rest, &private_line) {
            shown.push_str(REDACTED);
            length
        } else {
            shown.push(next);
            next.len_utf8()
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    // What stands for a secret may be longer than it.
    clip(&shown)
}

/// The length of what `text` begins with and `private` has, if it is a passage, or a stub up to the end.
fn shared(text: &str, private: &str) -> Option<usize> {
    let cut_off = text.trim_end_matches('…').trim_end();
    if cut_off.chars().nth(STUB - 1).is_some() && private.starts_with(cut_off) {
        return Some(cut_off.len());
    }
    let end = |characters| text.char_indices().nth(characters).map_or(text.len(), |(at, _)| at);
    let occurs = |length| text.get(..length).is_some_and(|passage| private.contains(passage));
    text.chars().nth(PASSAGE - 1)?;
    if !occurs(end(PASSAGE)) {
        return None;
    }
    let characters = text.chars().count();
    (PASSAGE..=characters).map(end).take_while(|&length| occurs(length)).last()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_does_not_grow_beyond_its_bound() {
        let shown = hide(&"good ".repeat(60), "good");
        assert!(shown.starts_with("[redacted] [redacted]"));
        assert_eq!(shown.chars().count(), 300);
    }

    #[test]
    fn a_comment_is_hidden_whole_and_in_part() {
        let comment = "Jo, see me\nabout page 3 {draft}";
        for (line, shown) in [
            ("Refused: Jo, see me about page 3 {draft}.", "Refused: [redacted]."),
            ("comment=Jo%2C%20see%20me%0Aabout%20page%203%20%7Bdraft%7D", "comment=[redacted]"),
            ("Refused: Jo, see me about page 3", "Refused: [redacted]"),
            ("Refused: Jo, s…", "Refused: [redacted]…"),
            ("'see me about p' is too long", "'[redacted]' is too long"),
            ("Refused: page 3 is not there", "Refused: page 3 is not there"),
        ] {
            assert_eq!(hide(line, comment), shown);
        }
    }

    #[test]
    fn the_shortest_stub_and_the_shortest_passage_are_hidden_and_none_shorter() {
        let comment = "Anna=0123456789ab is not it";
        for (line, shown) in [
            ("Refused: Anna…", "Refused: [redacted]…"),
            ("Refused: Ann…", "Refused: Ann…"),
            ("Refused: 0123456789ab", "Refused: [redacted]"),
            ("Refused: 0123456789a", "Refused: 0123456789a"),
        ] {
            assert_eq!(hide(line, comment), shown);
        }
    }

    #[test]
    fn short_comments_hide_nothing_but_themselves() {
        assert_eq!(hide("no score", "no"), "no score");
        assert_eq!(hide("it is late, later", "late"), "it is [redacted], [redacted]r");
        assert_eq!(hide("é", ""), "é");
    }

    #[test]
    fn long_comments_take_no_long_time() {
        hide(&"ab".repeat(150), &"ab".repeat(50_000));
        hide(&"a".repeat(300), &format!("{}b", "a".repeat(11)).repeat(10_000));
    }
}
