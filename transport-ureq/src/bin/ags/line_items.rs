//! `ags line-items …`: the columns of the gradebook (AGS 3.2).

use lti_ags_ureq::{
    CreateLineItem, DeleteLineItem, EnsureLineItem, GetLineItem, LineItem, ListLineItems, NewLineItem,
    ServiceUrl, UpdateLineItem,
};
use serde::Serialize;

use crate::args::{self, Global, LineItems};
use crate::failure::Failure;
use crate::output::Output;
use crate::platform::{Platform, url};
use crate::table::{Column, Table, shortened};
use crate::wish::Wish;

/// How much of a value is shown to people where one line item is.
const LONGEST: usize = 300;

/// How many members that the specification does not name are shown to people.
const MANY: usize = 20;

pub(crate) fn run(global: &Global, command: &LineItems) -> Result<(), Failure> {
    match command {
        LineItems::List(args) => list(global, args),
        LineItems::Get { url: at } => get(global, url("URL", at.as_deref())?.as_ref()),
        LineItems::Create(args) => create(global, &Wanted::of(args)?),
        LineItems::Ensure(args) => ensure(global, &Wanted::of(args)?),
        LineItems::Update(args) => update(global, args),
        LineItems::Delete { url: at, force } => match url("URL", Some(at))? {
            Some(at) => delete(global, &at, *force),
            None => Err(Failure::usage("URL: it is missing")),
        },
    }
}

fn list(global: &Global, args: &args::ListLineItems) -> Result<(), Failure> {
    let mut list = ListLineItems::new();
    if let Some(id) = &args.resource_link_id {
        list = list.resource_link_id(id);
    }
    if let Some(id) = &args.resource_id {
        list = list.resource_id(id);
    }
    if let Some(tag) = &args.tag {
        list = list.tag(tag);
    }
    if let Some(limit) = args.limit {
        list = list.limit(limit);
    }
    let platform = Platform::open(global, None)?;
    let table = Table::new([
        Column::text("LABEL", 40),
        Column::number("MAXIMUM"),
        Column::text("RESOURCE ID", 30),
        Column::text("TAG", 20),
        Column::text("RESOURCE LINK", 30),
        Column::text("URL", LONGEST),
    ]);
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    platform.output().list(platform.pages(list), table, "There are no line items.", |item: &LineItem| {
        [
            item.label().to_owned(),
            item.score_maximum().to_string(),
            text(item.resource_id()),
            text(item.tag()),
            text(item.resource_link_id()),
            text(item.id()),
        ]
    })
}

fn get(global: &Global, at: Option<&ServiceUrl>) -> Result<(), Failure> {
    let platform = Platform::open(global, at)?;
    let item = read(&platform, at)?;
    tell(platform.output(), "", &item)
}

fn read(platform: &Platform, at: Option<&ServiceUrl>) -> Result<LineItem, Failure> {
    let get = GetLineItem::new();
    platform.call(match at {
        Some(at) => get.at(at)?,
        None => get,
    })
}

/// A line item to create, and what is asked of it.
struct Wanted<'a> {
    wish: Wish<'a>,
    item: NewLineItem,
}

impl<'a> Wanted<'a> {
    fn of(args: &'a args::NewItem) -> Result<Self, Failure> {
        let args::NewItem { label, score_maximum, flags } = args;
        let wish = Wish { label: Some(label), score_maximum: Some(*score_maximum), flags };
        Ok(Self { item: wish.new_item(label, *score_maximum)?, wish })
    }
}

fn create(global: &Global, wanted: &Wanted<'_>) -> Result<(), Failure> {
    let platform = Platform::open(global, None)?;
    let created = platform.call(CreateLineItem::new(wanted.item.clone()))?;
    tell_created(&platform, created, &wanted.wish)
}

