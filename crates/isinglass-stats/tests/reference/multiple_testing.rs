//! Adjusted p-values.

use isinglass_stats::{Correction, adjusted_p};

use crate::reference::{Reference, Within};

pub fn check(reference: &Reference) {
    let p = reference.floats(&["p"]);
    for (name, correction) in [
        ("fdr_bh", Correction::Bh),
        ("fdr_by", Correction::By),
        ("bonferroni", Correction::Bonferroni),
        ("holm", Correction::Holm),
        ("holm-sidak", Correction::HolmSidak),
        ("hommel", Correction::Hommel),
    ] {
        let adjusted = adjusted_p(&p, correction).unwrap();
        reference.check_all(&[name, "adjusted"], &adjusted, Within::Closed);
        let rejected: Vec<f64> = adjusted.iter().map(|&p| f64::from(u8::from(p <= 0.05))).collect();
        reference.check_all(&[name, "reject_at_0.05"], &rejected, Within::Closed);
    }
}
