//! Inner products of rows: all that a difference of class means needs.

use isinglass_stats::{Folds, StatsError};

use crate::features::Features;

/// `K[i][j] = x_i · x_j` of centred rows.
///
/// The direction `mean(positive) − mean(negative)` is a combination of rows, so every score is a combination of these
/// products: a fold or a shuffle of labels costs `n²` whatever the width, and is exact.
pub(crate) struct Gram {
    n: usize,
    products: Vec<f64>,
}

impl Gram {
    pub(crate) fn new(features: &Features) -> Self {
        let (n, width) = (features.len(), features.width);
        let mut mean = vec![0.0; width];
        for i in 0..n {
            mean.iter_mut().zip(features.row(i)).for_each(|(m, v)| *m += v / n as f64);
        }
        // Centring moves every score by the same amount, and keeps a constant that is large in a few dimensions from
        // drowning the differences in rounding.
        let centred: Vec<f64> = (0..n).flat_map(|i| features.row(i).iter().zip(&mean).map(|(v, m)| v - m)).collect();
        let row = |i: usize| &centred[i * width..(i + 1) * width];
        let mut products = vec![0.0; n * n];
        for i in 0..n {
            for j in 0..=i {
                let dot = row(i).iter().zip(row(j)).map(|(a, b)| a * b).sum();
                products[i * n + j] = dot;
                products[j * n + i] = dot;
            }
        }
        Self { n, products }
    }

    /// Scores of every row by the class means of the folds it is not in, from midway between them.
    pub(crate) fn out_of_fold(&self, labels: &[bool], folds: &Folds) -> Result<Vec<f64>, StatsError> {
        let mut scores = vec![0.0; self.n];
        for (train, test) in folds {
            let positive = train.iter().filter(|&&i| labels[i]).count();
            let negative = train.len() - positive;
            if positive == 0 || negative == 0 {
                return Err(StatsError::OneClass { n: train.len(), label: positive > 0 });
            }
            let (p, n) = (1.0 / positive as f64, 1.0 / negative as f64);
            // Weights of the training rows in the direction, and in the point midway between the means.
            let direction: Vec<f64> = train.iter().map(|&i| if labels[i] { p } else { -n }).collect();
            let midway: Vec<f64> = train.iter().map(|&i| if labels[i] { p / 2.0 } else { n / 2.0 }).collect();
            let along = |row: &[f64]| -> f64 { train.iter().zip(&direction).map(|(&j, c)| row[j] * c).sum() };
            let row = |i: usize| &self.products[i * self.n..(i + 1) * self.n];
            let middle: f64 = train.iter().zip(&midway).map(|(&i, m)| m * along(row(i))).sum();
            for i in test {
                scores[i] = along(row(i)) - middle;
            }
        }
        Ok(scores)
    }
}
