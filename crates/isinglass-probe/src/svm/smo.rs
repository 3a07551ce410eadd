//! The dual of a support vector machine, two coefficients at a time.
//!
//! Sequential minimal optimisation with the pair of second-order gain (Fan, Chen and Lin, "Working set selection using
//! second order information for training support vector machines", 2005), which LIBSVM and so scikit-learn have too.
//!
//! The crate `smartcore` has such a machine as well. It is not used here: it makes a fixed number of passes without saying
//! whether they were enough (20 passes over 200 rows that overlap left the second digit wrong), cuts rows that are wider
//! than there are rows, and takes some hundred times as long.

use faer::Mat;

/// What is maximised over `β`: `Σ y β − ½ β·K β`, where `Σ β = 0` and each `β` lies between 0 and `y c`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Smo {
    pub(crate) c: f64,
    /// By how much the optimality conditions may be violated, in units of the margin.
    pub(crate) tolerance: f64,
    pub(crate) max_steps: usize,
}

/// What stands for a curvature that is none.
const FLAT: f64 = 1e-12;

impl Smo {
    /// `β` and the intercept, `score = Σ_i β_i K(x, x_i) + b`; none if the steps do not suffice.
    ///
    /// `signs` are 1 and -1, both present, and `kernel` is that of the rows with each other.
    pub(crate) fn solve(self, kernel: &Mat<f64>, signs: &[f64]) -> Option<(Vec<f64>, f64)> {
        let least: Vec<f64> = signs.iter().map(|y| self.c * y.min(0.0)).collect();
        let most: Vec<f64> = signs.iter().map(|y| self.c * y.max(0.0)).collect();
        let mut beta = vec![0.0; signs.len()];
        // By how much each row's own score, without the intercept, falls short of its sign.
        let mut short = signs.to_vec();
        for _ in 0..self.max_steps {
            let up = (0..beta.len()).filter(|&t| beta[t] < most[t]).max_by(|&a, &b| short[a].total_cmp(&short[b]))?;
            let (of_up, highest) = (kernel.col_as_slice(up), short[up]);
            let (mut down, mut best, mut lowest) = (None, 0.0, f64::INFINITY);
            for t in (0..beta.len()).filter(|&t| beta[t] > least[t]) {
                lowest = f64::min(lowest, short[t]);
                let gap = highest - short[t];
                if gap > 0.0 {
                    let curvature = (of_up[up] + kernel[(t, t)] - 2.0 * of_up[t]).max(FLAT);
                    if gap * gap / curvature > best {
                        (down, best) = (Some((t, gap / curvature)), gap * gap / curvature);
                    }
                }
            }
            let Some((down, full)) = down.filter(|_| highest - lowest > self.tolerance) else {
                let b = self.intercept(&beta, &short, f64::midpoint(highest, lowest));
                return Some((beta, b));
            };
            let rooms = [most[up] - beta[up], beta[down] - least[down]];
            let step = full.min(rooms[0]).min(rooms[1]);
            // Exactly at the bound, or it would count as free for ever.
            beta[up] = if step < rooms[0] { beta[up] + step } else { most[up] };
            beta[down] = if step < rooms[1] { beta[down] - step } else { least[down] };
            let of_down = kernel.col_as_slice(down);
            short.iter_mut().zip(of_up).zip(of_down).for_each(|((short, up), down)| *short -= step * (up - down));
        }
        None
    }

    /// The mean over the rows that lie on the margin, as LIBSVM has it; midway between the bounds if none does.
    fn intercept(self, beta: &[f64], short: &[f64], midway: f64) -> f64 {
        let free: Vec<f64> = beta
            .iter()
            .zip(short)
            .filter(|(beta, _)| **beta != 0.0 && beta.abs() < self.c)
            .map(|(_, short)| *short)
            .collect();
        if free.is_empty() { midway } else { free.iter().sum::<f64>() / free.len() as f64 }
    }
}
