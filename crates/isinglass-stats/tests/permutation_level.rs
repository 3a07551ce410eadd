//! Without an effect, p is at most α in at most a share α of studies, for every way of permuting.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

use isinglass_stats::{
    Bootstrap, Draws, PermutationNull, Resample, Scheme, Tail, jonckheere_terpstra, jonckheere_terpstra_permuted,
    permutation_test, permuted_classes, sign_flip_test,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, Normal};

const N_STUDIES: usize = 2000;
const N_PERMUTATIONS: usize = 199;

/// A standard normal draw.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    // Away from 0 and 1, whose quantiles are infinite.
    Normal::standard().inverse_cdf(rng.random_range(1e-12..1.0 - 1e-12))
}

/// The p-values of studies are as small as they say, and no smaller; with values that hardly tie, hardly larger either.
fn check(what: &str, p: impl Fn(u64, &mut ChaCha8Rng) -> f64) {
    let found: Vec<f64> = (0..N_STUDIES as u64).map(|seed| p(seed, &mut ChaCha8Rng::seed_from_u64(seed))).collect();
    for alpha in [0.01, 0.05, 0.1, 0.5] {
        let share = found.iter().filter(|&&p| p <= alpha + 1e-12).count() as f64 / N_STUDIES as f64;
        let error = 4.0 * (alpha * (1.0 - alpha) / N_STUDIES as f64).sqrt();
        assert!(share <= alpha + error, "{what}: p <= {alpha} in {share}");
        assert!(share >= 0.9 * alpha - error, "{what}: p <= {alpha} in only {share}");
    }
}

/// The variance between the means of classes: for any number of them, and whatever they are called.
fn spread(values: &[f64], labels: &[usize]) -> f64 {
    let means = (0..3).map(|class| {
        let (sum, n) = values
            .iter()
            .zip(labels)
            .filter(|(_, label)| **label == class)
            .fold((0.0, 0.0), |(sum, n), (value, _)| (sum + value, n + 1.0));
        (sum / n, n)
    });
    means.map(|(mean, n)| n * mean * mean).sum()
}

/// One p-value by permuted labels of three classes.
fn p_of_classes(values: &[f64], labels: &[usize], scheme: Scheme<'_>, seed: u64) -> f64 {
    let permuted = permuted_classes(labels, scheme, seed).unwrap().take(N_PERMUTATIONS);
    let null = permuted.map(|labels| spread(values, &labels)).collect();
    let null = PermutationNull::from_values(null, "shuffled").unwrap();
    let observed = spread(values, labels);
    let estimate = Bootstrap::resamples(40).estimate(Resample::Rows(2), "spread", |_| Some(observed)).unwrap();
    estimate.with_permutation(&null).p().unwrap().value()
}

#[test]
fn labels_shuffled_freely() {
    check("free", |seed, rng| {
        let values: Vec<f64> = (0..30).map(|_| normal(rng)).collect();
        let labels: Vec<usize> = (0..30).map(|row| row % 3).collect();
        p_of_classes(&values, &labels, Scheme::Free, seed)
    });
}

#[test]
fn labels_shuffled_within_strata() {
    // Strata differ in level and in how many rows of each class they have: shuffled freely, the null would be wrong.
    let strata: Vec<u64> = (0..36).map(|row| row / 12).collect();
    let labels: Vec<usize> = (0..36).map(|row| if row % 4 < 2 { row / 12 } else { row % 3 }).collect();
    let study = |scheme, seed, rng: &mut ChaCha8Rng| {
        let values: Vec<f64> = strata.iter().map(|&stratum| 2.0 * stratum as f64 + normal(rng)).collect();
        p_of_classes(&values, &labels, scheme, seed)
    };
    check("stratified", |seed, rng| study(Scheme::Stratified(&strata), seed, rng));
    let free = (0..100).filter(|&seed| study(Scheme::Free, seed, &mut ChaCha8Rng::seed_from_u64(seed)) <= 0.05);
    assert!(free.count() > 50);
}

#[test]
fn labels_shuffled_within_triplets() {
    let groups: Vec<u64> = (0..36).map(|row| row / 3).collect();
    let labels: Vec<usize> = (0..36).map(|row| row % 3).collect();
    check("within groups", |seed, rng| {
        let shared: Vec<f64> = (0..12).map(|_| 2.0 * normal(rng)).collect();
        let values: Vec<f64> = groups.iter().map(|&group| shared[group as usize] + normal(rng)).collect();
        p_of_classes(&values, &labels, Scheme::WithinGroups(&groups), seed)
    });
}

#[test]
fn labels_of_whole_groups_exchanged() {
    let groups: Vec<u64> = (0..60).map(|row| row / 4).collect();
    let labels: Vec<usize> = groups.iter().map(|&group| group as usize % 3).collect();
    let study = |scheme, seed, rng: &mut ChaCha8Rng| {
        let shared: Vec<f64> = (0..15).map(|_| normal(rng)).collect();
        let values: Vec<f64> = groups.iter().map(|&group| shared[group as usize] + normal(rng)).collect();
        p_of_classes(&values, &labels, scheme, seed)
    };
    check("whole groups", |seed, rng| study(Scheme::WholeGroups(&groups), seed, rng));
    // Rows taken as independent find what is not there.
    let free = (0..400).filter(|&seed| study(Scheme::Free, seed, &mut ChaCha8Rng::seed_from_u64(seed)) <= 0.05);
    assert!(free.count() > 60);
}

#[test]
fn two_samples_and_signs() {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let draws = |seed| Draws::Random { n: N_PERMUTATIONS, seed };
    for tail in [Tail::Greater, Tail::Less, Tail::Absolute, Tail::Doubled] {
        check(&format!("two samples, {tail:?}"), |seed, rng| {
            let values: Vec<f64> = (0..20).map(|_| normal(rng)).collect();
            let difference = |a: &[f64], b: &[f64]| mean(a) - mean(b);
            let (a, b) = values.split_at(8);
            let test = permutation_test(a, b, "difference", difference, tail, draws(seed)).unwrap();
            test.estimate.p().unwrap().value()
        });
        check(&format!("signs, {tail:?}"), |seed, rng| {
            let values: Vec<f64> = (0..14).map(|_| normal(rng).powi(3)).collect();
            let test = sign_flip_test(&values, "mean", mean, tail, draws(seed)).unwrap();
            test.estimate.p().unwrap().value()
        });
    }
    // 2^9 choices of signs, of which p counts all.
    check("all signs", |_, rng| {
        let values: Vec<f64> = (0..9).map(|_| normal(rng)).collect();
        let test = sign_flip_test(&values, "mean", mean, Tail::Greater, Draws::Exact).unwrap();
        test.estimate.p().unwrap().value()
    });
}

#[test]
fn trends() {
    let levels: Vec<usize> = (0..24).map(|row| row % 4).collect();
    for permuted in [true, false] {
        check("trend", |seed, rng| {
            let values: Vec<f64> = (0..24).map(|_| normal(rng)).collect();
            let trend = if permuted {
                jonckheere_terpstra_permuted(&values, &levels, Tail::Doubled, (N_PERMUTATIONS, seed))
            } else {
                jonckheere_terpstra(&values, &levels, Tail::Greater)
            };
            trend.unwrap().concordance.p().unwrap().value()
        });
    }
}
