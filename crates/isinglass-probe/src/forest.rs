//! Random forests.

use faer::MatRef;
use rayon::prelude::*;
use smartcore::ensemble::random_forest_regressor::{RandomForestRegressor, RandomForestRegressorParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;

use crate::error::FitError;
use crate::fold::{Fold, Scaling};
use crate::logistic::all_present;
use crate::probe::{Probe, each_against_rest};

/// A random forest: the mean of many trees, each grown on rows drawn anew, each split the best among some columns drawn at
/// random (Breiman, "Random forests", 2001).
///
/// It asks whether anything that single columns and their combinations tell, in whatever curve, tells the classes apart.
/// Trees are grown by regression on 1 for rows of the class and 0 for others: the squared error then splits as the Gini
/// impurity does, as one is half the other, and a leaf holds the share of the class, so that scores are chances.
/// Of two classes the score is the chance of class 1 less 0.5; more than two each have a forest against the others.
///
/// Splits are along the columns, so it depends on the basis of the activations, unlike a linear probe, and a signal that is
/// spread thinly over many columns is hard for it.
/// Chances of training rows flatter, as every tree knows most of them, and no direction comes out of it.
/// Each labelling is a forest of its own, whose time grows with rows, columns and trees: hundreds of shuffles of wide rows
/// take long.
///
/// ```
/// use isinglass_probe::{Baselines, CrossFit, Features, Forest, Labels};
///
/// // The class is whether two columns agree: neither says anything alone.
/// let values = (0..80).flat_map(|i| [f64::from(i % 2), f64::from(i / 2 % 2)]).collect();
/// let classes = (0..80).map(|i| usize::from(i % 2 == i / 2 % 2)).collect();
/// let columns = Features::new("two columns", 2, values)?;
/// let labels = Labels::of_independent_rows(classes)?;
/// let probe = Forest::new().trees(50).seed(7);
/// let no_texts = Baselines::left_out("columns have no texts");
/// let found = CrossFit::new(&probe).permutations(10).run(&[columns], &labels, &no_texts)?;
/// assert!(found.probes[0].auroc.value() > 0.95);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forest {
    trees: usize,
    columns: Option<usize>,
    depth: Option<u16>,
    min_leaf: usize,
    seed: u64,
}

impl Default for Forest {
    fn default() -> Self {
        Self::new()
    }
}

impl Forest {
    /// 200 trees, as deep as they grow, the root of the number of columns tried at each split, seed 0.
    pub const fn new() -> Self {
        Self { trees: 200, columns: None, depth: None, min_leaf: 1, seed: 0 }
    }

    /// How many trees; more make scores smoother and cost in proportion.
    #[must_use]
    pub const fn trees(mut self, trees: usize) -> Self {
        self.trees = trees;
        self
    }

    /// How many columns are tried at each split; the root of their number, rounded down, unless set.
    #[must_use]
    pub const fn columns(mut self, columns: usize) -> Self {
        self.columns = Some(columns);
        self
    }

    /// How many splits there may be one below the other.
    #[must_use]
    pub const fn max_depth(mut self, depth: u16) -> Self {
        self.depth = Some(depth);
        self
    }

    /// How many rows a leaf holds at least; 1 unless set.
    #[must_use]
    pub const fn min_leaf(mut self, rows: usize) -> Self {
        self.min_leaf = rows;
        self
    }

    /// Seed of the rows and columns drawn; 0 unless set.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    fn check(&self, width: usize) -> Result<RandomForestRegressorParameters, FitError> {
        let least = [("number of trees", self.trees), ("rows of a leaf", self.min_leaf)];
        if let Some((what, value)) = least.into_iter().find(|(_, value)| *value == 0) {
            return Err(FitError::BadSetting { what, value: value as f64, range: "at least 1" });
        }
        if self.depth == Some(0) {
            return Err(FitError::BadSetting { what: "depth", value: 0.0, range: "at least 1" });
        }
        let columns = self.columns.unwrap_or((width as f64).sqrt() as usize).max(usize::from(self.columns.is_none()));
        if columns == 0 || columns > width {
            let range = "at least 1 and no more than there are";
            return Err(FitError::BadSetting { what: "columns tried at a split", value: columns as f64, range });
        }
        let parameters = RandomForestRegressorParameters {
            // The library counts the root as a level.
            max_depth: self.depth.map(|depth| depth.saturating_add(1)),
            ..RandomForestRegressorParameters::default()
        };
        Ok(parameters
            .with_n_trees(self.trees)
            .with_m(columns)
            .with_min_samples_leaf(self.min_leaf)
            .with_seed(self.seed))
    }

    fn refused(&self, why: &smartcore::error::Failed) -> FitError {
        FitError::Refused { probe: self.name(), reason: why.to_string() }
    }

    fn dense(&self, rows: MatRef<'_, f64>) -> Result<DenseMatrix<f64>, FitError> {
        let values = rows.col_iter().flat_map(|column| column.iter().copied()).collect();
        DenseMatrix::new(rows.nrows(), rows.ncols(), values, true).map_err(|why| self.refused(&why))
    }
}

