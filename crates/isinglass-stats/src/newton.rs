//! Newton's method for a function of a few numbers with an exact gradient.

use faer::Mat;

use crate::StatsError;
use crate::decompose::eigen;

const MOST_ITERATIONS: usize = 200;

/// Steps of this size, relative to where they lead, are the last: the next would be their square.
const LAST_STEP: f64 = 1e-7;

/// A curvature below this share of the greatest is none.
const FLAT: f64 = 1e-9;

/// The value and the gradient of a function at one place.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) value: f64,
    pub(crate) gradient: Vec<f64>,
}

/// Where a function is least.
#[derive(Debug)]
pub(crate) struct Minimum {
    pub(crate) at: Vec<f64>,
    pub(crate) value: f64,
    pub(crate) iterations: usize,
}

impl Minimum {
    /// Lower, or as low and found on shorter ways.
    pub(crate) fn better_than(&self, other: &Self) -> bool {
        let rounding = 1e-10 * other.value.abs();
        let as_low = (self.value - other.value).abs() <= rounding;
        if as_low { self.iterations < other.iterations } else { self.value < other.value }
    }
}

/// The minimum near the best of the starts.
///
/// The second derivatives are differences of the gradient: their error slows the last steps by a factor of 1e-9 or so,
/// and moves the minimum not at all, since that is where the gradient is 0.
/// A place where `function` fails counts as infinitely high.
pub(crate) fn minimise(
    what: &'static str,
    starts: &[Vec<f64>],
    function: impl Fn(&[f64]) -> Result<Point, StatsError>,
) -> Result<Minimum, StatsError> {
    let not_converged = |iterations| StatsError::NotConverged { what, iterations };
    let evaluated = starts.iter().filter_map(|start| Some((start.clone(), function(start).ok()?)));
    let best = evaluated.min_by(|(_, a), (_, b)| a.value.total_cmp(&b.value));
    let (mut at, mut point) = best.ok_or_else(|| not_converged(0))?;
    for iteration in 1..=MOST_ITERATIONS {
        let hessian = hessian(&at, &function).map_err(|_| not_converged(iteration))?;
        let (curvatures, directions) = eigen(hessian.as_ref()).map_err(|_| not_converged(iteration))?;
        let greatest = (0..at.len()).map(|j| curvatures[j].abs()).fold(0.0, f64::max);
        let mut step = vec![0.0; at.len()];
        let mut saddle = false;
        for j in 0..at.len() {
            let slope: f64 = (0..at.len()).map(|i| directions[(i, j)] * point.gradient[i]).sum();
            // Downhill even where the function curves downwards.
            let mut along = -slope / curvatures[j].abs().max(FLAT * greatest);
            let size = at.iter().fold(0.1_f64, |max, v| max.max(v.abs()));
            if curvatures[j] < -FLAT * greatest && along.abs() < 0.01 * size {
                // On a ridge: off it, to either side.
                along = 0.01_f64.copysign(along) * size;
                saddle = true;
            }
            for (i, step) in step.iter_mut().enumerate() {
                *step += along * directions[(i, j)];
            }
        }
        let size = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
        let last = !saddle && size(&step) <= LAST_STEP * (1.0 + size(&at));
        if last && (0..at.len()).any(|j| curvatures[j] <= FLAT * greatest) {
            // Level in some direction: any value would do as well.
            return Err(StatsError::Singular { what });
        }
        let mut share = 1.0;
        loop {
            let next: Vec<f64> = at.iter().zip(&step).map(|(at, step)| at + share * step).collect();
            // Near the minimum, differences of the value are rounding.
            let allowed = point.value + 1e-11 * point.value.abs();
            match function(&next) {
                Ok(found) if last || found.value <= allowed => {
                    (at, point) = (next, found);
                    break;
                }
                _ if share < 1e-8 => return Err(not_converged(iteration)),
                _ => share /= 2.0,
            }
        }
        if last {
            return Ok(Minimum { at, value: point.value, iterations: iteration });
        }
    }
    Err(not_converged(MOST_ITERATIONS))
}

fn hessian(at: &[f64], function: impl Fn(&[f64]) -> Result<Point, StatsError>) -> Result<Mat<f64>, StatsError> {
    let mut columns = Vec::with_capacity(at.len());
    for j in 0..at.len() {
        let width = 1e-5 * at[j].abs().max(0.1);
        let gradient = |step: f64| {
            let mut near = at.to_vec();
            near[j] += step;
            function(&near).map(|point| point.gradient)
        };
        let (above, below) = (gradient(width)?, gradient(-width)?);
        columns.push(above.iter().zip(&below).map(|(a, b)| (a - b) / (2.0 * width)).collect::<Vec<f64>>());
    }
    Ok(Mat::from_fn(at.len(), at.len(), |i, j| f64::midpoint(columns[i][j], columns[j][i])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curved_valley_is_followed_to_its_end() {
        // Rosenbrock's: (1 - x)² + 100 (y - x²)².
        let found = minimise("the valley", &[vec![-1.2, 1.0], vec![5.0, 5.0]], |v| {
            let (x, y) = (v[0], v[1]);
            let off = y - x * x;
            Ok(Point {
                value: (1.0 - x).powi(2) + 100.0 * off * off,
                gradient: vec![-2.0 * (1.0 - x) - 400.0 * x * off, 200.0 * off],
            })
        });
        let at = found.unwrap().at;
        assert!((at[0] - 1.0).abs() < 1e-12 && (at[1] - 1.0).abs() < 1e-12, "{at:?}");
    }

    #[test]
    fn a_ridge_is_left_and_level_ground_or_no_end_refused() {
        // x⁴ - x² has a maximum at 0, where the gradient is 0 too.
        let found = minimise("the ridge", &[vec![0.0]], |v| {
            Ok(Point { value: v[0].powi(4) - v[0] * v[0], gradient: vec![4.0 * v[0].powi(3) - 2.0 * v[0]] })
        });
        assert!((found.unwrap().at[0].abs() - 0.5_f64.sqrt()).abs() < 1e-12);
        let level = minimise("the plain", &[vec![3.0, 1.0]], |v| {
            Ok(Point { value: v[0] * v[0], gradient: vec![2.0 * v[0], 0.0] })
        });
        assert!(matches!(level, Err(StatsError::Singular { what: "the plain" })));
        let endless =
            minimise("the slope", &[vec![0.0]], |v| Ok(Point { value: (-v[0]).exp(), gradient: vec![-(-v[0]).exp()] }));
        assert!(endless.is_err(), "{endless:?}");
    }
}
