//! Tails, quantiles and special functions: those of this crate, and those of `statrs` that it computes them from.

use isinglass_stats::distribution::{beta_cdf, chi2_sf, f_sf, normal_quantile, normal_sf, t_quantile, t_sf};
use statrs::function::{erf, gamma};

use crate::reference::{Reference, Within};

pub fn check(reference: &Reference) {
    let [q, positive, probability] = ["q", "positive", "probability"].map(|name| reference.floats(&[name]));
    let each = |values: &[f64], f: &dyn Fn(f64) -> f64| values.iter().map(|&value| f(value)).collect::<Vec<_>>();
    let tail = |path: &[&str], values: Vec<f64>| reference.check_all(path, &values, Within::Tail);
    let closed = |path: &[&str], values: Vec<f64>| reference.check_all(path, &values, Within::Closed);

    tail(&["norm_cdf"], each(&q, &|q| normal_sf(-q)));
    tail(&["norm_sf"], each(&q, &normal_sf));
    tail(&["norm_ppf"], each(&probability, &normal_quantile));
    for name in reference.keys(&["t_cdf"]) {
        let df: f64 = name.parse().unwrap();
        tail(&["t_cdf", &name], each(&q, &|q| t_sf(-q, df)));
    }
    for name in reference.keys(&["t_ppf"]) {
        let df: f64 = name.parse().unwrap();
        tail(&["t_ppf", &name], each(&probability, &|p| t_quantile(p, df)));
    }
    for name in reference.keys(&["chi2_sf"]) {
        let df: f64 = name.parse().unwrap();
        tail(&["chi2_sf", &name], each(&positive, &|x| chi2_sf(x, df)));
    }
    for name in reference.keys(&["f_sf"]) {
        let (df1, df2) = name.split_once(',').unwrap();
        let (df1, df2): (f64, f64) = (df1.parse().unwrap(), df2.parse().unwrap());
        tail(&["f_sf", &name], each(&positive, &|x| f_sf(x, df1, df2)));
    }
    tail(&["betainc_2.5_0.7"], each(&probability, &|x| beta_cdf(x, 2.5, 0.7)));
    tail(&["gammainc_3"], each(&positive, &|x| gamma::gamma_lr(3.0, x)));
    closed(&["gammaln"], each(&positive, &gamma::ln_gamma));
    closed(&["digamma"], each(&positive, &gamma::digamma));
    closed(&["erf"], each(&q, &erf::erf));
}