fn ensure(global: &Global, wanted: &Wanted<'_>) -> Result<(), Failure> {
    let item = wanted.item.as_line_item();
    if item.resource_link_id().or(item.resource_id()).or(item.tag()).is_none() {
        return Err(Failure::usage(
            "a line item cannot be found again by its label; give --resource-link-id, --resource-id or --tag",
        ));
    }
    let platform = Platform::open(global, None)?;
    let ensured = platform.call(EnsureLineItem::new(wanted.item.clone()))?;
    if ensured.created {
        return tell_created(&platform, ensured.item, &wanted.wish);
    }
    let output = platform.output();
    if let [unmet @ .., last] = &*wanted.wish.unmet(&ensured.item) {
        output.note(&format!(
            "the line item was there already, and not with the {} asked for; it stays as it is \
             (`ags line-items update` changes it)",
            listed(unmet, last)
        ));
    }
    tell(output, "It was there already: ", &ensured.item)
}

/// Tells of a line item that is there now, read again: Moodle 4.5 answers a creation with what it was sent, also what it
/// does not hold. That it cannot be read is no failure of the creation.
fn tell_created(platform: &Platform, created: LineItem, wish: &Wish<'_>) -> Result<(), Failure> {
    let output = platform.output();
    let at = url("the id of the line item", created.id());
    let item = match at.and_then(|at| at.map(|at| read(platform, Some(&at))).transpose()) {
        Ok(item) => item.unwrap_or(created),
        Err(failure) => {
            output.note(&format!(
                "the line item was created, but could not be read again; this is how it was answered: {}",
                failure.message()
            ));
            created
        }
    };
    note_unmet(output, wish, &item);
    tell(output, "Created: ", &item)
}

fn update(global: &Global, args: &args::UpdateItem) -> Result<(), Failure> {
    let wish = Wish { label: args.label.as_deref(), score_maximum: args.score_maximum, flags: &args.flags };
    wish.check_update()?;
    let at = url("URL", args.url.as_deref())?;
    let platform = Platform::open(global, at.as_ref())?;
    let update = UpdateLineItem::new(|item| wish.apply(item)).without(wish.left_out()).verified();
    let updated = platform.call(match &at {
        Some(at) => update.at(at)?,
        None => update,
    })?;
    note_unmet(platform.output(), &wish, &updated.item);
    tell(platform.output(), "Updated: ", &updated.item)
}

fn delete(global: &Global, at: &ServiceUrl, force: bool) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Deleted<'a> {
        deleted: &'a str,
    }
    let platform = Platform::open(global, Some(at))?;
    let delete = DeleteLineItem::new(at)?;
    platform.call(if force { delete.force() } else { delete })?;
    platform.output().tell(&Deleted { deleted: at.as_str() }, &format!("Deleted: {}", at.as_str()))
}

/// A platform may take some of what was asked, and not the rest (AGS 3.2.5, 3.2.6).
fn note_unmet(output: Output<'_>, wish: &Wish<'_>, item: &LineItem) {
    if let [unmet @ .., last] = &*wish.unmet(item) {
        output.note(&format!("the platform does not have it with the {} asked for", listed(unmet, last)));
    }
}

fn listed(names: &[&str], last: &str) -> String {
    if names.is_empty() { last.to_owned() } else { format!("{} and {last}", names.join(", ")) }
}

fn tell(output: Output<'_>, what: &str, item: &LineItem) -> Result<(), Failure> {
    let shown = |text: &str| shortened(output.shown(text), LONGEST);
    let released = item.grades_released().map(|released| if released { "yes" } else { "no" });
    let members = [
        ("URL", item.id()),
        ("resource link", item.resource_link_id()),
        ("resource id", item.resource_id()),
        ("tag", item.tag()),
        ("opens", item.start_date_time_text()),
        ("closes", item.end_date_time_text()),
        ("grades released", released),
    ];
    let mut words = format!("{what}{}, out of {}\n", shown(item.label()), item.score_maximum());
    for (name, value) in members {
        if let Some(value) = value {
            words.extend(["  ", &format!("{name:<15}"), "  ", &shown(value), "\n"]);
        }
    }
    for (name, value) in item.extensions().iter().take(MANY) {
        words.extend(["  ", &shown(name), ": ", &shown(value.get()), "\n"]);
    }
    if let Some(more @ 1..) = item.extensions().len().checked_sub(MANY) {
        words.extend(["  and ", &more.to_string(), " members more, which --json shows\n"]);
    }
    output.tell_item(item, &words)
}
