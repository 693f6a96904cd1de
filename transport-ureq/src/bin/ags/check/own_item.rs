//! `--write`: a line item of the check's own, from creation to deletion, without a score. Whatever fails on the way, and
//! wherever the platform has put it, it is deleted again, or else named.

use lti_ags_ureq::{
    CreateLineItem, DeleteLineItem, Error, ErrorKind, GetLineItem, LineItem, ListLineItems, NewLineItem,
    Scope, ServiceUrl, UpdateLineItem,
};

use crate::failure::Failure;
use crate::output::counted;

use super::Check;
use super::lists::capitalised;
use super::recognised::Recognised;

const LABEL: &str = "ags check (can be deleted)";
const CHANGED: &str = "ags check, changed (can be deleted)";
const TAG: &str = "ags-check";
const MAXIMUM: f64 = 10.0;

/// Ended without waiting until the line item was deleted.
pub(super) fn cut_short() -> Failure {
    Failure::new(
        "outcome_unknown",
        format_args!(
            "ended before the line item that was made was deleted: look for {LABEL:?} on the platform"
        ),
    )
}

/// A line item that was, or may have been, made by this check.
pub(super) struct OwnItem {
    /// What no other line item has.
    resource_id: String,
    /// Where it was seen, the latest place last.
    places: Vec<ServiceUrl>,
    /// What it is called, as far as is known.
    label: &'static str,
    /// The platform has not refused to create it.
    may_be_there: bool,
}

impl OwnItem {
    /// Whether this is it.
    pub(super) fn is(&self, item: &LineItem) -> bool {
        item.resource_id() == Some(&self.resource_id) && item.tag() == Some(TAG)
    }

    /// Whether this is it, also where the platform does not keep what it is known by. Any other one, and its grades, are to
    /// stay as they are, whatever the platform says of its place.
    fn may_be(&self, item: &LineItem) -> bool {
        self.is(item) || [LABEL, CHANGED].contains(&item.label())
    }

    fn list(&self) -> ListLineItems {
        ListLineItems::new().resource_id(&self.resource_id).tag(TAG)
    }

    /// Takes note of what it is called.
    fn called(&mut self, item: &LineItem) {
        self.label = if item.label() == CHANGED { CHANGED } else { LABEL };
    }

    /// Takes note of where it is, and says whether that is another place than before.
    fn seen_at(&mut self, url: Option<&str>) -> bool {
        let Some(url) = url.and_then(|url| url.parse::<ServiceUrl>().ok()) else { return false };
        if self.places.iter().any(|place| place.same_resource(&url)) {
            return false;
        }
        self.places.push(url);
        self.places.len() > 1
    }
}

