//! Standardised differences and signal detection.

use isinglass_stats::{
    DetectionCounts, DetectionRates, RankNull, auroc, cliffs_delta, cohens_d, d_prime_held_out, detection, glass_delta,
    hedges_g, hedges_g_approximate, mann_whitney, variance,
};

use crate::reference::{Reference, Within};

pub fn check(reference: &Reference) {
    let (a, b) = (reference.floats(&["a"]), reference.floats(&["b"]));
    for (name, effect) in [
        ("cohens_d_pooled", cohens_d(&a, &b)),
        ("hedges_g_exact", hedges_g(&a, &b)),
        ("hedges_g_approx", hedges_g_approximate(&a, &b)),
        ("glass_delta_by_b", glass_delta(&a, &b)),
        ("d_prime_of_scores", d_prime_held_out(&a, &b)),
        ("cliffs_delta", cliffs_delta(&a, &b)),
    ] {
        let effect = effect.unwrap();
        reference.check(&[name], effect.value(), Within::Closed);
        let interval = effect.interval().unwrap();
        assert!(interval.low() < effect.value() && effect.value() < interval.high(), "{name}");
    }
    let labels: Vec<bool> = (0..a.len() + b.len()).map(|row| row < a.len()).collect();
    reference.check(&["auroc_a_over_b"], auroc(&[a.clone(), b.clone()].concat(), &labels).unwrap(), Within::Closed);
    let ranked = mann_whitney(&a, &b, isinglass_stats::Alternative::TwoSided, RankNull::Normal { continuity: true });
    reference.check(&["auroc_a_over_b"], ranked.unwrap().superiority.value(), Within::Closed);

    let count = |name| reference.floats(&["counts", name])[0] as u64;
    let counts = DetectionCounts {
        hits: count("hits"),
        signal: count("signal"),
        false_alarms: count("false_alarms"),
        noise: count("noise"),
    };
    let raw = detection(counts, DetectionRates::Raw).unwrap();
    let log_linear = detection(counts, DetectionRates::LogLinear).unwrap();
    // Quantiles of the normal distribution.
    reference.check(&["d_prime_counts_raw"], raw.d_prime.value(), Within::Closed);
    reference.check(&["d_prime_counts_loglinear"], log_linear.d_prime.value(), Within::Closed);
    reference.check(&["criterion_counts_raw"], raw.criterion.value(), Within::Closed);

    let over_n = (a.len() - 1) as f64 / a.len() as f64;
    reference.check(&["variance", "a_ddof1"], variance(&a).unwrap(), Within::Closed);
    reference.check(&["variance", "b_ddof1"], variance(&b).unwrap(), Within::Closed);
    reference.check(&["variance", "a_ddof0"], variance(&a).unwrap() * over_n, Within::Closed);
}
