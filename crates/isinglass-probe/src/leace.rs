//! Least-squares concept erasure.

use faer::{Mat, MatRef};

use crate::algebra::{eigen, gram, product};
use crate::erase::{Eraser, Erasure};
use crate::error::FitError;
use crate::logistic::all_present;

/// Takes all that is linear of a concept out of rows and changes them as little as that allows (Belrose et al., "LEACE:
/// perfect linear concept erasure in closed form", 2023).
///
/// `r(x) = x − W⁺ P W (x − mean)`, where `W` is the pseudo-inverse root of the covariance of the rows and `P` projects on
/// the columns of `W Σ`, `Σ` the covariance of rows with classes.
/// Afterwards all classes have one mean, so no linear probe of these rows beats the share of the greatest class, and of all
/// affine maps that do so it moves rows least, in squares and in whatever metric.
///
/// It promises this for the rows that it is fitted to and for means alone: curved traces of the concept stay, and of new
/// rows, of which the means are not quite these, some linear ones.
/// Where rows are no more than columns, all of them can be told apart, and what it learns of the covariance is mostly chance.
///
/// ```
/// use isinglass_probe::{Eraser, Features, Labels, Leace};
///
/// let values = (0..40).flat_map(|i| [2.0 * f64::from(i % 2) + f64::from(i % 7), f64::from(i % 5)]).collect();
/// let rows = Features::new("rows", 2, values)?;
/// let labels = Labels::of_independent_rows((0..40).map(|i| i % 2).collect())?;
/// let without = Leace.fit(&rows, &labels)?.apply(&rows)?;
/// let mean = |class: usize| (0..40).filter(|i| i % 2 == class).map(|i| without.row(i)[0]).sum::<f64>() / 20.0;
/// assert!((mean(0) - mean(1)).abs() < 1e-12);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leace;

/// Variances below this share of the greatest are rounding.
const NO_VARIANCE: f64 = 1e-13;

/// Whitened differences of means whose square is below this share of the greatest, or of 1, are rounding.
const NO_DIFFERENCE: f64 = 1e-12;

impl Eraser for Leace {
    fn name(&self) -> String {
        "LEACE".to_owned()
    }

