//! The likelihood of a mixed model as a function of its random effects alone.

use std::collections::BTreeMap;

use faer::linalg::solvers::Solve;
use faer::{Mat, Side};

use crate::StatsError;
use crate::mixed::NAME;
use crate::newton::Point;

/// The products of one group's rows: random columns `Z`, orthonormal fixed columns `U`, and what is left of the
/// outcome.
pub(crate) struct Group {
    pub(crate) n: usize,
    z_z: Mat<f64>,
    z_u: Mat<f64>,
    z_y: Mat<f64>,
}

impl Group {
    /// One for each group, from the `(z, u, y)` of each row.
    pub(crate) fn collect(groups: &[u64], row: impl Fn(usize) -> (Vec<f64>, Vec<f64>, f64)) -> Vec<Self> {
        let mut found: BTreeMap<u64, Self> = BTreeMap::new();
        for (i, &group) in groups.iter().enumerate() {
            let (z, u, y) = row(i);
            let (q, p) = (z.len(), u.len());
            let group = found.entry(group).or_insert_with(|| Self {
                n: 0,
                z_z: Mat::zeros(q, q),
                z_u: Mat::zeros(q, p),
                z_y: Mat::zeros(q, 1),
            });
            group.n += 1;
            group.z_z += Mat::from_fn(q, q, |a, b| z[a] * z[b]);
            group.z_u += Mat::from_fn(q, p, |a, b| z[a] * u[b]);
            group.z_y += Mat::from_fn(q, 1, |a, _| z[a] * y);
        }
        found.into_values().collect()
    }
}

/// -2 times the logarithm of the likelihood, with the coefficients and the residual variance at their best for given
/// random effects, less what does not depend on those.
pub(crate) struct Profile<'a> {
    groups: &'a [Group],
    y_y: f64,
    /// Rows, less columns under restricted likelihood.
    m: f64,
    reml: bool,
}

/// What goes with one value of the random effects.
pub(crate) struct At {
    pub(crate) sigma2: f64,
    /// What the random effects change of the coordinates of the coefficients.
    pub(crate) shift: Vec<f64>,
    /// `(U'V⁻¹U)⁻¹` in units of σ².
    pub(crate) inverse_information: Mat<f64>,
    point: Point,
}

impl<'a> Profile<'a> {
    pub(crate) fn new(groups: &'a [Group], y_y: f64, n: usize, reml: bool) -> Self {
        let n_fixed = groups[0].z_u.ncols();
        Self { groups, y_y, m: (if reml { n - n_fixed } else { n }) as f64, reml }
    }

    fn n_random(&self) -> usize {
        self.groups[0].z_z.ncols()
    }

    /// The random effects of all groups independent, with this standard deviation in units of σ.
    pub(crate) fn diagonal_start(&self, scale: f64) -> Vec<f64> {
        let lower = lower(self.n_random());
        lower.iter().map(|(i, j)| if i == j { scale } else { 0.0 }).collect()
    }

    /// The lower triangle whose product with its transpose is the covariance in units of σ².
    pub(crate) fn lambda(&self, theta: &[f64]) -> Mat<f64> {
        let q = self.n_random();
        let mut lambda = Mat::zeros(q, q);
        for (&(i, j), &value) in lower(q).iter().zip(theta) {
            lambda[(i, j)] = value;
        }
        lambda
    }

    /// What was left out of the deviance: `m (ln 2π/m + 1)`.
    pub(crate) fn constant(&self) -> f64 {
        self.m * ((std::f64::consts::TAU / self.m).ln() + 1.0)
    }

    pub(crate) fn deviance(&self, theta: &[f64]) -> Result<Point, StatsError> {
        Ok(self.at(theta)?.point)
    }

