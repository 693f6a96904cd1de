//! Answers as Moodle 4.5.6 writes them.

use lti_ags::{Bytes, Endpoint, LineItem, ReasonPhrase, Scope};

use crate::common::{Answer, answer_with};

pub const HOST: &str = "https://moodle.harbour.test/mod/lti/services.php/7";

/// With the slashes as Moodle writes them when it reads.
pub fn escaped(json: &str) -> String {
    json.replace('/', "\\/")
}

pub fn of_type(media_type: &str, status: u16, body: &str) -> Answer {
    let content_type = format!("application/vnd.ims.lis.{media_type}+json; charset=utf-8");
    answer_with(status, &[("content-type", content_type.as_bytes())], body.as_bytes())
}

pub fn item_json(number: u32, members: &str) -> String {
    format!(r#"{{"id":"{HOST}/lineitems/{number}/lineitem?type_id=4",{members}}}"#)
}

/// A line item as it is read.
pub fn read(number: u32, members: &str) -> Answer {
    of_type("v2.lineitem", 200, &escaped(&item_json(number, members)))
}

/// What was sent comes back, with an `id` at its end, and its slashes as they are.
pub fn echo(status: u16, number: u32, members: &str) -> Answer {
    let body = format!(r#"{{{members},"id":"{HOST}/lineitems/{number}/lineitem?type_id=4"}}"#);
    of_type("v2.lineitem", status, &body)
}

/// A `Link` field as Moodle writes it: curly quotes, escaped ampersands.
pub fn linked(answer: Answer, url: &str, relations: &[(&str, u32)]) -> Answer {
    let links = relations.iter().map(|(relation, from)| {
        format!("<{HOST}{url}&amp;from={from}>; rel=\u{201c}{relation}\u{201d}").replace("?&amp;", "?")
    });
    let field = links.collect::<Vec<_>>().join(", ");
    let mut answer = answer?;
    answer.headers_mut().append("link", field.as_bytes().try_into().unwrap());
    Ok(answer)
}

pub fn list(items: &[String]) -> Answer {
    of_type("v2.lineitemcontainer", 200, &escaped(&format!("[{}]", items.join(","))))
}

/// A refusal of the service itself: the reason in the status line and in a body of its own.
pub fn refused(status: u16, reason: &str) -> Answer {
    let body = format!(
        "{{\n    \"status\": {status},\n    \"reason\": \"{reason}\",\n    \"request\": {{\n        \"method\": \"GET\",\n        \
         \"url\": \"/mod/lti/services.php/7/lineitems?type_id=4\",\n        \"accept\": \"x\",\n        \"contentType\": \"\"\n    }}\n}}\n"
    );
    let answer =
        answer_with(status, &[("content-type", b"application/json; charset=utf-8")], body.as_bytes());
    reasoned(answer, reason)
}

pub fn unauthorized() -> Answer {
    refused(401, "Unauthorized")
}

pub fn reasoned(answer: Answer, reason: &str) -> Answer {
    let mut answer = answer?;
    answer.extensions_mut().insert(ReasonPhrase(Bytes::copy_from_slice(reason.as_bytes())));
    Ok(answer)
}

/// The web server in front, when PHP dies.
pub fn bad_gateway() -> Answer {
    let page = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n\
                <hr><center>nginx/1.22.1</center>\r\n</body>\r\n</html>\r\n";
    answer_with(502, &[("content-type", b"text/html")], page.as_bytes())
}

pub fn result_json(user: u32, members: &str) -> String {
    let id = format!(r#""id":"{HOST}/lineitems/53/lineitem/results?type_id=4&user_id={user}""#);
    let of = format!(
        r#""scoreOf":"{HOST}/lineitems/53/lineitem?type_id=4","timestamp":"2026-03-02T09:00:00+00:00""#
    );
    if members.is_empty() {
        return format!(r#"{{{id},"userId":"{user}"}}"#);
    }
    format!(r#"{{{id},"userId":"{user}",{members},{of}}}"#)
}

pub fn results(results: &[String]) -> Answer {
    of_type("v2.resultcontainer", 200, &escaped(&format!("[{}]", results.join(","))))
}

pub fn endpoint() -> Endpoint {
    let own = format!("{HOST}/lineitems/28/lineitem?type_id=4");
    let container = format!("{HOST}/lineitems?type_id=4");
    Endpoint::new(Scope::AGS).with_line_items(container).unwrap().with_line_item(own).unwrap()
}

/// Number, label, maximum, then what the platform says of link, resource and tag.
pub fn item(item: &LineItem) -> String {
    let number = item.id().unwrap().strip_prefix(&format!("{HOST}/lineitems/")).unwrap();
    let number = number.strip_suffix("/lineitem?type_id=4").unwrap();
    let bindings = [item.resource_link_id(), item.resource_id(), item.tag()];
    let bindings = bindings.map(|binding| binding.unwrap_or("-"));
    format!("{number} {}/{} {}", item.label(), item.score_maximum(), bindings.join(" "))
}
