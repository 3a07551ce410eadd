//! The likelihood of a mixed model written down as it is defined, with the whole covariance matrix.

use faer::linalg::solvers::Solve;
use faer::{Mat, Side};
use isinglass_stats::{Likelihood, MixedFit};

/// Columns of a model with a random intercept, or a random slope on `slope` as well.
pub struct Dense<'a> {
    pub y: &'a [f64],
    pub columns: Vec<Vec<f64>>,
    pub groups: &'a [u64],
    pub slope: Option<&'a [f64]>,
    pub likelihood: Likelihood,
}

impl Dense<'_> {
    /// ln L with the coefficients at their best for these variances.
    fn log_likelihood(&self, random: &[f64], residual: f64) -> f64 {
        let (n, p) = (self.y.len(), self.columns.len());
        let z = |row: usize| [1.0, self.slope.map_or(0.0, |slope| slope[row])];
        let random = |i: usize, j: usize| {
            if random.len() == 1 { random[0] * f64::from(u8::from(i + j == 0)) } else { random[2 * i + j] }
        };
        let v = Mat::from_fn(n, n, |a, b| {
            let shared: f64 = (0..2).map(|i| (0..2).map(|j| z(a)[i] * random(i, j) * z(b)[j]).sum::<f64>()).sum();
            f64::from(u8::from(self.groups[a] == self.groups[b])) * shared + if a == b { residual } else { 0.0 }
        });
        let ln_det = |l: faer::MatRef<'_, f64>| (0..l.ncols()).map(|i| 2.0 * l[(i, i)].ln()).sum::<f64>();
        let v = v.llt(Side::Lower).unwrap();
        let x = Mat::from_fn(n, p, |i, j| self.columns[j][i]);
        let y = Mat::from_fn(n, 1, |i, _| self.y[i]);
        let information = (x.transpose() * v.solve(&x)).llt(Side::Lower).unwrap();
        let beta = information.solve(x.transpose() * v.solve(&y));
        let left = &y - &x * &beta;
        let quadratic = (left.transpose() * v.solve(&left))[(0, 0)];
        let (m, more) = match self.likelihood {
            Likelihood::Ml => (n, 0.0),
            Likelihood::Reml => (n - p, ln_det(information.L())),
        };
        -0.5 * (m as f64 * std::f64::consts::TAU.ln() + ln_det(v.L()) + more + quadratic)
    }

    /// The fit has the likelihood it says, and no variance nearby has a greater one.
    pub fn assert_greatest(&self, fit: &MixedFit) {
        let at = |random: &[f64], residual: f64| self.log_likelihood(random, residual);
        let best = at(&fit.random_covariance, fit.residual_variance);
        assert!((best - fit.log_likelihood).abs() <= 1e-10 * best.abs(), "{best} is {}", fit.log_likelihood);
        let width = 1e-3;
        let flat = |above: f64, below: f64, what: &str| {
            // The slope in units of ln L for a change by the whole, and the curvature.
            let (slope, curvature) = ((above - below) / (2.0 * width), (above + below - 2.0 * best) / (width * width));
            assert!(curvature < 0.0, "{what}: curvature {curvature}");
            // Newton's step from here: how far the optimum is, relatively; differences err by the square of the width.
            assert!((slope / curvature).abs() < 1e-5, "{what}: {} away", slope / curvature);
        };
        let residual = |by: f64| at(&fit.random_covariance, fit.residual_variance * (1.0 + by));
        flat(residual(width), residual(-width), "residual variance");
        for i in 0..fit.random_covariance.len() {
            let changed = |by: f64| {
                let mut random = fit.random_covariance.clone();
                // A covariance counts on the scale of its two variances.
                let scale = if i == 1 || i == 2 { (random[0] * random[3]).sqrt() } else { random[i] };
                random[i] += by * scale;
                if i == 1 || i == 2 {
                    random[3 - i] = random[i];
                }
                at(&random, fit.residual_variance)
            };
            flat(changed(width), changed(-width), "random covariance");
        }
    }
}
