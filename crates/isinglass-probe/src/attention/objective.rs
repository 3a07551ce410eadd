//! What an attention probe minimises, with its gradient.

use faer::{Mat, MatRef};

use crate::algebra::product;

/// The rows of some texts: `[rows, width]`, and where each text begins in them, and where the last one ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Texts<'a> {
    pub(crate) rows: MatRef<'a, f64>,
    pub(crate) bounds: &'a [usize],
}

/// Queries and values in columns side by side, `[width, 2 × heads]`, head after head, and an intercept.
#[derive(Debug, Clone)]
pub(crate) struct Parameters {
    pub(crate) columns: Mat<f64>,
    pub(crate) intercept: f64,
}

/// What a head saw in each row: `p` of its text's rows and `v`, and what it made of each text, `Σ p v`.
struct Seen {
    attention: Vec<f64>,
    values: Vec<f64>,
    texts: Vec<f64>,
}

impl Parameters {
    /// From numbers one after another: the columns, then the intercept.
    pub(crate) fn of(numbers: &[f64], width: usize) -> Self {
        let (intercept, columns) = (numbers[numbers.len() - 1], (numbers.len() - 1) / width);
        Self { columns: Mat::from_fn(width, columns, |i, j| numbers[j * width + i]), intercept }
    }

    fn heads(&self) -> usize {
        self.columns.ncols() / 2
    }

    fn see(&self, texts: Texts<'_>) -> Vec<Seen> {
        let along = product(texts.rows, self.columns.as_ref());
        (0..self.heads())
            .map(|head| {
                let mut attention = along.col_as_slice(2 * head).to_vec();
                let values = along.col_as_slice(2 * head + 1).to_vec();
                let mut of_texts = Vec::new();
                for bounds in texts.bounds.windows(2) {
                    let of = &mut attention[bounds[0]..bounds[1]];
                    softmax(of);
                    of_texts.push(of.iter().zip(&values[bounds[0]..bounds[1]]).map(|(p, v)| p * v).sum());
                }
                Seen { attention, values, texts: of_texts }
            })
            .collect()
    }

    /// How much of its attention each head gives to each row.
    pub(crate) fn attention(&self, texts: Texts<'_>) -> Vec<Vec<f64>> {
        self.see(texts).into_iter().map(|seen| seen.attention).collect()
    }

    /// The score of each text.
    pub(crate) fn scores(&self, texts: Texts<'_>) -> Vec<f64> {
        self.sum(&self.see(texts), texts.bounds.len() - 1)
    }

    fn sum(&self, seen: &[Seen], n_texts: usize) -> Vec<f64> {
        (0..n_texts).map(|i| self.intercept + seen.iter().map(|head| head.texts[i]).sum::<f64>()).collect()
    }

    /// `Σ (|q|² + |w|²) / 2 + c Σ log-loss` and its gradient, in the order of [`of`](Self::of); `signs` are 1 for texts of
    /// the class and -1 for others.
    pub(crate) fn objective(&self, texts: Texts<'_>, signs: &[f64], c: f64) -> (f64, Vec<f64>) {
        let seen = self.see(texts);
        let scores = self.sum(&seen, signs.len());
        let mut value = self.columns.col_iter().flat_map(faer::col::ColRef::iter).map(|v| v * v / 2.0).sum::<f64>();
        // By score: minus the sign times the chance of the other class.
        let mut by_score = Vec::with_capacity(signs.len());
        for (score, sign) in scores.iter().zip(signs) {
            let margin = score * sign;
            value += c * ((-margin).max(0.0) + (-margin.abs()).exp().ln_1p());
            let tail = (-margin.abs()).exp();
            by_score.push(-sign * c * if margin > 0.0 { tail / (1.0 + tail) } else { 1.0 / (1.0 + tail) });
        }
        let mut by_rows = Mat::zeros(texts.rows.nrows(), self.columns.ncols());
        for (head, seen) in seen.iter().enumerate() {
            for (i, bounds) in texts.bounds.windows(2).enumerate() {
                for row in bounds[0]..bounds[1] {
                    let by_value = by_score[i] * seen.attention[row];
                    by_rows[(row, 2 * head)] = by_value * (seen.values[row] - seen.texts[i]);
                    by_rows[(row, 2 * head + 1)] = by_value;
                }
            }
        }
        let by_columns = product(texts.rows.transpose(), by_rows.as_ref());
        let mut gradient: Vec<f64> = (0..self.columns.ncols())
            .flat_map(|j| by_columns.col_as_slice(j).iter().zip(self.columns.col_as_slice(j)).map(|(g, v)| g + v))
            .collect();
        gradient.push(by_score.iter().sum());
        (value, gradient)
    }
}

fn softmax(values: &mut [f64]) {
    let greatest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut sum = 0.0;
    for v in &mut *values {
        *v = (*v - greatest).exp();
        sum += *v;
    }
    for v in values {
        *v /= sum;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attention of 1/4 and 3/4 to values of 2 and 6, and an intercept: 0.5 + 4.5 - 1.
    #[test]
    fn a_score_is_the_values_by_their_attention() {
        let rows = Mat::from_fn(2, 2, |i, j| if j == 0 { i as f64 * 3_f64.ln() } else { 2.0 + 4.0 * i as f64 });
        let texts = Texts { rows: rows.as_ref(), bounds: &[0, 2] };
        let probe = Parameters::of(&[1.0, 0.0, 0.0, 1.0, -1.0], 2);
        assert!((probe.scores(texts)[0] - 4.0).abs() < 1e-12);
        let attention = &probe.attention(texts)[0];
        assert!((attention[0] - 0.25).abs() < 1e-12 && (attention[1] - 0.75).abs() < 1e-12);
    }

    #[test]
    fn the_gradient_is_that_of_finite_differences() {
        let (width, heads) = (4, 2);
        let rows = Mat::from_fn(11, width, |i, j| ((i * 7 + j * 5 + i * i * j) % 13) as f64 / 6.0 - 1.0);
        let bounds = [0, 3, 4, 9, 11];
        let texts = Texts { rows: rows.as_ref(), bounds: &bounds };
        let signs = [1.0, -1.0, 1.0, -1.0];
        let n = 2 * heads * width + 1;
        let point: Vec<f64> = (0..n).map(|i| ((i * 29 % 17) as f64 - 8.0) / 9.0).collect();
        let at = |point: &[f64]| Parameters::of(point, width).objective(texts, &signs, 1.7);
        let (_, gradient) = at(&point);
        assert_eq!(gradient.len(), n);
        for i in 0..n {
            let shifted = |by: f64| {
                let mut point = point.clone();
                point[i] += by;
                at(&point).0
            };
            let expected = (shifted(1e-5) - shifted(-1e-5)) / 2e-5;
            assert!((gradient[i] - expected).abs() < 1e-8, "{i}: {}, {expected}", gradient[i]);
        }
    }
}
