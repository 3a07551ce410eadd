//! A planted direction is found, and noise is not.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "the helpers of a test fail by panicking, as the test does"
)]

use isinglass_core::site::resid_post;
use isinglass_core::{Device, Rows};
use isinglass_probe::{ClassMeans, Features, FitError, Labels};
use isinglass_stats::{Split, auroc};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const PAIRS: usize = 40;
const WIDTH: usize = 64;

fn labels() -> Labels {
    let n = 2 * PAIRS as u64;
    Labels::paired((0..n).map(|i| i % 2 == 0).collect(), (0..n).map(|i| i / 2).collect()).unwrap()
}

/// Noise, plus `shift` along axis 3 for positive rows, plus a large constant in axis 5 as language models have.
fn rows(shift: f32, seed: u64) -> Rows {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut values: Vec<f32> = (0..2 * PAIRS * WIDTH).map(|_| rng.random_range(-1.0..1.0)).collect();
    for row in 0..2 * PAIRS {
        values[row * WIDTH + 3] += if row % 2 == 0 { shift } else { 0.0 };
        values[row * WIDTH + 5] += 500.0;
    }
    Rows::new(resid_post(4), WIDTH, values).unwrap()
}

#[test]
fn a_planted_direction_is_found() {
    let rows = rows(3.0, 1);
    let probe = ClassMeans::new().permutations(200).resamples(200);
    let features = Features::collect(resid_post(4), &mut rows.source(7, &Device::flex())).unwrap();
    let scored = probe.score(&features, &labels()).unwrap();
    assert!(scored.auroc.value() > 0.95, "{}", scored.auroc);
    assert!((scored.auroc.p().unwrap().value() - 1.0 / 201.0).abs() < 1e-12);
    let direction = probe.direction(&rows, &labels()).unwrap();
    let cosine = f64::from(direction.vector[3]) / direction.norm();
    assert!(cosine > 0.9, "{cosine}");
    assert_eq!(direction.site, resid_post(4).id());
}

#[test]
fn noise_stays_noise_over_many_layers() {
    let layers: Vec<Features> = (0..12).map(|seed| Features::of_rows(&rows(0.0, seed)).unwrap()).collect();
    let swept = ClassMeans::new().permutations(200).resamples(100).sweep(&layers, &labels()).unwrap();
    let best = swept.iter().map(|s| s.auroc.p().unwrap().value()).fold(1.0, f64::min);
    assert!(best > 0.05, "{best}");
    for scored in &swept {
        assert!((scored.null.mean() - 0.5).abs() < 0.06, "{}", scored.null.mean());
    }
}

#[test]
fn flipped_labels_flip_the_direction_and_shuffled_ones_lose_it() {
    let rows = rows(3.0, 2);
    let flipped = Labels::paired((0..80).map(|i| i % 2 == 1).collect(), (0..80).map(|i| i / 2).collect()).unwrap();
    let probe = ClassMeans::new().permutations(50).resamples(100);
    let (one, other) = (probe.direction(&rows, &labels()).unwrap(), probe.direction(&rows, &flipped).unwrap());
    assert!(one.vector.iter().zip(&other.vector).all(|(a, b)| (a + b).abs() < 1e-4));
    let scored = probe.score(&Features::of_rows(&rows).unwrap(), &labels()).unwrap();
    assert!(scored.null.quantile(0.99).unwrap() < scored.auroc.value());
}

/// The products of rows give what the direction itself gives.
#[test]
fn out_of_fold_scores_equal_those_of_the_direction_made_from_the_other_folds() {
    let (rows, labels) = (rows(1.0, 3), labels());
    let probe = ClassMeans::new().folds(5).seed(9).permutations(2).resamples(40);
    let scored = probe.score(&Features::of_rows(&rows).unwrap(), &labels).unwrap();
    let groups: Vec<u64> = (0..80).map(|i| i / 2).collect();
    let truth: Vec<bool> = (0..80).map(|i| i % 2 == 0).collect();
    let mut scores = vec![0.0; 80];
    for (train, test) in &Split::grouped(&groups).folds(5).seed(9).split().unwrap() {
        let mean = |label: bool| -> Vec<f64> {
            let members: Vec<&[f32]> = train.iter().filter(|&&i| truth[i] == label).map(|&i| rows.row(i)).collect();
            (0..WIDTH).map(|d| members.iter().map(|r| f64::from(r[d])).sum::<f64>() / members.len() as f64).collect()
        };
        let (positive, negative) = (mean(true), mean(false));
        for i in test {
            let along = |d: usize| {
                let midway = f64::midpoint(positive[d], negative[d]);
                (positive[d] - negative[d]) * (f64::from(rows.row(i)[d]) - midway)
            };
            scores[i] = (0..WIDTH).map(along).sum();
        }
    }
    for (a, b) in scored.scores.iter().zip(&scores) {
        assert!((a - b).abs() < 1e-7 * b.abs().max(1.0), "{a} {b}");
    }
    assert!((scored.auroc.value() - auroc(&scores, &truth).unwrap()).abs() < 1e-12);
}

#[test]
fn bad_rows_are_refused() {
    let probe = ClassMeans::new();
    let short = Features::lengths(&[1, 2, 3]);
    assert!(matches!(probe.score(&short, &labels()), Err(FitError::LengthMismatch { rows: 3, labels: 80, .. })));
    let nan = Rows::new(resid_post(0), 1, vec![0.0, f32::NAN]).unwrap();
    assert!(matches!(Features::of_rows(&nan), Err(FitError::NotFinite { row: 1, .. })));
    assert!(matches!(probe.sweep(&[], &labels()), Err(FitError::Stats(_))));
}
