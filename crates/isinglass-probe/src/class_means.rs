//! The difference of class means.

use isinglass_core::{Direction, Rows};
use isinglass_stats::{
    Bootstrap, Estimate, Folds, PermutationNull, Split, StatsError, auroc, auroc_grouped, permuted_labels,
};

use crate::error::FitError;
use crate::features::{Features, Labels};
use crate::gram::Gram;

/// The direction from the mean of one class to that of the other: `mean(x | positive) − mean(x | negative)`.
///
/// It is scored out of fold, whole groups left out, and against a null of labels shuffled within groups, refitted each
/// time. It shows that the classes differ along a line, not that the model uses that line, and a high AUROC means
/// little where the words alone give one too: see [`Features::words`].
///
/// ```
/// use isinglass_core::{Rows, site::resid_post};
/// use isinglass_probe::{ClassMeans, Features, Labels};
///
/// // Twelve pairs of rows; the second member of each lies further along the first axis.
/// let values = (0..24).flat_map(|i| [(i % 2) as f32 * 3.0 + (i % 5) as f32, (i % 7) as f32]).collect();
/// let rows = Rows::new(resid_post(0), 2, values)?;
/// let labels = Labels::paired((0..24).map(|i| i % 2 == 1).collect(), (0..24).map(|i| i / 2).collect())?;
/// let probe = ClassMeans::new().folds(4).seed(7);
/// let scored = probe.score(&Features::of_rows(&rows)?, &labels)?;
/// assert!(scored.auroc.value() > 0.8);
/// let direction = probe.direction(&rows, &labels)?;
/// assert!(direction.vector[0] > 2.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClassMeans {
    folds: usize,
    permutations: usize,
    resamples: usize,
    seed: u64,
}

/// How well one set of features tells the classes apart.
#[derive(Debug, Clone)]
pub struct Scored {
    /// What the features are.
    pub name: String,
    /// Score of each row by a direction it was not part of.
    pub scores: Vec<f64>,
    /// AUROC of the scores, with a bootstrap interval over groups and a permutation p.
    pub auroc: Estimate,
    /// AUROCs of these features with labels shuffled within groups.
    pub null: PermutationNull,
}

impl Default for ClassMeans {
    fn default() -> Self {
        Self::new()
    }
}

impl ClassMeans {
    /// Five folds, 1,000 shuffles of the labels, 2,000 bootstrap resamples, seed 0.
    pub const fn new() -> Self {
        Self { folds: 5, permutations: 1000, resamples: 2000, seed: 0 }
    }

    /// Number of folds.
    #[must_use]
    pub const fn folds(mut self, folds: usize) -> Self {
        self.folds = folds;
        self
    }

    /// Number of shuffles of the labels.
    #[must_use]
    pub const fn permutations(mut self, permutations: usize) -> Self {
        self.permutations = permutations;
        self
    }

    /// Number of bootstrap resamples.
    #[must_use]
    pub const fn resamples(mut self, resamples: usize) -> Self {
        self.resamples = resamples;
        self
    }

    /// Seed of folds, shuffles and resamples.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Scores one set of features.
    ///
    /// # Errors
    /// [`FitError`] if rows and labels differ in number, a group is no pair, or there are fewer groups than folds.
    pub fn score(&self, features: &Features, labels: &Labels) -> Result<Scored, FitError> {
        let mut scored = self.sweep(std::slice::from_ref(features), labels)?;
        // One set of features in, one out.
        Ok(scored.remove(0))
    }

    /// Scores several sets of features of the same rows, for instance every layer.
    ///
    /// Each p-value is that of the greatest AUROC over all of them (the same shuffles everywhere), so the best layer
    /// may be reported with its p as it is.
    ///
    /// # Errors
    /// As [`score`](Self::score); also if there are no features.
    pub fn sweep(&self, features: &[Features], labels: &Labels) -> Result<Vec<Scored>, FitError> {
        features.iter().try_for_each(|f| labels.check(f))?;
        let folds = Split::grouped(&labels.groups).folds(self.folds).seed(self.seed).split()?;
        let shuffled: Vec<Vec<bool>> =
            permuted_labels(&labels.labels, &labels.groups, self.seed)?.take(self.permutations).collect();
        let grams: Vec<Gram> = features.iter().map(Gram::new).collect();
        let nulls = grams
            .iter()
            .map(|gram| shuffled.iter().map(|labels| held_out(gram, labels, &folds)).collect())
            .collect::<Result<Vec<Vec<f64>>, StatsError>>()?;
        let how = "labels shuffled within groups, refitted";
        let greatest = match &nulls[..] {
            [only] => PermutationNull::from_values(only.clone(), how)?,
            all => PermutationNull::max_over(all, how)?,
        };
        let bootstrap = Bootstrap::resamples(self.resamples).seed(self.seed);
        let scored = grams.iter().zip(features).zip(nulls).map(|((gram, features), null)| {
            let scores = gram.out_of_fold(&labels.labels, &folds)?;
            let auroc = auroc_grouped(&scores, &labels.labels, &labels.groups, bootstrap)?
                .qualified("class means, out of fold")
                .with_permutation(&greatest);
            let null = PermutationNull::from_values(null, how)?;
            Ok(Scored { name: features.name.clone(), scores, auroc, null })
        });
        scored.collect()
    }

    /// The direction from all rows, to steer with; its length is the distance between the class means.
    ///
    /// # Errors
    /// [`FitError`] if rows and labels differ in number or there is one class only.
    pub fn direction(&self, rows: &Rows, labels: &Labels) -> Result<Direction, FitError> {
        let features = Features::of_rows(rows)?;
        labels.check(&features)?;
        let positive = labels.labels.iter().filter(|&&l| l).count();
        let negative = labels.labels.len() - positive;
        if positive == 0 || negative == 0 {
            return Err(StatsError::OneClass { n: labels.labels.len(), label: positive > 0 }.into());
        }
        let mut vector = vec![0.0; rows.width()];
        for (i, &label) in labels.labels.iter().enumerate() {
            let weight = if label { 1.0 / positive as f64 } else { -1.0 / negative as f64 };
            vector.iter_mut().zip(features.row(i)).for_each(|(v, x)| *v += weight * x);
        }
        let how = format!("difference of class means over {positive} and {negative} texts");
        Ok(Direction { site: rows.site(), vector: vector.into_iter().map(|v| v as f32).collect(), how })
    }
}

fn held_out(gram: &Gram, labels: &[bool], folds: &Folds) -> Result<f64, StatsError> {
    auroc(&gram.out_of_fold(labels, folds)?, labels)
}