    fn fit_matrix(&self, rows: MatRef<'_, f64>, concept: &[usize], n_classes: usize) -> Result<Erasure, FitError> {
        all_present(concept, n_classes)?;
        let (n, width) = (rows.nrows() as f64, rows.ncols());
        let means: Vec<f64> = rows.col_iter().map(|column| column.iter().sum::<f64>() / n).collect();
        let centred = Mat::from_fn(rows.nrows(), width, |i, j| rows[(i, j)] - means[j]);

        // Principal axes of the rows, in columns, and the deviation along each: by the smaller of the two products.
        let by_rows = rows.nrows() <= width;
        let (squares, vectors) =
            eigen(if by_rows { gram(centred.as_ref()) } else { gram(centred.transpose()) }.as_ref());
        let floor = NO_VARIANCE * squares.last().copied().unwrap_or(0.0);
        let kept: Vec<usize> = (0..squares.len()).filter(|&i| squares[i] > floor).collect();
        let deviations: Vec<f64> = kept.iter().map(|&i| (squares[i] / n).sqrt()).collect();
        let vectors = Mat::from_fn(vectors.nrows(), kept.len(), |i, j| vectors[(i, kept[j])]);
        let axes = if by_rows {
            let mut axes = product(centred.transpose(), vectors.as_ref());
            for (j, &at) in kept.iter().enumerate() {
                let length = squares[at].sqrt();
                axes.col_as_slice_mut(j).iter_mut().for_each(|v: &mut f64| *v /= length);
            }
            axes
        } else {
            vectors
        };

        // Covariance of the whitened rows with the classes, over the axes.
        let share = |class| concept.iter().filter(|&&c| c == class).count() as f64 / n;
        let shares: Vec<f64> = (0..n_classes).map(share).collect();
        let classes = Mat::from_fn(rows.nrows(), n_classes, |i, class| {
            (f64::from(u8::from(concept[i] == class)) - shares[class]) / n
        });
        let across = product(axes.transpose(), product(centred.transpose(), classes.as_ref()).as_ref());
        let whitened = Mat::from_fn(kept.len(), n_classes, |i, class| across[(i, class)] / deviations[i]);

        // An orthonormal basis of its columns: one of them fewer than there are classes, as shares sum to one.
        let (squares, turns) = eigen(gram(whitened.transpose()).as_ref());
        let greatest = squares.last().copied().unwrap_or(0.0);
        let floor = NO_DIFFERENCE * greatest.max(NO_DIFFERENCE);
        let found: Vec<usize> = (0..n_classes).filter(|&i| squares[i] > floor).collect();
        let turns = Mat::from_fn(n_classes, found.len(), |i, j| turns[(i, found[j])] / squares[found[j]].sqrt());
        let basis = product(whitened.as_ref(), turns.as_ref());
        let over = |scale: &dyn Fn(f64) -> f64| {
            let scaled = Mat::from_fn(kept.len(), found.len(), |i, j| basis[(i, j)] * scale(deviations[i]));
            product(axes.as_ref(), scaled.as_ref())
        };
        let take = over(&|deviation| 1.0 / deviation).transpose().to_owned();
        Ok(Erasure::new(over(&|deviation| deviation), take, means))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::algebra::Cholesky;

    /// Of two classes, with `δ` the difference of their means and `S` the covariance, `W⁺ P W = δ δᵀ S⁻¹ / (δᵀ S⁻¹ δ)`.
    #[test]
    fn of_two_classes_it_is_the_closed_form_of_the_difference() {
        let (n, width) = (30, 4);
        let rows = Mat::from_fn(n, width, |i, j| {
            ((i * 37 + j * 11 + i * i * (j + 2)) % 29) as f64 / 5.0 * (1.0 + j as f64) + (i % 3 / 2 * (j + 1)) as f64
        });
        let concept: Vec<usize> = (0..n).map(|i| i % 3 / 2).collect();
        let mean = |of: &dyn Fn(usize) -> bool, j: usize| {
            let of: Vec<f64> = (0..n).filter(|&i| of(i)).map(|i| rows[(i, j)]).collect();
            of.iter().sum::<f64>() / of.len() as f64
        };
        let all: Vec<f64> = (0..width).map(|j| mean(&|_| true, j)).collect();
        let difference = Mat::from_fn(width, 1, |j, _| mean(&|i| concept[i] == 1, j) - mean(&|i| concept[i] == 0, j));
        let centred = Mat::from_fn(n, width, |i, j| rows[(i, j)] - all[j]);
        let mut turned = difference.clone();
        Cholesky::new(gram(centred.transpose())).unwrap().solve(turned.as_mut());
        let scale = product(difference.transpose(), turned.as_ref())[(0, 0)];

        let erasure = Leace.fit_matrix(rows.as_ref(), &concept, 2).unwrap();
        let probe = Mat::from_fn(1, width, |_, j| (j * j) as f64 - 1.5);
        let got = erasure.apply_matrix(probe.as_ref());
        let along: f64 = (0..width).map(|j| (probe[(0, j)] - all[j]) * turned[(j, 0)]).sum::<f64>() / scale;
        for j in 0..width {
            let expected = probe[(0, j)] - along * difference[(j, 0)];
            assert!((got[(0, j)] - expected).abs() < 1e-10, "{j}: {}, {expected}", got[(0, j)]);
        }
    }

    #[test]
    fn where_means_are_equal_nothing_is_taken() {
        let rows = Mat::from_fn(8, 2, |i, j| if j == 0 { (i / 2) as f64 } else { (i / 2 % 2) as f64 });
        let erasure = Leace.fit_matrix(rows.as_ref(), &[0, 1, 0, 1, 0, 1, 0, 1], 2).unwrap();
        assert_eq!(erasure.rank(), 0);
        assert!((0..8).all(|i| (erasure.apply_matrix(rows.as_ref())[(i, 0)] - rows[(i, 0)]).abs() < 1e-15));
        assert!(matches!(Leace.fit_matrix(rows.as_ref(), &[0; 8], 2), Err(FitError::FewClasses { .. })));
    }
}
