//! Intervals of theory cover the true value about as often as they say, and nulls give even p-values.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]

use isinglass_stats::distribution::normal_quantile;
use isinglass_stats::{
    Alternative, Estimate, IccModel, IccUnit, RankNull, cohens_d, d_prime_held_out, glass_delta, hedges_g, icc,
    kendall, mann_whitney, mean, one_way_anova, pearson, point_biserial, proportion, proportion_exact, spearman,
    welch_test, wilcoxon,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const REPEATS: usize = 2000;

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    normal_quantile(rng.random_range(1e-12..1.0 - 1e-12))
}

fn normals(n: usize, mean: f64, sd: f64, rng: &mut ChaCha8Rng) -> Vec<f64> {
    (0..n).map(|_| mean + sd * normal(rng)).collect()
}

/// How many of 100 intervals hold the truth.
fn coverage(truth: f64, draw: impl Fn(&mut ChaCha8Rng) -> Estimate) -> f64 {
    let mut rng = ChaCha8Rng::seed_from_u64(17);
    let covered = (0..REPEATS).filter(|_| {
        draw(&mut rng).interval().is_some_and(|interval| interval.low() <= truth && truth <= interval.high())
    });
    100.0 * covered.count() as f64 / REPEATS as f64
}

/// Within four standard deviations of 2000 draws, and one more for what is a large-sample formula.
fn about_95(what: &str, coverage: f64) {
    assert!((coverage - 95.0).abs() < 3.0, "{what}: {coverage} %");
}

#[test]
fn effects_of_a_known_size() {
    let draw = |f: fn(&[f64], &[f64]) -> Result<Estimate, isinglass_stats::StatsError>, sd: f64| {
        move |rng: &mut ChaCha8Rng| f(&normals(40, 1.0, sd, rng), &normals(30, 0.0, 1.0, rng)).unwrap()
    };
    about_95("d", coverage(1.0, draw(cohens_d, 1.0)));
    about_95("g", coverage(1.0, draw(hedges_g, 1.0)));
    // The treatment doubles the spread.
    about_95("Glass", coverage(1.0, draw(glass_delta, 2.0)));
    about_95("d'", coverage(1.0 / 2.5_f64.sqrt(), draw(d_prime_held_out, 2.0)));
    about_95(
        "Welch",
        coverage(1.0, |rng| {
            welch_test(&normals(8, 1.0, 3.0, rng), &normals(30, 0.0, 1.0, rng), Alternative::Less).unwrap().difference
        }),
    );
}

#[test]
fn correlations_of_a_known_size() {
    let rho = 0.6_f64;
    let pairs = |rng: &mut ChaCha8Rng| -> (Vec<f64>, Vec<f64>) {
        (0..50)
            .map(|_| {
                let x = normal(rng);
                (x, rho * x + (1.0 - rho * rho).sqrt() * normal(rng))
            })
            .unzip()
    };
    let with = |f: fn(&[f64], &[f64]) -> Result<Estimate, isinglass_stats::StatsError>| {
        move |rng: &mut ChaCha8Rng| {
            let (x, y) = pairs(rng);
            f(&x, &y).unwrap()
        }
    };
    let pi = std::f64::consts::PI;
    about_95("Pearson", coverage(rho, with(pearson)));
    // What the rank correlations of normal pairs come to.
    about_95("Spearman", coverage(6.0 / pi * (rho / 2.0).asin(), with(spearman)));
    about_95("Kendall", coverage(2.0 / pi * rho.asin(), with(kendall)));
    // Classes of 15 and 35 rows, one unit apart: r of the population with these labels, and d = 1.
    let labels: Vec<bool> = (0..50).map(|row| row < 15).collect();
    let truth = 1.0 / (1.0 + 50.0 * 48.0 / (15.0 * 35.0_f64)).sqrt();
    about_95(
        "point-biserial",
        coverage(truth, |rng| {
            let values: Vec<f64> = labels.iter().map(|&l| normal(rng) + f64::from(u8::from(l))).collect();
            point_biserial(&labels, &values).unwrap()
        }),
    );
}