impl Check<'_> {
    /// Makes a line item, reads it, finds it and changes it. What there is to delete afterwards is left in `own`, also
    /// after a failure.
    pub(super) fn make(&mut self, own: &mut Option<OwnItem>) -> Result<(), Failure> {
        if self.platform.endpoint().line_items().is_err() {
            return self.report.fine("create", "Not tried: there is no container to create a line item in.");
        }
        if !self.platform.endpoint().scopes().contains(&Scope::LINE_ITEM) {
            let detail = format!(
                "Not tried: the scope to create line items is offered neither by the launch nor in [endpoint]. {}",
                self.who_allows_it()
            );
            return self.report.fine("create", &detail);
        }
        if !self.may(&[Scope::LINE_ITEM]) {
            return self.report.fine("create", "Not tried: the token does not allow to create line items.");
        }
        if self.recognised.is_some_and(Recognised::keeps_line_items) {
            return self.report.fine("create", "Not tried: the line item could not be deleted again.");
        }
        let number = getrandom::u64().map_err(|error| Failure::new("refused", error))?;
        let made = own.insert(OwnItem {
            resource_id: format!("ags-check-{number:016x}"),
            places: Vec::new(),
            label: LABEL,
            may_be_there: true,
        });
        let item = NewLineItem::new(LABEL, MAXIMUM)?.with_resource_id(&made.resource_id).with_tag(TAG);
        match self.probe(CreateLineItem::new(item)).0 {
            Ok(created) => {
                made.seen_at(created.id());
                self.report.fine("create", "A line item can be created.")?;
            }
            Err(error) if error.kind() == ErrorKind::OutcomeUnknown => {
                if !self.created_nonetheless(made, error)? {
                    return Ok(());
                }
            }
            Err(error) => {
                made.may_be_there = error.is_transient();
                let detail = format!("A line item cannot be created: {}.", self.why(&error));
                return self.report.fails("create", &detail, self.platform.failure(error));
            }
        }
        self.go_on()?;
        self.get(made)?;
        self.find(made)?;
        self.go_on()?;
        self.change(made)
    }

    /// The answer to the creation was lost: whether the line item is there, and the check can go on with it.
    fn created_nonetheless(&mut self, own: &mut OwnItem, error: Error) -> Result<bool, Failure> {
        let read = self.read(own.list());
        if let (None, [item]) = (read.error, &*read.items) {
            own.seen_at(item.id());
            let detail = "A line item can be created, but the answer to that was lost on the way.";
            self.report.differs("create", detail)?;
            return Ok(true);
        }
        let detail = format!("It is not known whether a line item can be created: {}.", self.why(&error));
        self.report.fails("create", &detail, self.platform.failure(error))?;
        Ok(false)
    }

    fn get(&mut self, own: &mut OwnItem) -> Result<(), Failure> {
        let Some(place) = own.places.last() else {
            return self.report.differs("get", "The platform does not say where the new line item is.");
        };
        let item = match self.probe(GetLineItem::new().at(place)?).0 {
            Ok(item) => item,
            Err(error) => {
                let detail = format!("The new line item cannot be read: {}.", self.why(&error));
                return self.report.fails("get", &detail, self.platform.failure(error));
            }
        };
        if !own.may_be(&item) {
            let detail =
                "The platform answers a creation with the URL of another line item, which stays as it is.";
            let failure =
                Failure::new("malformed_response", "a creation was answered with another line item");
            return self.report.fails("get", detail, failure);
        }
        if own.seen_at(item.id()) {
            let detail =
                "The new line item is at another URL than the one that was answered when it was created.";
            return self.report.differs("get", detail);
        }
        let mut lost = Vec::new();
        for (member, is_kept) in [
            ("label", item.label() == LABEL),
            ("scoreMaximum", item.score_maximum().total_cmp(&MAXIMUM).is_eq()),
            ("resourceId", item.resource_id() == Some(&own.resource_id)),
            ("tag", item.tag() == Some(TAG)),
        ] {
            lost.extend((!is_kept).then_some(member));
        }
        if lost.is_empty() {
            return self.report.fine("get", "The new line item can be read, and is what was asked for.");
        }
        let detail =
            format!("The new line item can be read, but the platform does not keep its {}.", lost.join(", "));
        self.report.differs("get", &detail)
    }

    fn find(&mut self, own: &mut OwnItem) -> Result<(), Failure> {
        let read = self.read(own.list());
        if let Some(error) = read.error {
            let detail = format!("The new line item cannot be looked for: {}.", self.why(&error));
            return self.report.fails("find", &detail, self.platform.failure(error));
        }
        for item in &read.items {
            own.seen_at(item.id());
        }
        if read.items.len() == 1 {
            return self.report.fine("find", "The new line item is found again by resource id and tag.");
        }
        let detail = format!(
            "Looked for by resource id and tag, {} found where there is one: `line-items ensure` cannot be relied on \
             here.",
            counted(read.items.len(), "line item is", "line items are")
        );
        let failure =
            Failure::new("refused", "a line item that was created is not found by its resource id and tag");
        self.report.fails("find", &detail, failure)
    }

    fn change(&mut self, own: &mut OwnItem) -> Result<(), Failure> {
        let Some(place) = own.places.last() else { return Ok(()) };
        let change = |item: &mut LineItem| {
            if own.may_be(item) {
                item.set_label(CHANGED)
            } else {
                Err(Error::invalid_input("it is another one"))
            }
        };
        let update = UpdateLineItem::new(change).at(place)?.verified();
        let item = match self.probe(update).0 {
            Ok(updated) => updated.item,
            Err(error) => {
                let detail = format!("The new line item cannot be changed: {}.", self.why(&error));
                return self.report.fails("update", &detail, self.platform.failure(error));
            }
        };
        own.seen_at(item.id());
        own.called(&item);
        if item.label() == CHANGED && own.is(&item) {
            return self.report.fine("update", "The new line item can be changed, and keeps the rest.");
        }
        self.report
            .differs("update", "The new line item can be changed, but does not come out as it was asked for.")
    }

    /// Deletes what was made, wherever it is, and sees to it that it is gone; else names it.
    pub(super) fn remove(&mut self, mut own: OwnItem) -> Result<(), Failure> {
        // It may have been made although creating it failed, and is known by its resource id.
        let listed = self.read(own.list());
        let mut trouble = listed.error.map(|error| (own.places.last().cloned(), self.why(&error)));
        let mut places = Vec::new();
        for item in &listed.items {
            own.called(item);
            places.extend(place_of(item));
        }
        let mut found_other = false;
        for place in own.places.clone() {
            if places.iter().any(|known| known.same_resource(&place)) {
                continue;
            }
            match self.look_at(&place) {
                Ok(Some(item)) if own.may_be(&item) => {
                    own.called(&item);
                    places.push(place);
                }
                Ok(Some(_)) => found_other = true,
                Ok(None) => {}
                Err(error) => trouble = Some((Some(place), self.why(&error))),
            }
        }
        let mut deleted = 0;
        for place in places {
            match self.probe(DeleteLineItem::new(self.reachable(&place))?).0 {
                Ok(()) => deleted += 1,
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => trouble = Some((Some(place), self.why(&error))),
            }
        }
        let left = self.read(own.list());
        if let Some(item) = left.items.first() {
            own.called(item);
            let why = trouble.map_or(
                "The platform says that it is deleted, and lists it all the same".to_owned(),
                |(_, why)| why,
            );
            return self.left_behind(&own, place_of(item).as_ref(), &why);
        }
        if let Some(error) = left.error {
            trouble.get_or_insert_with(|| (own.places.last().cloned(), self.why(&error)));
        }
        if let Some((place, why)) = trouble {
            return self.left_behind(&own, place.as_ref(), &why);
        }
        match (deleted, own.places.is_empty()) {
            (0, is_nowhere) if is_nowhere && own.may_be_there || found_other => {
                self.left_behind(&own, None, "It is not listed, and the platform has not told where it is")
            }
            // It was never there.
            (0, true) => Ok(()),
            (0, false) => {
                let detail = "The new line item was gone already when it was to be deleted.";
                self.report.differs("delete", detail)
            }
            _ => self.report.fine("delete", "The new line item can be deleted, and is gone."),
        }
    }

    /// What is at a place that the platform named, if anything.
    fn look_at(&mut self, place: &ServiceUrl) -> Result<Option<LineItem>, Error> {
        let get = GetLineItem::new().at(self.reachable(place))?;
        match self.probe(get).0 {
            Ok(item) => Ok(Some(item)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The URL, or its like at the origin of the container where the token does not go to its own: a platform behind a
    /// proxy that does not forward the scheme names others.
    fn reachable(&self, place: &ServiceUrl) -> ServiceUrl {
        if self.is_trusted(place) {
            return place.clone();
        }
        let Ok(container) = self.platform.endpoint().line_items() else { return place.clone() };
        let authority = place.as_str().find("://").map_or(0, |at| at + 3);
        let rest = place.as_str().get(authority..).unwrap_or_default();
        let path = rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default();
        format!("{}{path}", container.origin()).parse().unwrap_or_else(|_: Error| place.clone())
    }

    fn left_behind(&mut self, own: &OwnItem, place: Option<&ServiceUrl>, why: &str) -> Result<(), Failure> {
        let OwnItem { label, resource_id, .. } = own;
        let place = place.map(|place| format!(", at {place}")).unwrap_or_default();
        let detail = format!(
            "The line item may still be there, and is to be deleted by hand: it is called {label:?}, with the resource \
             id {resource_id}{place}. {}.",
            capitalised(why)
        );
        self.report.differs("delete", &detail)
    }
}

fn place_of(item: &LineItem) -> Option<ServiceUrl> {
    item.id()?.parse().ok()
}
