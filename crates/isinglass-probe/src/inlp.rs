//! Iterative null-space projection.

use faer::{Mat, MatRef};

use crate::erase::{Eraser, Erasure};
use crate::error::FitError;
use crate::fold::{Fold, Scaling, scores};
use crate::logistic::{Logistic, all_present};
use crate::probe::{LinearProbe, n_scores, of_labellings, predicted};

/// Takes a concept out of rows by removing the direction of a probe, then that of the next probe on what is left, and so on
/// (iterative null-space projection; Ravfogel et al., "Null it out", 2020).
///
/// Each round fits a logistic probe and projects its weights out, all rounds orthogonally; it ends early if a probe tells no
/// more rows right than the greatest class has.
/// How many rounds are enough it does not know: in the rows it is fitted to, chance alone gives a probe something to find in
/// every round, so ask an [`Erased`](crate::Erased) probe what is left out of fold.
///
/// It removes more than it must: each direction goes with whatever else lies along it, where [`Leace`](crate::Leace) takes
/// as few dimensions as there are classes less one.
/// [`Erasure::rank`] says how many went.
///
/// ```
/// use isinglass_probe::{Eraser, Features, Inlp, Labels};
///
/// let values = (0..40).flat_map(|i| [4.0 * f64::from(i % 2) + f64::from(i % 7), f64::from(i % 5)]).collect();
/// let rows = Features::new("rows", 2, values)?;
/// let labels = Labels::of_independent_rows((0..40).map(|i| i % 2).collect())?;
/// assert_eq!(Inlp::new(1, 1.0).fit(&rows, &labels)?.rank(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Inlp {
    c: f64,
    rounds: usize,
}

/// What is left of a direction, in shares of its length, when it lies in those removed before.
const NOTHING_NEW: f64 = 1e-8;

impl Inlp {
    /// With at most this many rounds, of logistic probes of this `C`.
    pub const fn new(rounds: usize, c: f64) -> Self {
        Self { c, rounds }
    }
}

impl Eraser for Inlp {
    fn name(&self) -> String {
        format!("null-space projection, at most {1} rounds, C = {0}", self.c, self.rounds)
    }

    fn fit_matrix(&self, rows: MatRef<'_, f64>, concept: &[usize], n_classes: usize) -> Result<Erasure, FitError> {
        all_present(concept, n_classes)?;
        if self.rounds == 0 {
            return Err(FitError::BadSetting { what: "rounds", value: 0.0, range: "at least 1" });
        }
        let (n, width) = (rows.nrows(), rows.ncols());
        let greatest = (0..n_classes).map(|class| concept.iter().filter(|&&c| c == class).count()).max();
        let mut removed: Vec<Vec<f64>> = Vec::new();
        let erasure = |removed: &[Vec<f64>]| {
            let put = Mat::from_fn(width, removed.len(), |i, j| removed[j][i]);
            let take = put.transpose().to_owned();
            Erasure::new(put, take, vec![0.0; width])
        };
        for _ in 0..self.rounds {
            let left = erasure(&removed).apply_matrix(rows);
            let fold = Fold::new(left.clone(), Mat::zeros(0, width), vec![0; n], Scaling::Standardised);
            let (mut weights, mut intercepts) = Logistic::l2(self.c).weigh(&fold, concept, n_classes)?;
            fold.unscaled(&mut weights, &mut intercepts);
            let scores = scores(left.as_ref(), weights.as_ref(), &intercepts);
            let scored = of_labellings(&scores, n_classes).swap_remove(0);
            let given = scored.chunks(n_scores(n_classes)).map(predicted);
            let right = given.zip(concept).filter(|(given, class)| given == *class).count();
            if Some(right) <= greatest {
                break;
            }
            let before = removed.len();
            for j in 0..weights.ncols() {
                let mut direction = weights.col_as_slice(j).to_vec();
                let length = norm(&direction);
                // Twice: once leaves what rounding put back.
                for _ in 0..2 {
                    for known in &removed {
                        let along: f64 = known.iter().zip(&direction).map(|(k, d)| k * d).sum();
                        direction.iter_mut().zip(known).for_each(|(d, k)| *d -= along * k);
                    }
                }
                let new = norm(&direction);
                if new > NOTHING_NEW * length {
                    removed.push(direction.iter().map(|d| d / new).collect());
                }
            }
            if removed.len() == before {
                break;
            }
        }
        Ok(erasure(&removed))
    }
}

fn norm(vector: &[f64]) -> f64 {
    vector.iter().map(|v| v * v).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_removed_is_orthonormal_and_gone() {
        let rows = Mat::from_fn(60, 4, |i, j| {
            ((i * 37 + j * 11 + i * i * (j + 2)) % 29) as f64 / 9.0 + if j < 2 { 3.0 * (i % 2) as f64 } else { 0.0 }
        });
        let concept: Vec<usize> = (0..60).map(|i| i % 2).collect();
        let erasure = Inlp::new(2, 1.0).fit_matrix(rows.as_ref(), &concept, 2).unwrap();
        assert_eq!(erasure.rank(), 2);
        let once = erasure.apply_matrix(rows.as_ref());
        let twice = erasure.apply_matrix(once.as_ref());
        assert!((0..60).all(|i| (0..4).all(|j| (once[(i, j)] - twice[(i, j)]).abs() < 1e-10)));
        // Nothing is left of the removed dimensions.
        let spread = crate::algebra::gram(once.transpose());
        let (values, _) = crate::algebra::eigen(spread.as_ref());
        assert!(values[..erasure.rank()].iter().all(|v| v.abs() < 1e-8) && values[erasure.rank()] > 1.0);
    }

    /// What rounding leaves of rows that are all removed must not be scaled up to rows again.
    #[test]
    fn rounds_end_when_nothing_is_left() {
        let rows = Mat::from_fn(40, 3, |i, j| ((i * 37 + j * 11 + i * i * (j + 2)) % 29) as f64 / 9.0);
        let concept: Vec<usize> = (0..40).map(|i| usize::from(i % 7 > 2)).collect();
        let erasure = Inlp::new(50, 100.0).fit_matrix(rows.as_ref(), &concept, 2).unwrap();
        assert!(erasure.rank() <= 3);
        let (sin, cos) = 0.7_f64.sin_cos();
        let turn = Mat::from_fn(2, 2, |i, j| [[cos, -sin], [sin, cos]][i][j]);
        let left =
            Erasure::new(turn.clone(), turn.transpose().to_owned(), vec![0.0; 2]).apply_matrix(rows.subcols(0, 2));
        assert!(left.col_iter().all(|column| column.iter().all(|v| v.abs() < f64::MIN_POSITIVE)));
    }

    #[test]
    fn no_rounds_are_refused() {
        let rows = Mat::from_fn(2, 1, |i, _| i as f64);
        let none = Inlp::new(0, 1.0).fit_matrix(rows.as_ref(), &[0, 1], 2);
        assert!(matches!(none, Err(FitError::BadSetting { what: "rounds", .. })));
    }
}