    /// With `M = I + Λ'Z'ZΛ` of each group, `V⁻¹ = I - Z Λ M⁻¹ Λ' Z'` (Woodbury), which needs no inverse of `Λ`.
    pub(crate) fn at(&self, theta: &[f64]) -> Result<At, StatsError> {
        let failed = || StatsError::NotConverged { what: NAME, iterations: 0 };
        let (q, p) = (self.n_random(), self.groups[0].z_u.ncols());
        let lambda = self.lambda(theta);
        let identity = Mat::<f64>::identity(q, q);
        let mut ln_det = 0.0;
        let mut information = Mat::<f64>::identity(p, p);
        let mut u_v_y = Mat::<f64>::zeros(p, 1);
        let mut y_v_y = self.y_y;
        // I - Z'Z Λ M⁻¹ Λ', which takes Z'x to Z'V⁻¹x.
        let mut shrinks = Vec::with_capacity(self.groups.len());
        for group in self.groups {
            let m = &identity + lambda.transpose() * &group.z_z * &lambda;
            let llt = m.llt(Side::Lower).map_err(|_| failed())?;
            ln_det += (0..q).map(|i| 2.0 * llt.L()[(i, i)].ln()).sum::<f64>();
            let inner = &lambda * llt.solve(lambda.transpose());
            let shrink = &identity - &group.z_z * &inner;
            let taken = &inner * &group.z_u;
            information -= group.z_u.transpose() * &taken;
            u_v_y -= taken.transpose() * &group.z_y;
            y_v_y -= (group.z_y.transpose() * &inner * &group.z_y)[(0, 0)];
            shrinks.push(shrink);
        }
        let llt = information.llt(Side::Lower).map_err(|_| failed())?;
        let inverse_information = llt.solve(&Mat::<f64>::identity(p, p));
        let shift = llt.solve(&u_v_y);
        let left = y_v_y - (shift.transpose() * &u_v_y)[(0, 0)];
        if left <= 1e-12 * self.y_y || left.is_nan() {
            // Nothing but rounding is left within groups.
            return Err(failed());
        }
        let mut value = ln_det + self.m * left.ln();
        if self.reml {
            value += (0..p).map(|i| 2.0 * llt.L()[(i, i)].ln()).sum::<f64>();
        }

        // The derivative with respect to the covariance in units of σ²; that of the coefficients is 0 at their best.
        let mut by_covariance = Mat::<f64>::zeros(q, q);
        for (group, shrink) in self.groups.iter().zip(&shrinks) {
            by_covariance += shrink * &group.z_z;
            let z_v_u = shrink * &group.z_u;
            let z_v_r = shrink * &group.z_y - &z_v_u * &shift;
            by_covariance -= &z_v_r * z_v_r.transpose() * faer::Scale(self.m / left);
            if self.reml {
                by_covariance -= &z_v_u * &inverse_information * z_v_u.transpose();
            }
        }
        let by_lambda = by_covariance * &lambda;
        let gradient = lower(q).iter().map(|&at| 2.0 * by_lambda[at]).collect();
        Ok(At {
            sigma2: left / self.m,
            shift: (0..p).map(|i| shift[(i, 0)]).collect(),
            inverse_information,
            point: Point { value, gradient },
        })
    }
}

/// The places of a lower triangle.
fn lower(q: usize) -> Vec<(usize, usize)> {
    (0..q).flat_map(|i| (0..=i).map(move |j| (i, j))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gradient is that of the value, by differences.
    #[test]
    fn the_gradient_is_the_slope_of_the_deviance() {
        let rows = [(0, 0.3, 1.0), (0, -0.2, 0.4), (0, 1.1, 2.0), (1, 0.5, -1.2), (1, -0.9, 0.3), (1, 0.1, -0.5)];
        let groups = rows.map(|(group, ..)| group);
        let collected = Group::collect(&groups, |i| (vec![1.0, rows[i].1], vec![6.0_f64.sqrt().recip()], rows[i].2));
        let y_y = rows.iter().map(|(.., y)| y * y).sum();
        for reml in [true, false] {
            let profile = Profile::new(&collected, y_y, rows.len(), reml);
            let theta = [0.7, 0.2, 0.4];
            let gradient = profile.deviance(&theta).unwrap().gradient;
            for (i, slope) in gradient.into_iter().enumerate() {
                let value = |step: f64| {
                    let mut theta = theta;
                    theta[i] += step;
                    profile.deviance(&theta).unwrap().value
                };
                let by_differences = (value(1e-5) - value(-1e-5)) / 2e-5;
                assert!((slope - by_differences).abs() < 1e-8, "{i}: {slope} {by_differences}");
            }
        }
    }
}
