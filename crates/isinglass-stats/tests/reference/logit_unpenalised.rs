//! Logistic regression without a penalty.

use isinglass_stats::{Design, logit};

use crate::ols::check_coefficient;
use crate::reference::{Reference, Within};

pub fn check(reference: &Reference) {
    let design = Design::new().column("turn", &reference.floats(&["turn"])).unwrap();
    let design = design.column("cond", &reference.floats(&["cond"])).unwrap();
    let fit = logit(&design, &reference.labels(&["b"])).unwrap();
    for coefficient in &fit.coefficients {
        check_coefficient(reference, &[&coefficient.name], coefficient, [Within::Optimum; 3]);
    }
    reference.check(&["loglik"], fit.log_likelihood, Within::Closed);
    reference.check(&["pseudo_r2"], fit.pseudo_r2.value(), Within::Optimum);
}
