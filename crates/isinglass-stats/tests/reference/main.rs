//! Agreement with scipy, scikit-learn and statsmodels within the tolerance table, on every file of the folder.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::float_cmp, reason = "labels and ties are exact")]
#![allow(unreachable_pub, dead_code, reason = "what the tests of several crates share")]

#[path = "../../../../tests/shared/reference.rs"]
mod reference;

mod classifier_metrics;
mod correlation;
mod counts;
mod distributions;
mod effect_sizes;
mod multiple_testing;
mod tests_two_samples;

use reference::Reference;

/// The files about probes are those of the crate `isinglass-probe`, which walks the same folder.
#[test]
fn every_file_of_the_folder_passes() {
    reference::walk(
        |topic| !topic.starts_with("probe_"),
        |reference: &Reference| match reference.topic.as_str() {
            "classifier_metrics" => classifier_metrics::check(reference),
            "correlation" => correlation::check(reference),
            "counts" => counts::check(reference),
            "distributions" => distributions::check(reference),
            "effect_sizes" => effect_sizes::check(reference),
            "multiple_testing" => multiple_testing::check(reference),
            "tests_two_samples" => tests_two_samples::check(reference),
            topic => panic!("no test knows the file `{topic}.json`"),
        },
    );
}
