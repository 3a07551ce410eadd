//! Linear models.

use isinglass_stats::{Coefficient, Design, StandardErrors, line, ols, theil_sen};

use crate::reference::{Reference, Within};

/// The figures of one coefficient: how near it, its error and what comes of that, and its tail must come.
pub fn check_coefficient(reference: &Reference, path: &[&str], coefficient: &Coefficient, within: [Within; 3]) {
    let at = |key| [path, &[key]].concat();
    let [plain, error, tail] = within;
    reference.check(&at("coef"), coefficient.estimate.value(), plain);
    reference.check(&at("se"), coefficient.se, error);
    let statistic = if reference.keys(path).iter().any(|key| key == "t") { "t" } else { "z" };
    reference.check(&at(statistic), coefficient.statistic, error);
    reference.check(&at("p"), coefficient.estimate.p().unwrap().value(), tail);
    if reference.keys(path).iter().any(|key| key == "ci95") {
        let interval = coefficient.estimate.interval().unwrap();
        reference.check_all(&at("ci95"), &[interval.low(), interval.high()], tail);
    }
}

pub fn check(reference: &Reference) {
    let [turn, x2, y] = ["turn", "x2", "y"].map(|name| reference.floats(&[name]));
    let design = || Design::new().column("turn", &turn).unwrap();

    let one = ols(&design(), &y, StandardErrors::Classic).unwrap();
    let with_x2 = || design().column("x2", &x2).unwrap();
    let two = ols(&with_x2().product("turn", "x2").unwrap(), &y, StandardErrors::Classic).unwrap();
    let hc3 = ols(&with_x2(), &y, StandardErrors::Hc3).unwrap();
    for (name, fit) in [("y~turn", &one), ("y~turn*x2", &two), ("y~turn+x2 hc3", &hc3)] {
        for coefficient in &fit.coefficients {
            check_coefficient(
                reference,
                &[name, &coefficient.name],
                coefficient,
                [Within::Closed, Within::Closed, Within::Tail],
            );
        }
    }
    reference.check(&["y~turn*x2", "r2"], two.r2.value(), Within::Closed);
    let f = one.f.unwrap();
    for (name, got) in [
        ("r2", one.r2.value()),
        ("r2_adj", one.r2_adjusted),
        ("F", f.f),
        ("sigma2", one.sigma2),
        ("df_resid", one.df_resid as f64),
        ("loglik", one.log_likelihood),
        ("aic", one.aic),
        ("bic", one.bic),
    ] {
        reference.check(&["y~turn", name], got, Within::Closed);
    }
    reference.check(&["y~turn", "F_p"], f.p, Within::Tail);
    assert_eq!(one.r2.p().unwrap().value(), f.p);

    let slope = line(&turn, &y).unwrap().slope;
    reference.check(&["linregress", "slope"], slope.estimate.value(), Within::Closed);
    reference.check(&["linregress", "stderr"], slope.se, Within::Closed);
    reference.check(&["linregress", "p"], slope.estimate.p().unwrap().value(), Within::Tail);
    let median = theil_sen(&turn, &y).unwrap();
    reference.check(&["theil_sen", "slope"], median.slope.value(), Within::Closed);
    reference.check(&["theil_sen", "intercept"], median.intercept, Within::Closed);
}
