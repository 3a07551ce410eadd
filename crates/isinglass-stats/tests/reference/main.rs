//! Agreement with scipy, scikit-learn and statsmodels within the tolerance table, on every file of the folder.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::float_cmp, reason = "labels and ties are exact")]
#![allow(unreachable_pub, dead_code, reason = "what the tests of several crates share")]

#[path = "../../../../tests/shared/reference.rs"]
mod reference;

mod anova_2x2;
mod bootstrap;
mod classifier_metrics;
mod clusters;
mod correlation;
mod counts;
mod dense;
mod distributions;
mod effect_sizes;
mod logit_unpenalised;
mod mixed_effects;
mod multiple_testing;
mod ols;
mod pca_effective_rank;
mod permutation;
mod subspaces;
mod tests_two_samples;

use reference::Reference;

/// The files about probes are those of the crate `isinglass-probe`, which walks the same folder.
#[test]
fn every_file_of_the_folder_passes() {
    reference::walk(
        |topic| !topic.starts_with("probe_"),
        |reference: &Reference| match reference.topic.as_str() {
            "anova_2x2" => anova_2x2::check(reference),
            "bootstrap" => bootstrap::check(reference),
            "classifier_metrics" => classifier_metrics::check(reference),
            "clusters" => clusters::check(reference),
            "correlation" => correlation::check(reference),
            "counts" => counts::check(reference),
            "distributions" => distributions::check(reference),
            "effect_sizes" => effect_sizes::check(reference),
            "logit_unpenalised" => logit_unpenalised::check(reference),
            "mixed_effects" => mixed_effects::check(reference),
            "multiple_testing" => multiple_testing::check(reference),
            "ols" => ols::check(reference),
            "pca_effective_rank" => pca_effective_rank::check(reference),
            "permutation" => permutation::check(reference),
            "subspaces" => subspaces::check(reference),
            "tests_two_samples" => tests_two_samples::check(reference),
            topic => panic!("no test knows the file `{topic}.json`"),
        },
    );
}
