//! The header row: which column holds what, and what is wrong with it.

use super::csv::Record;

/// The columns that mean something, in the order of [`Column`].
const NAMES: [&str; 10] = [
    "user_id",
    "score_given",
    "score_maximum",
    "activity_progress",
    "grading_progress",
    "comment",
    "timestamp",
    "scoring_user_id",
    "started_at",
    "submitted_at",
];

/// A column that means something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    UserId,
    ScoreGiven,
    ScoreMaximum,
    ActivityProgress,
    GradingProgress,
    Comment,
    Timestamp,
    ScoringUserId,
    StartedAt,
    SubmittedAt,
}

impl Column {
    pub(super) fn name(self) -> &'static str {
        NAMES.get(self as usize).copied().unwrap_or_default()
    }
}

/// Where the columns are.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    places: [Option<usize>; NAMES.len()],
    /// How many there are, those that mean nothing included.
    count: usize,
    /// Names that mean nothing, each with the one that was perhaps meant.
    ignored: Vec<(String, Option<&'static str>)>,
}

impl Columns {
    pub(super) fn read(header: &Record) -> Result<Self, String> {
        let mut columns = Self { places: [None; NAMES.len()], count: header.len(), ignored: Vec::new() };
        for (index, name) in header.iter().enumerate() {
            let earlier = header.iter().take(index).any(|earlier| earlier == name);
            if earlier && !name.is_empty() {
                return Err(format!("the column {} is there twice", shown(name)));
            }
            match NAMES.iter().zip(&mut columns.places).find(|(known, _)| **known == name) {
                Some((_, place)) => *place = Some(index),
                None if name.is_empty() => {}
                None => columns.ignored.push((shown(name), None)),
            }
        }
        if columns.places.first().is_some_and(Option::is_none) {
            return Err(columns.without_user_id(header));
        }
        let missing: Vec<_> =
            NAMES.into_iter().zip(&columns.places).filter(|(_, place)| place.is_none()).collect();
        for (name, meant) in &mut columns.ignored {
            *meant = missing.iter().map(|(missing, _)| *missing).find(|missing| is_like(name, missing));
        }
        Ok(columns)
    }

    fn without_user_id(&self, header: &Record) -> String {
        let holds = |separator| header.iter().any(|name| name.contains(separator));
        let separated = match (holds(';'), holds('\t')) {
            (true, _) => Some("semicolons"),
            (false, true) => Some("tabs"),
            (false, false) => None,
        };
        if let Some(separator) = separated {
            return format!(
                "the header row is separated by {separator}, and columns are separated by commas here"
            );
        }
        let like = |(name, _): &&(String, _)| is_like(name, Column::UserId.name());
        match self.ignored.iter().find(like) {
            Some((name, _)) => format!("there is no column user_id; is it the one that is called {name}?"),
            None => "there is no column user_id; the first row names the columns".to_owned(),
        }
    }

    /// How many cells a row has.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn has(&self, column: Column) -> bool {
        self.places.get(column as usize).copied().flatten().is_some()
    }

    /// The cell of a row, unless it is empty.
    pub(super) fn cell<'a>(&self, record: &'a Record, column: Column) -> Option<&'a str> {
        let place = self.places.get(column as usize).copied().flatten()?;
        record.get(place).filter(|cell| !cell.is_empty())
    }

    /// What to say of columns that mean nothing.
    pub(super) fn note(&self) -> Option<String> {
        let told = |(name, meant): &(String, Option<&str>)| match meant {
            Some(meant) => format!("{name} (is {meant} meant?)"),
            None => name.clone(),
        };
        let ignored: Vec<_> = self.ignored.iter().map(told).collect();
        match &*ignored {
            [] => None,
            [one] => Some(format!("the column {one} is ignored")),
            several => Some(format!("the columns {} are ignored", several.join(", "))),
        }
    }
}

/// A name of a column as it is repeated: in quotes, on one line, and not all of a long one.
fn shown(name: &str) -> String {
    let name = lti_ags_ureq::printable(name);
    format!("\"{}\"", crate::table::shortened(name, 40))
}

/// Whether a name is another one misspelled: in letter case, in what stands between its words, or by a letter or two.
fn is_like(name: &str, other: &str) -> bool {
    let letters = |text: &str| -> Vec<char> {
        text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    let (name, other) = (letters(name), letters(other));
    !name.is_empty() && distance(&name, &other) <= other.len() / 4
}

/// How many letters are to be put in, taken out or changed to make one of the other (Levenshtein).
fn distance(one: &[char], other: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.iter().enumerate() {
        let mut diagonal = index;
        let mut left = index + 1;
        let mut next = vec![left];
        for (above, theirs) in row.iter().skip(1).zip(other) {
            left = (diagonal + usize::from(letter != theirs)).min(above + 1).min(left + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::csv::Records;
    use super::*;

    fn columns(header: &str) -> Result<Columns, String> {
        let mut records = Records::new(header.as_bytes());
        Columns::read(records.next().unwrap().unwrap())
    }

    #[test]
    fn columns_stand_in_any_order_and_others_are_noted() {
        let columns = columns("score_given,name,user_id,\"Score Maximum\",,").unwrap();
        assert_eq!((columns.count(), columns.has(Column::ScoreGiven)), (6, true));
        assert_eq!(
            columns.note().as_deref(),
            Some("the columns \"name\", \"Score Maximum\" (is score_maximum meant?) are ignored")
        );
        assert!(!columns.has(Column::ScoreMaximum));
        let mut records = Records::new(&b"85,x,u-1,100,,"[..]);
        let row = records.next().unwrap().unwrap();
        assert_eq!(columns.cell(row, Column::UserId), Some("u-1"));
        assert_eq!(columns.cell(row, Column::Comment), None);
    }

    #[test]
    fn a_header_that_cannot_be_right_says_why() {
        for (header, words) in [
            ("user_id,score_given,user_id", "\"user_id\" is there twice"),
            ("user_id,x,x", "\"x\" is there twice"),
            ("userid,score_given", "is it the one that is called \"userid\"?"),
            ("User ID,score_given", "\"User ID\""),
            ("usr_id,score_given", "\"usr_id\""),
            ("name,email", "the first row names the columns"),
            ("user_id;score_given", "semicolons"),
            ("user_id\tscore_given", "tabs"),
            ("sep=;", "semicolons"),
        ] {
            let error = columns(header).unwrap_err();
            assert!(error.contains(words), "{header}: {error}");
        }
    }

    #[test]
    fn a_misspelled_column_is_told_from_another_one() {
        for (name, other, expected) in [
            ("coment", "comment", true),
            ("Score-Given", "score_given", true),
            ("grade", "score_given", false),
            ("time", "timestamp", false),
            ("", "comment", false),
        ] {
            assert_eq!(is_like(name, other), expected, "{name}");
        }
    }
}
