//! A smooth function's minimum by its gradients.

use std::collections::VecDeque;

/// The limited-memory method of Broyden, Fletcher, Goldfarb and Shanno (Nocedal and Wright, "Numerical optimization",
/// algorithm 7.5), with steps that satisfy the weak Wolfe conditions, found by bisection (Lewis and Overton, "Nonsmooth
/// optimization via quasi-Newton methods", 2013).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lbfgs {
    /// Length of the gradient at which it is done.
    pub(crate) tolerance: f64,
    pub(crate) max_steps: usize,
}

/// Where it stopped.
#[derive(Debug)]
pub(crate) struct Minimum {
    pub(crate) at: Vec<f64>,
    pub(crate) value: f64,
    pub(crate) converged: bool,
}

/// Steps that are remembered.
const MEMORY: usize = 10;

/// Lengths of one step that are tried.
const TRIALS: usize = 50;

/// Shares of the slope that a step must gain, and may keep.
const WOLFE: (f64, f64) = (1e-4, 0.9);

/// By how much, in shares of it, a value may rise by rounding alone.
const ROUNDING: f64 = 1e-14;

/// A step, the change of the gradient over it, and their product.
type Remembered = (Vec<f64>, Vec<f64>, f64);

impl Lbfgs {
    /// The minimum that lies below `start`, of a function that gives its value and its gradient.
    pub(crate) fn minimise(self, start: Vec<f64>, function: impl Fn(&[f64]) -> (f64, Vec<f64>)) -> Minimum {
        let (mut value, mut gradient) = function(&start);
        let mut at = start;
        let mut memory: VecDeque<Remembered> = VecDeque::new();
        for _ in 0..self.max_steps {
            let length = dot(&gradient, &gradient).sqrt();
            if length <= self.tolerance {
                return Minimum { at, value, converged: true };
            }
            let mut direction = descent(&gradient, &memory);
            let mut slope = dot(&direction, &gradient);
            if slope >= 0.0 {
                // Rounding has spoilt what was remembered.
                memory.clear();
                direction = gradient.iter().map(|g| -g).collect();
                slope = -length * length;
            }
            let first = if memory.is_empty() { 1.0 / length.max(1.0) } else { 1.0 };
            let (mut step, mut low, mut high) = (first, 0.0, f64::INFINITY);
            let mut found = None;
            for _ in 0..TRIALS {
                let to: Vec<f64> = at.iter().zip(&direction).map(|(x, d)| x + step * d).collect();
                let (reached, there) = function(&to);
                if reached > value + WOLFE.0 * step * slope + ROUNDING * value.abs() {
                    high = step;
                } else if dot(&direction, &there) < WOLFE.1 * slope {
                    low = step;
                } else {
                    found = Some((to, reached, there));
                    break;
                }
                step = if high.is_finite() { f64::midpoint(low, high) } else { 2.0 * step };
            }
            let Some((to, reached, there)) = found else { break };
            let moved: Vec<f64> = to.iter().zip(&at).map(|(to, from)| to - from).collect();
            let turned: Vec<f64> = there.iter().zip(&gradient).map(|(to, from)| to - from).collect();
            let curvature = dot(&moved, &turned);
            if curvature > 0.0 {
                memory.push_back((moved, turned, curvature));
                if memory.len() > MEMORY {
                    memory.pop_front();
                }
            }
            (at, value, gradient) = (to, reached, there);
        }
        Minimum { at, value, converged: false }
    }
}

/// The gradient times what is known of the inverse of the curvature, downwards.
fn descent(gradient: &[f64], memory: &VecDeque<Remembered>) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let add = |to: &mut [f64], by: f64, of: &[f64]| to.iter_mut().zip(of).for_each(|(to, of)| *to += by * of);
    let mut shares = Vec::new();
    for (moved, turned, curvature) in memory.iter().rev() {
        let share = dot(moved, &direction) / curvature;
        add(&mut direction, -share, turned);
        shares.push(share);
    }
    if let Some((_, turned, curvature)) = memory.back() {
        let scale = curvature / dot(turned, turned);
        for d in &mut direction {
            *d *= scale;
        }
    }
    for ((moved, turned, curvature), share) in memory.iter().zip(shares.into_iter().rev()) {
        let back = dot(turned, &direction) / curvature;
        add(&mut direction, share - back, moved);
    }
    direction
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIGHT: Lbfgs = Lbfgs { tolerance: 1e-9, max_steps: 500 };

    /// Rosenbrock's valley, whose minimum of 0 lies at (1, 1).
    #[test]
    fn it_follows_a_curved_valley() {
        let found = TIGHT.minimise(vec![-1.2, 1.0], |x| {
            let (a, b) = (1.0 - x[0], x[1] - x[0] * x[0]);
            (a * a + 100.0 * b * b, vec![-2.0 * a - 400.0 * x[0] * b, 200.0 * b])
        });
        assert!(found.converged && found.at.iter().all(|x| (x - 1.0).abs() < 1e-8), "{found:?}");
    }

    #[test]
    fn a_bowl_of_unequal_axes_is_found_and_a_slope_without_end_is_not() {
        let bowl = |x: &[f64]| {
            let of = |i: usize| 10_f64.powi(i as i32) * (x[i] - i as f64);
            ((0..5).map(|i| of(i) * (x[i] - i as f64)).sum::<f64>() / 2.0, (0..5).map(of).collect())
        };
        let found = TIGHT.minimise(vec![3.0; 5], bowl);
        assert!(found.converged && (0..5).all(|i| (found.at[i] - i as f64).abs() < 1e-8), "{found:?}");
        assert!(!TIGHT.minimise(vec![0.0], |x| (-x[0], vec![-1.0])).converged);
    }
}
