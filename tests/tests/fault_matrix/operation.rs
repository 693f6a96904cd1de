//! The operations: how each is performed, and how its effect shows in the gradebook.

use lti_ags::{
    CreateLineItem, DeleteLineItem, Endpoint, EnsureLineItem, Error, GetLineItem, GetResult, ListLineItems,
    ListResults, NewLineItem, Outcome, PostScore, Score, UpdateLineItem,
};
use lti_ags_testing::{Gradebook, Platform, Route};

use crate::common::Tool;

/// What is done, and which of its exchanges fails.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Operation {
    Authorize,
    ListLineItems,
    GetLineItem,
    ListResults,
    OneResult,
    UpdateReading,
    UpdateWriting,
    EnsureLooking,
    EnsureCreating,
    Create,
    Delete,
    PostScore,
    ClearScore,
}

/// Those that fare alike.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Column {
    Token,
    Read,
    Put,
    Delete,
    Score,
    Create,
    Ensure,
}

/// The learner, and the label of what is made.
const USER: &str = "u-1001";
const MADE: &str = "Essay";
const CHANGED: &str = "Lab, again";

impl Operation {
    pub(crate) const ALL: [Self; 13] = [
        Self::Authorize,
        Self::ListLineItems,
        Self::GetLineItem,
        Self::ListResults,
        Self::OneResult,
        Self::UpdateReading,
        Self::UpdateWriting,
        Self::EnsureLooking,
        Self::EnsureCreating,
        Self::Create,
        Self::Delete,
        Self::PostScore,
        Self::ClearScore,
    ];

    pub(crate) fn column(self) -> Column {
        match self {
            Self::Authorize => Column::Token,
            Self::ListLineItems
            | Self::GetLineItem
            | Self::ListResults
            | Self::OneResult
            | Self::UpdateReading
            | Self::EnsureLooking => Column::Read,
            Self::UpdateWriting => Column::Put,
            Self::Delete => Column::Delete,
            Self::PostScore | Self::ClearScore => Column::Score,
            Self::Create => Column::Create,
            Self::EnsureCreating => Column::Ensure,
        }
    }

    /// The exchanges before the one that fails.
    pub(crate) fn before(self) -> usize {
        usize::from(matches!(self, Self::UpdateWriting | Self::EnsureCreating))
    }

    /// The exchanges after the one that fails, where that is got over.
    pub(crate) fn after(self) -> usize {
        usize::from(matches!(self, Self::UpdateReading | Self::EnsureLooking))
    }

    pub(crate) fn route(self) -> Route {
        match self {
            Self::Authorize => Route::Token,
            Self::ListLineItems | Self::EnsureLooking | Self::EnsureCreating | Self::Create => {
                Route::LineItems
            }
            Self::GetLineItem | Self::UpdateReading | Self::UpdateWriting | Self::Delete => Route::LineItem,
            Self::ListResults | Self::OneResult => Route::Results,
            Self::PostScore | Self::ClearScore => Route::Scores,
        }
    }

    /// The URL of the exchange that fails.
    pub(crate) fn url(self, platform: &Platform) -> String {
        match self.route() {
            Route::Token => platform.token_endpoint(),
            Route::LineItems => platform.line_items_url(),
            Route::Results => format!("{}/results", platform.line_item_url()),
            Route::Scores => format!("{}/scores", platform.line_item_url()),
            _ if self == Self::Delete => platform.line_item_url_of("li-2").unwrap(),
            _ => platform.line_item_url(),
        }
    }

    /// Does what has to be there before: a token, and a score that can be cleared. On a busy machine, that may take longer
    /// than the tool has for it.
    pub(crate) fn prepare<T: Tool>(self, tool: &T, endpoint: &Endpoint, platform: &Platform) {
        if self == Self::ClearScore {
            let score = Score::graded(USER, 40.0, 100.0).build().unwrap();
            T::on(platform).call(endpoint, PostScore::new(score)).unwrap();
        }
        if self == Self::Authorize {
            return;
        }
        let is_there = (0..10).any(|_| {
            tool.with_session(lti_ags::Session::forget_tokens);
            tool.authorize(endpoint).is_ok()
        });
        assert!(is_there, "no token");
    }

    pub(crate) fn perform<T: Tool>(
        self,
        tool: &T,
        endpoint: &Endpoint,
        platform: &Platform,
    ) -> Result<&'static str, Error> {
        let made = || NewLineItem::new(MADE, 10.0).unwrap().with_resource_id("essay-1");
        let sent = |score: Score| {
            tool.call(endpoint, PostScore::new(score)).map(|receipt| match receipt.outcome {
                Outcome::Superseded => "superseded",
                Outcome::Sent => "ok",
            })
        };
        match self {
            Self::Authorize => tool.authorize(endpoint).map(|_| "ok"),
            Self::ListLineItems => tool.call(endpoint, ListLineItems::new()).map(|page| {
                assert_eq!(page.items.len(), 2);
                "ok"
            }),
            Self::GetLineItem => tool.call(endpoint, GetLineItem::new()).map(|item| {
                assert_eq!(item.label(), "Lab");
                "ok"
            }),
            Self::ListResults => tool.call(endpoint, ListResults::new()).map(|_| "ok"),
            Self::OneResult => tool.call(endpoint, GetResult::new(USER)).map(|_| "ok"),
            Self::UpdateReading | Self::UpdateWriting => {
                let update = UpdateLineItem::new(|item| item.set_label(CHANGED));
                tool.call(endpoint, update).map(|updated| {
                    assert_eq!(updated.item.label(), CHANGED);
                    "ok"
                })
            }
            Self::EnsureLooking | Self::EnsureCreating => {
                tool.call(endpoint, EnsureLineItem::new(made())).map(|ensured| {
                    assert!(ensured.created);
                    "ok"
                })
            }
            Self::Create => tool.call(endpoint, CreateLineItem::new(made())).map(|_| "ok"),
            Self::Delete => {
                let url = platform.line_item_url_of("li-2").unwrap();
                tool.call(endpoint, DeleteLineItem::new(url).unwrap()).map(|()| "ok")
            }
            Self::PostScore => sent(Score::graded(USER, 85.0, 100.0).build().unwrap()),
            Self::ClearScore => sent(Score::cleared(USER).build().unwrap()),
        }
    }

    /// How often it has happened, `None` for what changes nothing.
    pub(crate) fn effects(self, gradebook: &Gradebook) -> Option<usize> {
        let entry = gradebook.result("li-1", USER);
        let labelled = |label: &str| gradebook.line_items().iter().filter(|item| item.label == label).count();
        match self {
            Self::Authorize
            | Self::ListLineItems
            | Self::GetLineItem
            | Self::ListResults
            | Self::OneResult => None,
            Self::UpdateReading | Self::UpdateWriting => Some(labelled(CHANGED)),
            Self::EnsureLooking | Self::EnsureCreating | Self::Create => Some(labelled(MADE)),
            Self::Delete => Some(usize::from(gradebook.line_item("li-2").is_none())),
            Self::PostScore => Some(entry.map_or(0, |entry| {
                assert_eq!(entry.score, Some(85.0));
                usize::try_from(entry.posts).unwrap()
            })),
            Self::ClearScore => {
                let entry = entry.unwrap();
                let cleared = usize::try_from(entry.posts).unwrap() - 1;
                assert_eq!(entry.score, if cleared == 0 { Some(40.0) } else { None });
                Some(cleared)
            }
        }
    }
}
