//! Bootstrap intervals cover the truth as often as they say: 93 to 97 % of 2000 studies of at least 100 rows or groups.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

use isinglass_stats::{Bootstrap, BootstrapInterval, Estimate, Resample, auroc_grouped};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, Normal};

const N_STUDIES: u64 = 2000;

/// A standard normal draw.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    // Away from 0 and 1, whose quantiles are infinite.
    Normal::standard().inverse_cdf(rng.random_range(1e-12..1.0 - 1e-12))
}

fn mean_of(values: &[f64]) -> impl Fn(&[usize]) -> Option<f64> {
    |rows| Some(rows.iter().map(|&row| values[row]).sum::<f64>() / rows.len() as f64)
}

fn check(what: &str, truth: f64, study: impl Fn(u64, &mut ChaCha8Rng) -> Estimate) {
    let covered = (0..N_STUDIES).filter(|&seed| {
        let estimate = study(seed, &mut ChaCha8Rng::seed_from_u64(seed));
        estimate.interval().is_some_and(|i| i.low() <= truth && truth <= i.high())
    });
    let share = covered.count() as f64 / N_STUDIES as f64;
    assert!((0.93..=0.97).contains(&share), "{what}: {share}");
}

#[test]
fn of_the_mean_of_normal_values() {
    for kind in [BootstrapInterval::Percentile, BootstrapInterval::Basic, BootstrapInterval::Normal] {
        check(&format!("mean of normal values, {kind:?}"), 0.0, |seed, rng| {
            let values: Vec<f64> = (0..100).map(|_| normal(rng)).collect();
            let bootstrap = Bootstrap::resamples(300).seed(seed).interval(kind);
            bootstrap.estimate(Resample::Rows(100), "mean", mean_of(&values)).unwrap()
        });
    }
}

#[test]
fn of_the_mean_of_skewed_values() {
    check("mean of exponential values, BCa", 1.0, |seed, rng| {
        let values: Vec<f64> = (0..150).map(|_| -rng.random_range(1e-12..1.0_f64).ln()).collect();
        let bootstrap = Bootstrap::resamples(600).seed(seed).interval(BootstrapInterval::Bca);
        bootstrap.estimate(Resample::Rows(150), "mean", mean_of(&values)).unwrap()
    });
}

#[test]
fn of_the_mean_within_strata() {
    // Two strata that differ by far more than rows do: rows drawn without them would give too wide an interval.
    check("mean within strata, BCa", 5.0, |seed, rng| {
        let strata: Vec<u64> = (0..120).map(|row| row % 2).collect();
        let values: Vec<f64> = strata.iter().map(|&stratum| 10.0 * stratum as f64 + normal(rng)).collect();
        let bootstrap = Bootstrap::resamples(400).seed(seed).interval(BootstrapInterval::Bca);
        bootstrap.estimate(Resample::Strata(&strata), "mean", mean_of(&values)).unwrap()
    });
}

#[test]
fn of_an_auroc_of_independent_rows() {
    let truth = Normal::standard().cdf(1.0 / 2.0_f64.sqrt());
    let rows: Vec<u64> = (0..120).collect();
    for kind in [BootstrapInterval::Percentile, BootstrapInterval::Bca] {
        check(&format!("AUROC, {kind:?}"), truth, |seed, rng| {
            let labels: Vec<bool> = rows.iter().map(|row| row % 2 == 0).collect();
            let scores: Vec<f64> = labels.iter().map(|&label| normal(rng) + f64::from(u8::from(label))).collect();
            let bootstrap = Bootstrap::resamples(300).seed(seed).interval(kind);
            auroc_grouped(&scores, &labels, &rows, bootstrap).unwrap()
        });
    }
}

#[test]
fn of_a_mean_of_rows_in_groups() {
    // 100 groups of 1 to 5 rows, which share a draw.
    let groups: Vec<u64> = (0..100).flat_map(|group| std::iter::repeat_n(group, 1 + group as usize % 5)).collect();
    check("mean of rows in groups, percentile", 0.0, |seed, rng| {
        let shared: Vec<f64> = (0..100).map(|_| normal(rng)).collect();
        let values: Vec<f64> = groups.iter().map(|&group| shared[group as usize] + normal(rng)).collect();
        let bootstrap = Bootstrap::resamples(400).seed(seed);
        bootstrap.estimate(Resample::Groups(&groups), "mean", mean_of(&values)).unwrap()
    });
}