#[test]
fn shares_of_variance_and_of_trials() {
    // Sample means 0, 0.5 and 1: a noncentrality of 20 · (1/4 + 0 + 1/4) over 60 rows.
    let truth = 10.0 / (10.0 + 60.0);
    about_95(
        "eta squared",
        coverage(truth, |rng| {
            let [a, b, c] = [0.0, 0.5, 1.0].map(|mean| normals(20, mean, 1.0, rng));
            one_way_anova(&[&a, &b, &c]).unwrap().eta_squared
        }),
    );
    // Subjects with variance 1, raters 0.5, error 1.
    for (model, truth) in [(IccModel::Agreement, 1.0 / 2.5), (IccModel::Consistency, 1.0 / 2.0)] {
        about_95(
            "ICC",
            coverage(truth, |rng| {
                let raters = normals(4, 0.0, 0.5_f64.sqrt(), rng);
                let ratings: Vec<f64> = (0..30)
                    .flat_map(|_| {
                        let subject = normal(rng);
                        raters.iter().map(|rater| subject + rater + normal(rng)).collect::<Vec<_>>()
                    })
                    .collect();
                icc(&ratings, 4, model, IccUnit::Single).unwrap().correlation
            }),
        );
    }
    let successes = |rng: &mut ChaCha8Rng| (0..60).filter(|_| rng.random_range(0.0..1.0) < 0.2).count() as u64;
    about_95("Wilson", coverage(0.2, |rng| proportion(successes(rng), 60).unwrap()));
    let exact = coverage(0.2, |rng| proportion_exact(successes(rng), 60).unwrap());
    assert!(exact > 94.0, "Clopper-Pearson: {exact} %");
}

/// How many of 100 p-values are at most 0.05.
fn rejected(draw: impl Fn(&mut ChaCha8Rng) -> Estimate) -> f64 {
    let mut rng = ChaCha8Rng::seed_from_u64(23);
    let found = (0..REPEATS).filter(|_| draw(&mut rng).p().unwrap().value() <= 0.05);
    100.0 * found.count() as f64 / REPEATS as f64
}

#[test]
fn a_null_stays_null() {
    let check = |what: &str, rejected: f64| assert!((rejected - 5.0).abs() < 2.5, "{what}: {rejected} %");
    for alternative in [Alternative::TwoSided, Alternative::Greater, Alternative::Less] {
        check(
            "Welch",
            rejected(|rng| {
                welch_test(&normals(12, 0.0, 2.0, rng), &normals(20, 0.0, 1.0, rng), alternative).unwrap().difference
            }),
        );
        check(
            "Mann-Whitney",
            rejected(|rng| {
                let (a, b) = (normals(9, 0.0, 1.0, rng), normals(11, 0.0, 1.0, rng));
                mann_whitney(&a, &b, alternative, RankNull::Exact).unwrap().superiority
            }),
        );
        check(
            "Wilcoxon",
            rejected(|rng| {
                wilcoxon(&normals(20, 0.0, 1.0, rng), &normals(20, 0.0, 1.0, rng), alternative).unwrap().rank_biserial
            }),
        );
    }
}

/// Why d-prime must be held out: noise projected on its own difference of means.
#[test]
fn noise_has_a_d_prime_in_sample_and_none_held_out() {
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let width = 2000;
    let mut rows = |n: usize| -> Vec<Vec<f64>> { (0..n).map(|_| normals(width, 0.0, 1.0, &mut rng)).collect() };
    let (positive, negative) = (rows(30), rows(30));
    let column_mean = |rows: &[Vec<f64>], j: usize| mean(&rows.iter().map(|row| row[j]).collect::<Vec<_>>()).unwrap();
    let direction: Vec<f64> =
        (0..width).map(|j| column_mean(&positive[..15], j) - column_mean(&negative[..15], j)).collect();
    let scores = |rows: &[Vec<f64>]| -> Vec<f64> {
        rows.iter().map(|row| row.iter().zip(&direction).map(|(x, d)| x * d).sum()).collect()
    };
    let in_sample = d_prime_held_out(&scores(&positive[..15]), &scores(&negative[..15])).unwrap();
    let held_out = d_prime_held_out(&scores(&positive[15..]), &scores(&negative[15..])).unwrap();
    assert!(in_sample.value() > 5.0, "{in_sample}");
    assert!(held_out.interval().is_some_and(|i| i.low() < 0.0 && i.high() > 0.0), "{held_out}");
}
