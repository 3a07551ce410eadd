//! Agreement with scikit-learn and numpy to 1e-9.
//!
//! `data/` holds random rows with what those packages compute from them; each file names their versions.

#![allow(clippy::unwrap_used, reason = "a helper of a test fails by panicking")]
#![allow(clippy::float_cmp, reason = "labels and ties are exact")]

use isinglass_stats::{auroc, auroc_delong, mean, quantile};
use serde_json::Value;

fn read(json: &str) -> Value {
    serde_json::from_str(json).unwrap()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn close(got: f64, expected: f64) {
    assert!((got - expected).abs() <= 1e-9 * expected.abs(), "got {got}, expected {expected}");
}

fn classifier() -> (Vec<f64>, Vec<bool>, Value) {
    let file = read(include_str!("../../../tests/fixtures/stats/classifier_metrics.json"));
    let labels = floats(&file["input"]["y"]).iter().map(|&y| y == 1.0).collect();
    (floats(&file["input"]["score"]), labels, file["expected"].clone())
}

#[test]
fn auroc_with_ties_is_that_of_scikit_learn() {
    let (scores, labels, expected) = classifier();
    close(auroc(&scores, &labels).unwrap(), expected["auroc"].as_f64().unwrap());
}

#[test]
fn delong_is_the_sum_over_all_pairs() {
    let (scores, labels, _) = classifier();
    let estimate = auroc_delong(&scores, &labels).unwrap();
    let interval = estimate.interval().unwrap();
    // From the definition of 1988, pair by pair in Python: AUROC ± 1.959964 · 0.06299431402184112.
    close(interval.low(), 0.636_915_007_001_311_9);
    close(interval.high(), 0.883_848_180_428_542_1);

    // The same here, so that the file may change: each positive against each negative, without a sort.
    let of = |class| scores.iter().zip(&labels).filter(move |row| *row.1 == class).map(|row| *row.0);
    let wins = |a: f64, b: f64| if a > b { 1.0 } else { f64::from(u8::from(a == b)) / 2.0 };
    let v10: Vec<f64> = of(true).map(|p| mean(&of(false).map(|n| wins(p, n)).collect::<Vec<_>>()).unwrap()).collect();
    let v01: Vec<f64> = of(false).map(|n| mean(&of(true).map(|p| wins(p, n)).collect::<Vec<_>>()).unwrap()).collect();
    let part = |v: &[f64]| {
        let centre = mean(v).unwrap();
        v.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / ((v.len() - 1) * v.len()) as f64
    };
    let half_width = 1.959_963_984_540_054 * (part(&v10) + part(&v01)).sqrt();
    close(interval.high() - estimate.value(), half_width);
    close(estimate.value() - interval.low(), half_width);
}

#[test]
fn delong_is_cut_at_one() {
    let scores = [0.1, 0.2, 0.3, 0.45, 0.4, 0.5, 0.6, 0.7];
    let labels = [false, false, false, false, true, true, true, true];
    let estimate = auroc_delong(&scores, &labels).unwrap();
    assert!(estimate.value() < 1.0);
    assert_eq!(estimate.interval().map(isinglass_stats::Interval::high), Some(1.0));
}

#[test]
fn quantiles_are_those_of_numpy() {
    let file = read(include_str!("../../../tests/fixtures/stats/bootstrap.json"));
    let x = floats(&file["input"]["x"]);
    let means: Vec<f64> = file["input"]["resample_indices"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rows| mean(&floats(rows).iter().map(|&row| x[row as usize]).collect::<Vec<_>>()).unwrap())
        .collect();
    let [low, high] = floats(&file["expected"]["percentile95"])[..] else { panic!("two ends") };
    close(quantile(&means, 0.025).unwrap(), low);
    close(quantile(&means, 0.975).unwrap(), high);
}
