//! Mixed models, against an optimiser that stops early.

use isinglass_stats::{Design, Likelihood, RandomEffects, mixed_model};

use crate::dense::Dense;
use crate::ols::check_coefficient;
use crate::reference::{Reference, Within};

/// statsmodels stops short of the optimum: with random slopes by up to 4e-3 in ln L, 2 % in standard errors and 14 % in
/// covariances (seed 602).
/// Ours must be at the optimum by the definition of the likelihood; the reference may then be as far from it as its own
/// likelihood says, which falls by Δ at √(2Δ) standard errors.
pub fn check(reference: &Reference) {
    let [turn, cond, y] = ["turn", "cond", "y"].map(|name| reference.floats(&[name]));
    let groups: Vec<u64> = reference.floats(&["group"]).into_iter().map(|group| group as u64).collect();
    let design = Design::new().column("turn", &turn).unwrap().column("cond", &cond).unwrap();
    let design = design.product("turn", "cond").unwrap();
    let product = turn.iter().zip(&cond).map(|(turn, cond)| turn * cond).collect();
    let columns = vec![vec![1.0; y.len()], turn.clone(), cond, product];
    for (name, random, likelihood) in [
        ("random_intercept_reml", RandomEffects::Intercept, Likelihood::Reml),
        ("random_intercept_ml", RandomEffects::Intercept, Likelihood::Ml),
        ("random_slope_reml", RandomEffects::InterceptAndSlope("turn"), Likelihood::Reml),
    ] {
        let fit = mixed_model(&design, &y, &groups, random, likelihood).unwrap();
        let slope = (random != RandomEffects::Intercept).then_some(&turn[..]);
        let dense = Dense { y: &y, columns: columns.clone(), groups: &groups, slope, likelihood };
        if !fit.at_the_edge {
            dense.assert_greatest(&fit);
        }

        let theirs = reference.expected(&[name, "loglik"]).as_f64().unwrap();
        let gap = fit.log_likelihood - theirs;
        assert!(gap >= -1e-10 * theirs.abs(), "{name}: the reference found {theirs}, above {}", fit.log_likelihood);
        // Ours is an error if not converged.
        let converged = reference.expected(&[name, "converged"]) == true;
        reference.check(&[name, "loglik"], fit.log_likelihood, Within::Relative(if converged { 1e-4 } else { 1e-2 }));
        let near = 1e-6 + 2.0 * (2.0 * gap.max(0.0)).sqrt();
        for coefficient in &fit.coefficients {
            // A tail falls by z² times what its standard error rises by.
            let tail = near * (1.0 + coefficient.statistic.powi(2));
            let within = [Within::Optimum, Within::Relative(near), Within::Relative(tail)];
            check_coefficient(reference, &[name, "fixed", &coefficient.name], coefficient, within);
        }
        reference.check_all(&[name, "random_covariance"], &fit.random_covariance, Within::Relative(near));
        reference.check(&[name, "residual_variance"], fit.residual_variance, Within::Relative(near));
    }
}
