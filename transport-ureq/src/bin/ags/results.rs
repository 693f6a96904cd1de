//! `ags results …`: what the gradebook holds (AGS 3.3).

use lti_ags_ureq::{ListResults, UserResult};

use crate::args::{self, Global, Results};
use crate::failure::Failure;
use crate::platform::{Platform, url};
use crate::table::{Column, Table};

pub(crate) fn run(global: &Global, command: &Results) -> Result<(), Failure> {
    let Results::List(args) = command;
    list(global, args)
}

fn list(global: &Global, args: &args::ListResults) -> Result<(), Failure> {
    let line_item = url("--line-item", args.line_item.as_deref())?;
    let mut list = ListResults::new();
    if let Some(line_item) = &line_item {
        list = list.at(line_item)?;
    }
    if let Some(user_id) = &args.user_id {
        list = list.user_id(user_id);
    }
    if let Some(limit) = args.limit {
        list = list.limit(limit);
    }
    let platform = Platform::open(global, line_item.as_ref())?;
    let table = Table::new([
        Column::text("USER", 40),
        Column::number("SCORE"),
        Column::number("MAXIMUM"),
        Column::text("COMMENT", 60),
    ]);
    platform.output().list(platform.pages(list), table, "There are no results.", |result: &UserResult| {
        [
            result.user_id().to_owned(),
            result.result_score().map(|score| score.to_string()).unwrap_or_default(),
            result.result_maximum().to_string(),
            result.comment().unwrap_or_default().to_owned(),
        ]
    })
}