impl Probe for Forest {
    fn name(&self) -> String {
        let depth = self.depth.map_or(String::new(), |depth| format!(", depth {depth}"));
        let leaf = if self.min_leaf > 1 { format!(", leaves of {} rows", self.min_leaf) } else { String::new() };
        format!("random forest, {} trees{depth}{leaf}", self.trees)
    }

    fn scaling(&self) -> Scaling {
        Scaling::AsIs
    }

    fn score(&self, fold: &Fold, labellings: &[Vec<usize>], n_classes: usize) -> Result<Vec<Vec<f64>>, FitError> {
        let parameters = self.check(fold.train().ncols())?;
        labellings.iter().try_for_each(|labels| all_present(labels, n_classes))?;
        let (train, test) = (self.dense(fold.train())?, self.dense(fold.test())?);
        let chances = |labels: &[usize], class: usize| {
            let indicators: Vec<f64> = labels.iter().map(|&c| f64::from(u8::from(c == class))).collect();
            let forest = RandomForestRegressor::fit(&train, &indicators, parameters.clone());
            forest.and_then(|forest| forest.predict(&test)).map_err(|why| self.refused(&why))
        };
        labellings
            .par_iter()
            .map(|labels| {
                let even = if n_classes == 2 { 0.5 } else { 0.0 };
                each_against_rest(n_classes, |class| {
                    Ok(chances(labels, class)?.into_iter().map(|chance| chance - even).collect())
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use faer::Mat;

    use super::*;

    fn fold(train: &[f64], test: &[f64]) -> Fold {
        let column = |values: &[f64]| Mat::from_fn(values.len(), 1, |i, _| values[i]);
        Fold::new(column(train), column(test), (0..train.len() as u64).collect(), Scaling::AsIs)
    }

    #[test]
    fn a_pure_leaf_gives_certainty_and_a_stump_gives_shares() {
        let rows: Vec<f64> = (0..40).map(f64::from).collect();
        let labels: Vec<usize> = (0..40).map(|i| usize::from(i >= 20)).collect();
        let fold = fold(&rows, &[0.0, 39.0]);
        let deep = Forest::new().trees(30).score(&fold, std::slice::from_ref(&labels), 2).unwrap();
        assert_eq!(deep, [[-0.5, 0.5]]);
        // A leaf of all rows: their share of class 1, 0.5, but for which rows are drawn.
        let whole = Forest::new().trees(400).min_leaf(40).score(&fold, &[labels], 2).unwrap();
        assert!(whole[0][0].abs() < 0.02 && (whole[0][0] - whole[0][1]).abs() < 1e-12, "{whole:?}");
    }

    #[test]
    fn one_split_cannot_tell_what_two_can() {
        // Class 1 lies between.
        let rows: Vec<f64> = (0..60).map(f64::from).collect();
        let labels: Vec<usize> = (0..60).map(|i| usize::from((20..40).contains(&i))).collect();
        let fold = fold(&rows, &[5.0, 30.0, 55.0]);
        let at = |forest: Forest| forest.trees(100).score(&fold, std::slice::from_ref(&labels), 2).unwrap().remove(0);
        let (one, two) = (at(Forest::new().max_depth(1)), at(Forest::new().max_depth(2)));
        assert!(one[1] < 0.25 && two[1] > 0.3, "{one:?} {two:?}");
        assert!(two[0] < -0.3 && two[2] < -0.3, "{two:?}");
    }

    #[test]
    fn each_of_three_classes_is_found_and_the_seed_decides() {
        let rows: Vec<f64> = (0..30).map(f64::from).collect();
        let labels: Vec<usize> = (0..30).map(|i| i / 10).collect();
        let fold = fold(&rows, &[2.0, 15.0, 27.0]);
        let of =
            |seed| Forest::new().trees(40).seed(seed).score(&fold, std::slice::from_ref(&labels), 3).unwrap().remove(0);
        for (row, scores) in of(1).chunks(3).enumerate() {
            assert!((0..3).all(|class| (scores[class] > 0.5) == (class == row)), "{scores:?}");
        }
        let noisy: Vec<usize> = (0..30).map(|i| (i * 7 % 11) % 2).collect();
        let noisy =
            |seed| Forest::new().trees(40).seed(seed).score(&fold, std::slice::from_ref(&noisy), 2).unwrap().remove(0);
        assert_eq!(noisy(1), noisy(1));
        assert_ne!(noisy(1), noisy(2));
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        let fold = fold(&[0.0, 1.0], &[0.5]);
        let refused = |forest: Forest| match forest.score(&fold, &[vec![0, 1]], 2).unwrap_err() {
            FitError::BadSetting { what, .. } => what,
            other => panic!("{other}"),
        };
        assert_eq!(refused(Forest::new().trees(0)), "number of trees");
        assert_eq!(refused(Forest::new().min_leaf(0)), "rows of a leaf");
        assert_eq!(refused(Forest::new().max_depth(0)), "depth");
        assert_eq!(refused(Forest::new().columns(2)), "columns tried at a split");
        assert!(matches!(Forest::new().score(&fold, &[vec![1, 1]], 2), Err(FitError::FewClasses { .. })));
    }
}
