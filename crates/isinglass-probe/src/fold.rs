//! One fold: rows to fit to and rows to score, scaled by the former alone.

use std::sync::OnceLock;

use faer::{Mat, MatRef};

use crate::algebra::{eigen, gram, multiply, product};
use crate::features::Features;

/// How rows are scaled before a probe sees them; always by the rows it is fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scaling {
    /// Mean 0 and variance 1 (over n) in every column; a constant column becomes zero.
    Standardised,
    /// As they are.
    AsIs,
}

/// Rows to fit to (`train`) and rows to score (`test`).
///
/// The scaler is fitted to the training rows: what a test row is scored by never saw it.
#[derive(Debug)]
pub struct Fold {
    train: Mat<f64>,
    test: Mat<f64>,
    groups: Vec<u64>,
    rows: Vec<usize>,
    test_rows: Vec<usize>,
    scaler: Option<Scaler>,
    gram: OnceLock<Mat<f64>>,
    span: OnceLock<Span>,
}

/// Means and deviations of the training rows.
#[derive(Debug, Clone)]
struct Scaler {
    means: Vec<f64>,
    deviations: Vec<f64>,
}

/// Training rows in coordinates along the axes of their own span: `train = coordinates × axes`, the columns of the
/// coordinates orthogonal.
///
/// Whatever is linear in the rows and penalises the length of its weights has its optimum in the span of the rows
/// (the representer theorem), which has no more dimensions than there are rows: an exact and smaller problem.
#[derive(Debug)]
pub(crate) struct Span {
    /// `[train rows, rank]`
    pub(crate) train: Mat<f64>,
    /// `[test rows, rank]`
    pub(crate) test: Mat<f64>,
    /// Squared length of each column of `train`.
    pub(crate) lengths: Vec<f64>,
    /// `[train rows, rank]`: what combines rows to axes.
    combine: Mat<f64>,
}

/// Directions of the span shorter than this share of the longest (squared) are rounding.
const NEGLIGIBLE: f64 = 1e-13;

impl Fold {
    /// `groups` are those of the training rows.
    pub(crate) fn new(mut train: Mat<f64>, mut test: Mat<f64>, groups: Vec<u64>, scaling: Scaling) -> Self {
        let scaler = match scaling {
            Scaling::AsIs => None,
            Scaling::Standardised => Some(Scaler::of(train.as_ref())),
        };
        if let Some(scaler) = &scaler {
            scaler.apply(&mut train);
            scaler.apply(&mut test);
        }
        let n = train.nrows();
        let (rows, test_rows) = ((0..n).collect(), (n..n + test.nrows()).collect());
        Self { train, test, groups, rows, test_rows, scaler, gram: OnceLock::new(), span: OnceLock::new() }
    }

    /// Rows of which only inner products are known: of those to fit to with one another, `[train, train]`, and of those
    /// to score with them, `[test, train]`. Its columns are coordinates along the axes of the rows' span.
    pub(crate) fn of_products(within: &Mat<f64>, across: &Mat<f64>, groups: Vec<u64>) -> Self {
        let span = Span::new(within.as_ref(), across.as_ref());
        Self::new(span.train, span.test, groups, Scaling::AsIs)
    }

    /// All rows to fit to, and none to score.
    pub(crate) fn whole(features: &Features, groups: Vec<u64>, scaling: Scaling) -> Self {
        let all: Vec<usize> = (0..features.len()).collect();
        Self::new(features.matrix(&all), Mat::zeros(0, features.width()), groups, scaling)
    }

    /// Which rows of all those are the rows to fit to, and which the rows to score; the first ones and those after them
    /// unless said.
    pub(crate) fn of_rows(mut self, rows: Vec<usize>, test_rows: Vec<usize>) -> Self {
        (self.rows, self.test_rows) = (rows, test_rows);
        self
    }

