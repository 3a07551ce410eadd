//! The likelihood of a mixed model as a function of its random effects alone.

use std::collections::BTreeMap;

use faer::Mat;

use crate::StatsError;
use crate::decompose::{Cholesky, product};
use crate::mixed::NAME;
use crate::newton::Point;

/// A matrix over level and slope.
pub(crate) type Two = [[f64; 2]; 2];

/// The products of one group's rows: random columns `Z`, orthonormal fixed columns `U`, and what is left of the
/// outcome.
/// Without a random slope, the second column of `Z` is 0.
pub(crate) struct Group {
    pub(crate) n: usize,
    z_z: Two,
    z_u: Vec<[f64; 2]>,
    z_y: [f64; 2],
}

impl Group {
    /// One for each group, from the `(z, u, y)` of each row.
    pub(crate) fn collect(groups: &[u64], row: impl Fn(usize) -> ([f64; 2], Vec<f64>, f64)) -> Vec<Self> {
        let mut found: BTreeMap<u64, Self> = BTreeMap::new();
        for (i, &group) in groups.iter().enumerate() {
            let (z, u, y) = row(i);
            let empty = || Self { n: 0, z_z: [[0.0; 2]; 2], z_u: vec![[0.0; 2]; u.len()], z_y: [0.0; 2] };
            let group = found.entry(group).or_insert_with(empty);
            group.n += 1;
            add(&mut group.z_z, z, z, 1.0);
            for (z_u, u) in group.z_u.iter_mut().zip(&u) {
                *z_u = [z_u[0] + z[0] * u, z_u[1] + z[1] * u];
            }
            group.z_y = [group.z_y[0] + z[0] * y, group.z_y[1] + z[1] * y];
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
    /// Where in `Λ` the parameters stand.
    places: &'static [(usize, usize)],
}

/// A level without a slope.
pub(crate) const LEVEL_ALONE: [&[(usize, usize)]; 1] = [&[(0, 0)]];

/// A triangle that starts with the level, and one that starts with the slope.
///
/// Either gives every covariance, but if the variance it starts with is 0 then many triangles give the same one, and the
/// likelihood is level between them.
pub(crate) const LEVEL_AND_SLOPE: [&[(usize, usize)]; 2] = [&[(0, 0), (1, 0), (1, 1)], &[(1, 1), (0, 1), (0, 0)]];

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
    pub(crate) fn new(groups: &'a [Group], y_y: f64, n: usize, reml: bool, places: &'static [(usize, usize)]) -> Self {
        let n_fixed = groups[0].z_u.len();
        Self { groups, y_y, m: (if reml { n - n_fixed } else { n }) as f64, reml, places }
    }

    /// The random effects of all groups independent, with this standard deviation in units of σ.
    pub(crate) fn diagonal_start(&self, scale: f64) -> Vec<f64> {
        self.places.iter().map(|(i, j)| if i == j { scale } else { 0.0 }).collect()
    }

    /// The triangle whose product with its transpose is the covariance in units of σ².
    pub(crate) fn lambda(&self, theta: &[f64]) -> Two {
        let mut lambda = [[0.0; 2]; 2];
        for (&(i, j), &value) in self.places.iter().zip(theta) {
            lambda[i][j] = value;
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
        let p = self.groups[0].z_u.len();
        let lambda = self.lambda(theta);
        let mut ln_det = 0.0;
        let mut information = Mat::<f64>::identity(p, p);
        let mut u_v_y = Mat::<f64>::zeros(p, 1);
        let mut y_v_y = self.y_y;
        // I - Z'Z Λ M⁻¹ Λ', which takes Z'x to Z'V⁻¹x.
        let mut shrinks = Vec::with_capacity(self.groups.len());
        for group in self.groups {
            let product = multiply(transposed(lambda), multiply(group.z_z, lambda));
            let m = [[1.0 + product[0][0], product[0][1]], [product[1][0], 1.0 + product[1][1]]];
            let det = m[0][0] * m[1][1] - m[0][1] * m[1][0];
            ln_det += det.ln();
            let inverse = [[m[1][1] / det, -m[0][1] / det], [-m[1][0] / det, m[0][0] / det]];
            let inner = multiply(lambda, multiply(inverse, transposed(lambda)));
            let taken: Vec<[f64; 2]> = group.z_u.iter().map(|&z_u| apply(inner, z_u)).collect();
            for (j, &taken) in taken.iter().enumerate() {
                for (i, &z_u) in group.z_u.iter().enumerate() {
                    information[(i, j)] -= dot(z_u, taken);
                }
                u_v_y[(j, 0)] -= dot(taken, group.z_y);
            }
            y_v_y -= dot(group.z_y, apply(inner, group.z_y));
            let shrink = multiply(group.z_z, inner);
            shrinks.push([[1.0 - shrink[0][0], -shrink[0][1]], [-shrink[1][0], 1.0 - shrink[1][1]]]);
        }
        let information = Cholesky::new(information).ok_or_else(failed)?;
        let inverse_information = information.solve(Mat::identity(p, p));
        let shift = information.solve(u_v_y.clone());
        let left = y_v_y - product(shift.transpose(), u_v_y.as_ref())[(0, 0)];
        if left <= 1e-12 * self.y_y || left.is_nan() {
            // Nothing but rounding is left within groups.
            return Err(failed());
        }
        let mut value = ln_det + self.m * left.ln();
        if self.reml {
            value += information.ln_det();
        }

        // The derivative with respect to the covariance in units of σ²; that of the coefficients is 0 at their best.
        let mut by_covariance = [[0.0; 2]; 2];
        for (group, &shrink) in self.groups.iter().zip(&shrinks) {
            let z_v_z = multiply(shrink, group.z_z);
            let z_v_u: Vec<[f64; 2]> = group.z_u.iter().map(|&z_u| apply(shrink, z_u)).collect();
            let mut z_v_r = apply(shrink, group.z_y);
            for (j, z_v_u) in z_v_u.iter().enumerate() {
                z_v_r = [z_v_r[0] - z_v_u[0] * shift[(j, 0)], z_v_r[1] - z_v_u[1] * shift[(j, 0)]];
            }
            add(&mut by_covariance, [1.0, 0.0], z_v_z[0], 1.0);
            add(&mut by_covariance, [0.0, 1.0], z_v_z[1], 1.0);
            add(&mut by_covariance, z_v_r, z_v_r, -self.m / left);
            if self.reml {
                for (j, &b) in z_v_u.iter().enumerate() {
                    for (i, &a) in z_v_u.iter().enumerate() {
                        add(&mut by_covariance, a, b, -inverse_information[(i, j)]);
                    }
                }
            }
        }
        let by_lambda = multiply(by_covariance, lambda);
        let gradient = self.places.iter().map(|&(i, j)| 2.0 * by_lambda[i][j]).collect();
        Ok(At {
            sigma2: left / self.m,
            shift: (0..p).map(|i| shift[(i, 0)]).collect(),
            inverse_information,
            point: Point { value, gradient },
        })
    }
}

pub(crate) fn multiply(a: Two, b: Two) -> Two {
    let columns = transposed(b).map(|column| apply(a, column));
    transposed(columns)
}

pub(crate) fn transposed(a: Two) -> Two {
    [[a[0][0], a[1][0]], [a[0][1], a[1][1]]]
}

fn apply(a: Two, v: [f64; 2]) -> [f64; 2] {
    [dot(a[0], v), dot(a[1], v)]
}

fn dot(a: [f64; 2], b: [f64; 2]) -> f64 {
    a[0] * b[0] + a[1] * b[1]
}

/// Adds `weight · a b'`.
fn add(matrix: &mut Two, a: [f64; 2], b: [f64; 2], weight: f64) {
    for (row, a) in matrix.iter_mut().zip(a) {
        *row = [row[0] + weight * a * b[0], row[1] + weight * a * b[1]];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gradient is that of the value, by differences.
    #[test]
    fn the_gradient_is_the_slope_of_the_deviance() {
        let rows = [(0, 0.3, 1.0), (0, -0.2, 0.4), (0, 1.1, 2.0), (1, 0.5, -1.2), (1, -0.9, 0.3), (1, 0.1, -0.5)];
        let groups = rows.map(|(group, ..)| group);
        let collected = Group::collect(&groups, |i| ([1.0, rows[i].1], vec![6.0_f64.sqrt().recip()], rows[i].2));
        let y_y = rows.iter().map(|(.., y)| y * y).sum();
        for (reml, places) in [true, false].into_iter().flat_map(|reml| LEVEL_AND_SLOPE.map(|places| (reml, places))) {
            let profile = Profile::new(&collected, y_y, rows.len(), reml, places);
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
