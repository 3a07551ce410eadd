use isinglass_stats::{Design, Likelihood, RandomEffects, mixed_model};

use crate::ols::check_coefficient;
use crate::reference::{Reference, Within};

/// How near statsmodels comes to the optimum: its optimiser stops early, ours where the gradient is zero to rounding.
/// The log-likelihood is flat there, and so are its coefficients, but variances are not.
pub fn check(reference: &Reference) {
    let [turn, cond, y] = ["turn", "cond", "y"].map(|name| reference.floats(&[name]));
    let groups: Vec<u64> = reference.floats(&["group"]).into_iter().map(|group| group as u64).collect();
    let design = Design::new().column("turn", &turn).unwrap().column("cond", &cond).unwrap();
    let design = design.product("turn", "cond").unwrap();
    let slope = RandomEffects::InterceptAndSlope("turn");
    for (name, random, likelihood) in [
        ("random_intercept_reml", RandomEffects::Intercept, Likelihood::Reml),
        ("random_intercept_ml", RandomEffects::Intercept, Likelihood::Ml),
        ("random_slope_reml", slope, Likelihood::Reml),
    ] {
        // An error would be what the reference calls not converged.
        let fit = mixed_model(&design, &y, &groups, random, likelihood).unwrap();
        assert_eq!(reference.expected(&[name, "converged"]), true);
        for coefficient in &fit.coefficients {
            let path = [name, "fixed", &coefficient.name];
            check_coefficient(reference, &path, coefficient, [Within::Optimum, Within::Optimum]);
        }
        reference.check_all(&[name, "random_covariance"], &fit.random_covariance, Within::Optimum);
        reference.check(&[name, "residual_variance"], fit.residual_variance, Within::Optimum);
        reference.check(&[name, "loglik"], fit.log_likelihood, Within::Closed);
    }
}