    /// The scaled rows to fit to, `[rows, width]`.
    pub fn train(&self) -> MatRef<'_, f64> {
        self.train.as_ref()
    }

    /// The rows to score, scaled alike, `[rows, width]`.
    pub fn test(&self) -> MatRef<'_, f64> {
        self.test.as_ref()
    }

    /// The groups of the rows to fit to.
    pub fn groups(&self) -> &[u64] {
        &self.groups
    }

    /// Which of all rows, from 0, each row to fit to is; what is known of rows beside their labels is found by it.
    pub fn rows(&self) -> &[usize] {
        &self.rows
    }

    /// Which of all rows, from 0, each row to score is.
    pub fn test_rows(&self) -> &[usize] {
        &self.test_rows
    }

    /// Some of the rows to fit to, and others of them to score, scaled by the former.
    pub(crate) fn inner(&self, fit: &[usize], score: &[usize], scaling: Scaling) -> Self {
        let rows = |of: &[usize]| Mat::from_fn(of.len(), self.train.ncols(), |i, j| self.train[(of[i], j)]);
        let groups = fit.iter().map(|&i| self.groups[i]).collect();
        let [fitted, scored] = [fit, score].map(|of| of.iter().map(|&i| self.rows[i]).collect());
        Self::new(rows(fit), rows(score), groups, scaling).of_rows(fitted, scored)
    }

    /// The same rows after something was done to all of them, `[rows, width]` each, scaled by those to fit to.
    pub(crate) fn with(&self, train: Mat<f64>, test: Mat<f64>, scaling: Scaling) -> Self {
        let test_rows = if test.nrows() == self.test.nrows() { self.test_rows.clone() } else { Vec::new() };
        Self::new(train, test, self.groups.clone(), scaling).of_rows(self.rows.clone(), test_rows)
    }

    /// Whether there are no more rows than columns, so that the span is the smaller problem.
    pub(crate) fn is_wide(&self) -> bool {
        self.train.nrows() <= self.train.ncols()
    }

    /// Inner products of the columns, `[width, width]`.
    pub(crate) fn gram(&self) -> MatRef<'_, f64> {
        self.gram.get_or_init(|| gram(self.train.transpose())).as_ref()
    }

    /// The rows in coordinates of their span.
    pub(crate) fn span(&self) -> &Span {
        self.span.get_or_init(|| {
            let across = product(self.test.as_ref(), self.train.transpose());
            Span::new(gram(self.train.as_ref()).as_ref(), across.as_ref())
        })
    }

    /// The training rows and the test rows in the fewest coordinates that lose nothing: those of the span, or the columns.
    pub(crate) fn coordinates(&self) -> [MatRef<'_, f64>; 2] {
        if self.is_wide() {
            [self.span().train.as_ref(), self.span().test.as_ref()]
        } else {
            [self.train(), self.test()]
        }
    }

    /// Weights over the columns from weights over the [`coordinates`](Self::coordinates).
    pub(crate) fn over_columns(&self, weights: Mat<f64>) -> Mat<f64> {
        if !self.is_wide() {
            return weights;
        }
        let over_rows = product(self.span().combine.as_ref(), weights.as_ref());
        product(self.train.transpose(), over_rows.as_ref())
    }

    /// Weights and intercepts for rows as they were before they were scaled.
    pub(crate) fn unscaled(&self, weights: &mut Mat<f64>, intercepts: &mut [f64]) {
        let Some(scaler) = &self.scaler else { return };
        for (j, intercept) in intercepts.iter_mut().enumerate() {
            for ((w, mean), deviation) in
                weights.col_as_slice_mut(j).iter_mut().zip(&scaler.means).zip(&scaler.deviations)
            {
                *w /= deviation;
                *intercept -= *w * mean;
            }
        }
    }
}

impl Span {
    /// From the inner products of the training rows with one another, and of the test rows with them.
    fn new(within: MatRef<'_, f64>, across: MatRef<'_, f64>) -> Self {
        let (values, vectors) = eigen(within);
        let longest = values.last().copied().unwrap_or(0.0);
        let kept: Vec<usize> = (0..values.len()).filter(|&i| values[i] > NEGLIGIBLE * longest).collect();
        let lengths: Vec<f64> = kept.iter().map(|&i| values[i]).collect();
        let scaled = |by: fn(f64) -> f64| {
            let by: Vec<f64> = lengths.iter().map(|&length| by(length)).collect();
            Mat::from_fn(within.nrows(), kept.len(), |i, j| vectors[(i, kept[j])] * by[j])
        };
        let combine = scaled(|length| 1.0 / length.sqrt());
        Self { train: scaled(f64::sqrt), test: product(across, combine.as_ref()), lengths, combine }
    }
}

