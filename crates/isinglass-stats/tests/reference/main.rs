//! Agreement with scipy, scikit-learn and statsmodels within the tolerance table, on every file of the folder.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(clippy::float_cmp, reason = "labels and ties are exact")]
#![allow(unreachable_pub, dead_code, reason = "what the tests of several crates share")]

#[path = "../../../../tests/shared/reference.rs"]
mod reference;

mod clusters;
mod multiple_testing;
mod pca_effective_rank;
mod subspaces;

use reference::Reference;

/// The files about probes are those of the crate `isinglass-probe`, which walks the same folder.
#[test]
fn every_file_of_the_folder_passes() {
    reference::walk(
        |topic| !topic.starts_with("probe_"),
        |reference: &Reference| match reference.topic.as_str() {
            "clusters" => clusters::check(reference),
            "multiple_testing" => multiple_testing::check(reference),
            "pca_effective_rank" => pca_effective_rank::check(reference),
            "subspaces" => subspaces::check(reference),
            topic => panic!("no test knows the file `{topic}.json`"),
        },
    );
}
