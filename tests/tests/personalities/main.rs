//! The same scenarios over both transports against every platform that is reproduced: what a tool can rely on
//! everywhere, and, in [`cannot`], what which platform cannot do and how that shows.

#[path = "../common/mod.rs"]
mod common;

/// Makes a test of each scenario for each transport and each platform, such as `over_ureq::moodle::clearing`.
macro_rules! everywhere {
    ($($scenario:ident),+ $(,)?) => {
        mod over_ureq {
            everywhere!(@over OverUreq [$($scenario),+]);
        }
        mod over_hyper {
            everywhere!(@over OverHyper [$($scenario),+]);
        }
    };
    (@over $tool:ident $scenarios:tt) => {
        everywhere!(@on spec Spec $tool $scenarios);
        everywhere!(@on canvas Canvas $tool $scenarios);
        everywhere!(@on moodle Moodle $tool $scenarios);
        everywhere!(@on open_edx OpenEdx $tool $scenarios);
        everywhere!(@on sakai Sakai $tool $scenarios);
        everywhere!(@on blackboard Blackboard $tool $scenarios);
        everywhere!(@on brightspace Brightspace $tool $scenarios);
        everywhere!(@on schoology Schoology $tool $scenarios);
    };
    (@on $name:ident $like:ident $tool:ident [$($scenario:ident),+]) => {
        mod $name {
            $(
                #[test]
                fn $scenario() {
                    super::super::$scenario::<crate::common::$tool>(lti_ags_testing::Personality::$like);
                }
            )+
        }
    };
}

mod cannot;
mod course;
mod line_items;
mod lists;
mod results;
mod scores;
mod timestamps;
mod tokens;