/// `rows × weights + intercepts`
pub(crate) fn scores(rows: MatRef<'_, f64>, weights: MatRef<'_, f64>, intercepts: &[f64]) -> Mat<f64> {
    let mut to = Mat::from_fn(rows.nrows(), weights.ncols(), |_, j| intercepts[j]);
    multiply(to.as_mut(), faer::Accum::Add, rows, weights, 1.0);
    to
}

impl Scaler {
    fn of(rows: MatRef<'_, f64>) -> Self {
        let n = rows.nrows() as f64;
        let columns = || rows.col_iter();
        let means: Vec<f64> = columns().map(|column| column.iter().sum::<f64>() / n).collect();
        let deviations = columns().zip(&means).map(|(column, mean)| {
            let variance = column.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n;
            // What is left of a constant by rounding is no spread.
            let constant = variance.sqrt() <= 1e-13 * mean.abs() || variance == 0.0;
            if constant { 1.0 } else { variance.sqrt() }
        });
        Self { deviations: deviations.collect(), means }
    }

    fn apply(&self, rows: &mut Mat<f64>) {
        for (j, (mean, deviation)) in self.means.iter().zip(&self.deviations).enumerate() {
            rows.col_as_slice_mut(j).iter_mut().for_each(|v| *v = (*v - mean) / deviation);
        }
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "small sums are exact")]
mod tests {
    use super::*;

    fn rows(n: usize, width: usize) -> Mat<f64> {
        Mat::from_fn(n, width, |i, j| ((i * 7 + j * 3) % 11) as f64 + if j == 1 { 100.0 } else { 0.0 })
    }

    #[test]
    fn the_scaler_knows_the_training_rows_alone() {
        let fold = Fold::new(
            Mat::from_fn(2, 2, |i, _| i as f64),
            Mat::from_fn(1, 2, |_, j| j as f64 * 4.0),
            vec![0, 1],
            Scaling::Standardised,
        );
        // Mean 0.5, deviation 0.5.
        assert_eq!([fold.train()[(0, 0)], fold.train()[(1, 1)]], [-1.0, 1.0]);
        assert_eq!([fold.test()[(0, 0)], fold.test()[(0, 1)]], [-1.0, 7.0]);
        let constant = Fold::new(Mat::full(3, 1, 0.1 + 0.2), Mat::full(1, 1, 5.0), vec![0; 3], Scaling::Standardised);
        assert!(constant.train()[(2, 0)].abs() < 1e-12);
    }

    #[test]
    fn the_span_holds_the_rows() {
        let fold = Fold::new(rows(6, 9), rows(2, 9), (0..6).collect(), Scaling::Standardised);
        let span = fold.span();
        let rebuilt = gram(span.train.as_ref());
        let expected = gram(fold.train());
        for i in 0..6 {
            for j in 0..6 {
                assert!((rebuilt[(i, j)] - expected[(i, j)]).abs() < 1e-9);
            }
        }
        // A weight of the span scores test rows as the weights over the columns do.
        let weights = Mat::from_fn(span.lengths.len(), 1, |i, _| i as f64 - 1.5);
        let over_columns = fold.over_columns(weights.clone());
        let (one, other) = (product(span.test.as_ref(), weights.as_ref()), product(fold.test(), over_columns.as_ref()));
        assert!((0..2).all(|i| (one[(i, 0)] - other[(i, 0)]).abs() < 1e-9));
    }

    #[test]
    fn unscaled_weights_score_the_rows_as_they_were() {
        let (raw, test) = (rows(8, 3), rows(4, 3));
        let fold = Fold::new(raw, test.clone(), (0..8).collect(), Scaling::Standardised);
        let (mut weights, mut intercepts) = (Mat::from_fn(3, 1, |j, _| j as f64 - 0.7), vec![0.25]);
        let scaled = scores(fold.test(), weights.as_ref(), &intercepts);
        fold.unscaled(&mut weights, &mut intercepts);
        let plain = scores(test.as_ref(), weights.as_ref(), &intercepts);
        assert!((0..4).all(|i| (scaled[(i, 0)] - plain[(i, 0)]).abs() < 1e-9));
    }
}
