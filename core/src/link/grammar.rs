//! The grammar of RFC 8288 §3, letter by letter: slow, and unaware of anything the parser under test forgives.

type Parse<'a, T> = Option<(T, &'a str)>;
/// A target and its parameters.
type Link = (String, Vec<(String, String)>);

fn ows(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

fn token(text: &str) -> Parse<'_, String> {
    let is_tchar = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let token: String = text.chars().take_while(|&c| is_tchar(c)).collect();
    let rest = text.strip_prefix(token.as_str())?;
    (!token.is_empty()).then_some((token, rest))
}

fn quoted(text: &str) -> Parse<'_, String> {
    let mut rest = text.strip_prefix('"')?;
    let mut value = String::new();
    loop {
        let c = rest.chars().next()?;
        rest = rest.strip_prefix(c)?;
        match c {
            '"' => return Some((value, rest)),
            '\\' => {
                let escaped = rest.chars().next()?;
                rest = rest.strip_prefix(escaped)?;
                value.push(escaped);
            }
            c => value.push(c),
        }
    }
}

fn parameter(text: &str) -> Parse<'_, (String, String)> {
    let (name, rest) = token(text)?;
    let name = name.to_lowercase();
    match ows(rest).strip_prefix('=') {
        None => Some(((name, String::new()), rest)),
        Some(value) => {
            let (value, rest) = quoted(ows(value)).or_else(|| token(ows(value)))?;
            Some(((name, value), rest))
        }
    }
}

fn link(text: &str) -> Parse<'_, Link> {
    let (target, mut rest) = text.strip_prefix('<')?.split_once('>')?;
    if target.contains('<') {
        return None;
    }
    let mut parameters = Vec::new();
    while let Some(after) = ows(rest).strip_prefix(';') {
        rest = ows(after);
        if let Some((parameter, after)) = parameter(rest) {
            parameters.push(parameter);
            rest = after;
        }
    }
    Some(((target.to_owned(), parameters), rest))
}

fn links(field: &str) -> Option<Vec<Link>> {
    let mut links = Vec::new();
    let mut rest = ows(field);
    loop {
        if let Some((link, after)) = link(rest) {
            links.push(link);
            rest = ows(after);
        }
        match rest.strip_prefix(',') {
            Some(after) => rest = ows(after),
            None => return rest.is_empty().then_some(links),
        }
    }
}

/// The target of the first `next` link, if the field is of the grammar.
pub(crate) fn next(field: &str) -> Result<Option<String>, ()> {
    let is_next = |(_, parameters): &&Link| {
        let rel = parameters.iter().find(|(name, _)| name == "rel");
        rel.is_some_and(|(_, value)| value.split_whitespace().any(|word| word.eq_ignore_ascii_case("next")))
    };
    let links = links(field).ok_or(())?;
    Ok(links.iter().find(is_next).map(|(target, _)| target.clone()))
}
