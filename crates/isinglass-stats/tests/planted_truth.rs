//! Data with a known answer: intervals cover it as often as they say, and a null stays null.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

use isinglass_stats::{Bootstrap, Estimate, PermutationNull, auroc, auroc_delong, auroc_grouped, permuted_labels};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use statrs::distribution::{ContinuousCDF, Normal};

/// A standard normal draw.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    // Away from 0 and 1, whose quantiles are infinite.
    Normal::standard().inverse_cdf(rng.random_range(1e-12..1.0 - 1e-12))
}

struct Rows {
    scores: Vec<f64>,
    labels: Vec<bool>,
    groups: Vec<u64>,
}

/// Groups of one label each, `effect` apart, whose rows share a normal draw as large as their own noise.
fn clustered(n_groups: usize, rows_each: usize, effect: f64, rng: &mut ChaCha8Rng) -> Rows {
    let mut rows = Rows { scores: Vec::new(), labels: Vec::new(), groups: Vec::new() };
    for group in 0..n_groups {
        let label = group % 2 == 0;
        let shared = normal(rng) + if label { effect } else { 0.0 };
        for _ in 0..rows_each {
            rows.scores.push(shared + normal(rng));
            rows.labels.push(label);
            rows.groups.push(group as u64);
        }
    }
    rows
}

/// Matched pairs without an effect; the two rows share a draw.
fn null_pairs(n_pairs: usize, rng: &mut ChaCha8Rng) -> Rows {
    let mut rows = Rows { scores: Vec::new(), labels: Vec::new(), groups: Vec::new() };
    for group in 0..n_pairs {
        let shared = normal(rng);
        for label in [true, false] {
            rows.scores.push(shared + normal(rng));
            rows.labels.push(label);
            rows.groups.push(group as u64);
        }
    }
    rows
}

fn covers(estimate: &Estimate, truth: f64) -> bool {
    estimate.interval().is_some_and(|i| i.low() <= truth && truth <= i.high())
}

/// Four standard deviations of a share of `n` draws with probability `p`.
fn monte_carlo_error(p: f64, n: usize) -> f64 {
    4.0 * (p * (1.0 - p) / n as f64).sqrt()
}

fn p_of(estimate: Estimate, null: &PermutationNull) -> f64 {
    estimate.with_permutation(null).p().unwrap().value()
}

#[test]
fn the_cluster_bootstrap_covers_the_truth() {
    let n_studies = 500;
    // Two scores of different groups differ by N(effect, 2 · (1 + 1)).
    let effect = 1.5;
    let truth = Normal::standard().cdf(effect / 2.0);
    let (mut grouped, mut as_if_independent) = (0, 0);
    for study in 0..n_studies {
        let rows = clustered(80, 4, effect, &mut ChaCha8Rng::seed_from_u64(study));
        let bootstrap = Bootstrap::resamples(400).seed(study);
        let estimate = auroc_grouped(&rows.scores, &rows.labels, &rows.groups, bootstrap).unwrap();
        grouped += usize::from(covers(&estimate, truth));
        as_if_independent += usize::from(covers(&auroc_delong(&rows.scores, &rows.labels).unwrap(), truth));
    }
    let share = |count: usize| count as f64 / n_studies as f64;
    assert!((0.92..=0.98).contains(&share(grouped)), "covered in {grouped} of {n_studies}");
    // What the grouping is for: rows taken as independent miss the truth far too often.
    assert!(share(as_if_independent) < 0.85, "covered in {as_if_independent} of {n_studies}");
}

#[test]
fn delong_covers_the_truth_for_independent_rows() {
    let n_studies = 1000;
    let truth = Normal::standard().cdf(1.5 / 2.0);
    let covered = (0..n_studies)
        .filter(|&study| {
            let rows = clustered(120, 1, 1.5, &mut ChaCha8Rng::seed_from_u64(study));
            covers(&auroc_delong(&rows.scores, &rows.labels).unwrap(), truth)
        })
        .count();
    assert!((920..=980).contains(&covered), "covered in {covered} of {n_studies}");
}

#[test]
fn without_an_effect_p_is_small_as_often_as_it_says() {
    let n_studies = 2000;
    let mut small = 0;
    for study in 0..n_studies {
        let rows = null_pairs(16, &mut ChaCha8Rng::seed_from_u64(study as u64));
        let flipped = permuted_labels(&rows.labels, &rows.groups, study as u64).unwrap();
        let values = flipped.take(99).map(|labels| auroc(&rows.scores, &labels).unwrap()).collect();
        let null = PermutationNull::from_values(values, "label flips within pairs").unwrap();
        small += usize::from(p_of(auroc_delong(&rows.scores, &rows.labels).unwrap(), &null) <= 0.05);
    }
    let share = small as f64 / n_studies as f64;
    assert!(share <= 0.05 + monte_carlo_error(0.05, n_studies), "{share}");
    // Not so careful as to find nothing: with 99 permutations the test is exact but for ties.
    assert!(share >= 0.05 - monte_carlo_error(0.05, n_studies) - 0.01, "{share}");
}

#[test]
fn a_planted_effect_is_found() {
    let mut rows = null_pairs(40, &mut ChaCha8Rng::seed_from_u64(1));
    for (score, &label) in rows.scores.iter_mut().zip(&rows.labels) {
        *score += if label { 1.5 } else { 0.0 };
    }
    let values = permuted_labels(&rows.labels, &rows.groups, 2)
        .unwrap()
        .take(999)
        .map(|labels| auroc(&rows.scores, &labels).unwrap())
        .collect();
    let null = PermutationNull::from_values(values, "label flips within pairs").unwrap();
    assert!((null.mean() - 0.5).abs() < 0.01);
    assert!(p_of(auroc_delong(&rows.scores, &rows.labels).unwrap(), &null) < 0.01);
}

#[test]
fn the_maximum_over_sites_holds_the_family_wise_error() {
    let (n_studies, n_sites, n_permutations) = (400, 12, 99);
    let (mut found, mut found_uncorrected) = (0, 0);
    for study in 0..n_studies {
        let mut rng = ChaCha8Rng::seed_from_u64(study as u64);
        let rows = null_pairs(16, &mut rng);
        // Each site sees the same examples with noise of its own.
        let sites: Vec<Vec<f64>> =
            (0..n_sites).map(|_| rows.scores.iter().map(|score| score + 2.0 * normal(&mut rng)).collect()).collect();
        let flipped: Vec<Vec<bool>> =
            permuted_labels(&rows.labels, &rows.groups, study as u64).unwrap().take(n_permutations).collect();
        let nulls: Vec<Vec<f64>> =
            sites.iter().map(|scores| flipped.iter().map(|labels| auroc(scores, labels).unwrap()).collect()).collect();
        let max = PermutationNull::max_over(&nulls, "label flips within pairs").unwrap();
        let least_p = |null_of: &dyn Fn(usize) -> PermutationNull| {
            let p_at = |site: usize| p_of(auroc_delong(&sites[site], &rows.labels).unwrap(), &null_of(site));
            (0..n_sites).map(p_at).fold(1.0, f64::min)
        };
        found += usize::from(least_p(&|_| max.clone()) <= 0.05);
        let own = |site: usize| PermutationNull::from_values(nulls[site].clone(), "flips").unwrap();
        found_uncorrected += usize::from(least_p(&own) <= 0.05);
    }
    let share = |count: usize| count as f64 / n_studies as f64;
    assert!(share(found) <= 0.05 + monte_carlo_error(0.05, n_studies), "{found} of {n_studies}");
    assert!(share(found_uncorrected) > 0.25, "{found_uncorrected} of {n_studies}");
}
