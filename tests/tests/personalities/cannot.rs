//! What platforms cannot do, whatever a tool does. A scenario that comes to one of these asserts what happens there
//! instead, so that a row that no longer holds fails a test.

use lti_ags_testing::Personality::{
    self, Blackboard, Brightspace, Canvas, Moodle, OpenEdx, Sakai, Schoology,
};

/// Something AGS promises, or a tool may hope for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cannot {
    /// Delete a line item that the tool made.
    Delete,
    /// Delete the line item of a launch.
    DeleteCoupled,
    /// Change the line item of a launch.
    UpdateCoupled,
    /// Bind a line item that the tool makes to a link.
    BindToLink,
    /// Take a line item that has nothing but a label and a maximum.
    DoWithoutResourceId,
    /// Take a maximum with a fraction.
    TakeFractionalMaximum,
    /// Take members of other parties in a line item or a score.
    TakeExtensions,
    /// Show a line item's further members.
    ShowExtensions,
    /// Filter line items by link.
    FilterByLink,
    /// Filter results by user.
    FilterByUser,
    /// Cut lists into pages.
    Page,
    /// Take a limit for results.
    LimitResults,
    /// Leave users without a grade out of the results.
    LeaveUngradedOut,
    /// Show a result's comment when asked for one user.
    ShowCommentOfOne,
    /// Keep a comment's line breaks.
    KeepLineBreaks,
    /// Show results in the line item's scale.
    Scale,
    /// Bring scores of a line item without a link into the gradebook.
    GradeUnbound,
    /// Keep points beyond the maximum.
    ExceedMaximum,
    /// Hold a grade of 0.
    HoldZero,
    /// Take a grade out of the gradebook again.
    Clear,
    /// Say that a user is unknown.
    NameUnknownUser,
    /// Refuse a score that is older than the one on record.
    RefuseOlder,
    /// Refuse another score with the timestamp of the one on record.
    RefuseSameTime,
    /// Take two scores of one user within one second.
    TellWithinSecond,
    /// Tell that it holds a score already when the score is sent again.
    TellRetry,
    /// Grant the scopes that are allowed where one that is not was asked for with them.
    GrantSomeScopes,
    /// Refuse an assertion of another key in words.
    RefuseKey,
    /// Tell a token that lacks the scope from one that has expired.
    TellScopeFromExpiry,
    /// Say how long a throttled client should wait.
    SayHowLong,
}

/// Who cannot do what, and why.
const TABLE: &[(Personality, Cannot, &str)] = &[
    (Canvas, Cannot::DeleteCoupled, "an assignment made in Canvas keeps its line item: 401 without a word"),
    (Canvas, Cannot::RefuseSameTime, "only older timestamps are refused"),
    (Canvas, Cannot::TellRetry, "an equal timestamp is taken again, as one more attempt"),
    (Canvas, Cannot::TellScopeFromExpiry, "401 for both"),
    (Canvas, Cannot::GrantSomeScopes, "one scope that the key lacks refuses the whole request"),
    (Canvas, Cannot::SayHowLong, "throttling is a 403 with X-Rate-Limit-Remaining, without Retry-After"),
    (Moodle, Cannot::LimitResults, "a fatal error: any limit beside type_id is a page that is not found"),
    (Moodle, Cannot::TellScopeFromExpiry, "401 for both"),
    (Moodle, Cannot::ExceedMaximum, "grades are cut to the maximum"),
    (Moodle, Cannot::TellWithinSecond, "timestamps are compared in whole seconds"),
    (
        OpenEdx,
        Cannot::Delete,
        "its permission class knows `delete`, the framework says `destroy`: always 403",
    ),
    (
        OpenEdx,
        Cannot::DeleteCoupled,
        "its permission class knows `delete`, the framework says `destroy`: always 403",
    ),
    (OpenEdx, Cannot::DoWithoutResourceId, "a resourceId or a resourceLinkId is required"),
    (OpenEdx, Cannot::TakeFractionalMaximum, "the maximum is an integer column"),
    (OpenEdx, Cannot::ShowExtensions, "only the members it knows are stored"),
    (OpenEdx, Cannot::FilterByUser, "user_id is ignored: everybody comes back"),
    (OpenEdx, Cannot::Page, "there is no Link header"),
    (OpenEdx, Cannot::LimitResults, "a limit cuts the list, without a link to the rest"),
    (OpenEdx, Cannot::Scale, "results are in the scale of the score"),
    (OpenEdx, Cannot::ExceedMaximum, "what gets into the gradebook is cut to the maximum"),
    (OpenEdx, Cannot::GradeUnbound, "only scores of a line item with a block are published to the gradebook"),
    (OpenEdx, Cannot::HoldZero, "a score of 0 is kept by the service, and not published to the gradebook"),
    (OpenEdx, Cannot::Clear, "what has been published stays; only the service's own result goes"),
    (OpenEdx, Cannot::NameUnknownUser, "publishing the grade of an unknown user is a server error"),
    (Sakai, Cannot::DeleteCoupled, "the placement's own line item is made on demand: 400"),
    (Sakai, Cannot::UpdateCoupled, "the placement's own line item is made on demand: 400"),
    (Sakai, Cannot::BindToLink, "creating binds to no content"),
    (Sakai, Cannot::FilterByLink, "the parameter is called lti_link_id"),
    (Sakai, Cannot::FilterByUser, "user_id is ignored: everybody comes back, with a grade or without"),
    (Sakai, Cannot::LeaveUngradedOut, "every member of the site has a result"),
    (Sakai, Cannot::RefuseKey, "the servlet throws: 500"),
    (Sakai, Cannot::Page, "limit is ignored, and there is no Link header"),
    (Sakai, Cannot::LimitResults, "limit is ignored, and there is no Link header"),
    (Sakai, Cannot::RefuseOlder, "timestamps are not compared"),
    (Sakai, Cannot::RefuseSameTime, "timestamps are not compared"),
    (Sakai, Cannot::TellRetry, "timestamps are not compared"),
    (Sakai, Cannot::GrantSomeScopes, "one scope that it knows and the tool lacks refuses the whole request"),
    (Blackboard, Cannot::BindToLink, "only deep linking binds a column to a link"),
    (Blackboard, Cannot::ShowCommentOfOne, "comments are missing where user_id is given"),
    (Blackboard, Cannot::KeepLineBreaks, "comments are HTML"),
    (Brightspace, Cannot::ExceedMaximum, "grades are shown cut unless the grade item `can exceed`"),
    (Brightspace, Cannot::SayHowLong, "no Retry-After is documented"),
    (Schoology, Cannot::TakeExtensions, "bodies are checked strictly: 400"),
];

impl Cannot {
    /// Why this platform cannot do it; `None` where it can.
    pub(crate) fn on(self, platform: Personality) -> Option<&'static str> {
        TABLE.iter().find(|(on, cannot, _)| (*on, *cannot) == (platform, self)).map(|(_, _, reason)| *reason)
    }
}

#[test]
fn each_limitation_is_listed_once_and_none_is_the_specifications() {
    for (at, (platform, cannot, reason)) in TABLE.iter().enumerate() {
        assert_ne!(*platform, Personality::Spec);
        assert!(!reason.is_empty());
        let again = TABLE.iter().skip(at + 1).any(|(other, what, _)| (other, what) == (platform, cannot));
        assert!(!again, "{platform} {cannot:?}");
    }
}
