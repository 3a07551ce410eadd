//! Agreement with scipy, scikit-learn and statsmodels within the tolerance table, on every file of the folder.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::float_cmp, reason = "labels and ties are exact")]
#![allow(unreachable_pub, dead_code, reason = "what the tests of several crates share")]

#[path = "../../../../tests/shared/reference.rs"]
mod reference;

mod anova_2x2;
mod bootstrap;
mod dense;
mod logit_unpenalised;
mod mixed_effects;
mod multiple_testing;
mod ols;
mod permutation;

use reference::Reference;

/// The files about probes are those of the crate `isinglass-probe`, which walks the same folder.
#[test]
fn every_file_of_the_folder_passes() {
    reference::walk(
        |topic| !topic.starts_with("probe_"),
        |reference: &Reference| match reference.topic.as_str() {
            "anova_2x2" => anova_2x2::check(reference),
            "bootstrap" => bootstrap::check(reference),
            "logit_unpenalised" => logit_unpenalised::check(reference),
            "mixed_effects" => mixed_effects::check(reference),
            "multiple_testing" => multiple_testing::check(reference),
            "ols" => ols::check(reference),
            "permutation" => permutation::check(reference),
            topic => panic!("no test knows the file `{topic}.json`"),
        },
    );
}
