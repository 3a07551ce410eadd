//! How well what can be counted tells classes apart.

use std::sync::atomic::{AtomicUsize, Ordering};

use isinglass_stats::{Estimate, PermutationNull, Resample, Split, StatsError, permuted_classes};
use rayon::prelude::*;
use serde::Serialize;

use super::Audit;
use crate::baselines::{Seen, View};
use crate::cross_fit::{Found, macro_auroc};
use crate::error::FitError;
use crate::labels::{Labels, Side};
use crate::logistic::Logistic;
use crate::probe::{LinearProbe, Probe, at_rows, n_scores, predicted};

/// A figure of the scores of some rows; none where it has no value.
type Statistic<'a> = &'a dyn Fn(&[f64], &[usize]) -> Option<f64>;

/// What the texts are looked at by: the baselines of a probe, and two that see more.
const VIEWS: [View; 6] =
    [View::TfIdf, View::WordPairs, View::Characters, View::FirstWords, View::Length, View::Punctuation];

/// So many words of each class of a pair are named.
const MOST_NAMED: usize = 15;

/// How well some classes are told apart.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Separated {
    /// The classes: two, or all.
    pub classes: Vec<String>,
    /// By each way to look at the texts.
    pub by: Vec<Told>,
    /// Of two classes, the words that weigh most, those of the first class and then those of the second, the heaviest
    /// first: of a logistic probe (C = 1) over the TF-IDF of words, fitted to all texts.
    pub telling: Vec<Telling>,
}

/// How well one way to look at texts tells classes apart.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Told {
    /// What is looked at.
    pub name: String,
    /// Whether it weighs words or characters by TF-IDF.
    pub is_tf_idf: bool,
    /// AUROC of a logistic probe (C = 1) out of fold, the mean over the splits; of more than two classes also the mean over
    /// the classes, each against the others.
    /// With a bootstrap interval over groups, and the p of the same mean under labels shuffled as the design allows.
    pub auroc: Estimate,
    /// Share of texts given their class, the mean over classes and splits, with a bootstrap interval over groups.
    pub accuracy: Estimate,
    /// The mean AUROC of shuffled labels: what chance gives.
    pub chance: f64,
}

/// A word and its weight.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Telling {
    /// The word.
    pub word: String,
    /// Above 0 for the first class, below for the second.
    pub weight: f64,
}

/// Some classes and their texts.
struct Task<'a> {
    names: Vec<String>,
    texts: Vec<&'a str>,
    labels: Labels,
    labellings: Vec<Vec<usize>>,
    /// Sides of the folds of each split.
    splits: Vec<Vec<Side>>,
}

/// Each two classes, then all if there are more.
pub(super) fn separate(audit: &Audit<'_>) -> Result<Vec<Separated>, FitError> {
    let n_classes = audit.names.len();
    let all = (n_classes > 2).then(|| (0..n_classes).collect());
    // The second class is class 0 of its pair, so that scores and weights point to the first.
    let pairs = audit.pairs().map(|[a, b]| vec![b, a]);
    let tasks = pairs.chain(all).map(|classes| Task::new(audit, &classes)).collect::<Result<Vec<_>, _>>()?;

    let n_jobs = tasks.len() * VIEWS.len() * audit.splits;
    let done = AtomicUsize::new(0);
    let tell = || {
        if let Some(progress) = audit.progress {
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, n_jobs);
        }
    };
    let separated = |task: &Task<'_>| {
        let by = VIEWS.par_iter().map(|&view| task.told(audit, view, &tell)).collect::<Result<_, FitError>>()?;
        let telling = if task.names.len() == 2 { task.telling()? } else { Vec::new() };
        let mut classes = task.names.clone();
        if classes.len() == 2 {
            classes.reverse();
        }
        Ok(Separated { classes, by, telling })
    };
    tasks.par_iter().map(separated).collect()
}

impl<'a> Task<'a> {
    fn new(audit: &Audit<'a>, classes: &[usize]) -> Result<Self, FitError> {
        let (texts, labels) = audit.labelled(classes)?;
        let shuffled = permuted_classes(labels.classes(), labels.scheme(), audit.seed)?.take(audit.permutations);
        let labellings = std::iter::once(labels.classes().to_vec()).chain(shuffled).collect();
        let split = |s: usize| {
            let seed = audit.seed.wrapping_add(s as u64);
            let folds = Split::grouped(labels.groups()).folds(audit.folds).seed(seed).stratified(labels.classes());
            labels.sides(&folds.split()?)
        };
        let splits = (0..audit.splits).map(split).collect::<Result<_, FitError>>()?;
        let names = classes.iter().map(|&class| audit.names[class].to_owned()).collect();
        Ok(Self { names, texts, labels, labellings, splits })
    }

    fn told(&self, audit: &Audit<'_>, view: View, tell: &(dyn Fn() + Sync)) -> Result<Told, FitError> {
        let Self { texts, labels, labellings, splits, .. } = self;
        let seen = view.of(texts);
        let of_split = |sides: &Vec<Side>| {
            let of_folds =
                sides.par_iter().map(|side| self.scores(&seen, side)).collect::<Result<Vec<_>, FitError>>()?;
            let found = Found::new(view.name().to_owned(), &of_folds, sides, labellings, labels.n_classes())?;
            tell();
            Ok((found.scores, found.aurocs))
        };
        let found = splits.par_iter().map(of_split).collect::<Result<Vec<_>, FitError>>()?;
        let null: Vec<f64> = (1..labellings.len()).map(|l| mean(found.iter().map(|(_, aurocs)| aurocs[l]))).collect();
        let null = PermutationNull::from_values(null, labels.null())?;
        let chance = null.mean();
        let scores: Vec<Vec<f64>> = found.into_iter().map(|(scores, _)| scores).collect();

        let (n_classes, width) = (labels.n_classes(), n_scores(labels.n_classes()));
        let over_splits = |rows: &[usize], of: Statistic<'_>| {
            let classes: Vec<usize> = rows.iter().map(|&row| labels.classes()[row]).collect();
            let drawn = |scores: &Vec<f64>| {
                let at = |&row: &usize| scores[row * width..(row + 1) * width].iter().copied();
                of(&rows.iter().flat_map(at).collect::<Vec<_>>(), &classes)
            };
            Some(mean(scores.iter().map(drawn).collect::<Option<Vec<_>>>()?.into_iter()))
        };
        let how = format!("out of fold, mean over {} splits", audit.splits);
        let estimate = |name: &str, of: Statistic<'_>| -> Result<Estimate, StatsError> {
            let groups = Resample::Groups(labels.groups());
            Ok(audit.bootstrap().estimate(groups, name, |rows| over_splits(rows, of))?.qualified(&how))
        };
        let auroc = estimate("AUROC", &|scores, classes| macro_auroc(scores, classes, n_classes).ok())?;
        let accuracy = estimate("balanced accuracy", &|scores, classes| recall(scores, classes, n_classes))?;
        let auroc = auroc.with_permutation(&null);
        Ok(Told { name: view.name().to_owned(), is_tf_idf: view.is_tf_idf(), auroc, accuracy, chance })
    }

    /// Scores of the test rows by each labelling of the training rows.
    fn scores(&self, seen: &Seen, (train, test): &Side) -> Result<Vec<Vec<f64>>, FitError> {
        let groups = train.iter().map(|&row| self.labels.groups()[row]).collect();
        let labellings = at_rows(&self.labellings, train);
        Logistic::l2(1.0).score(&seen.fold(train, test, groups), &labellings, self.labels.n_classes())
    }

    fn telling(&self) -> Result<Vec<Telling>, FitError> {
        let (words, fold) = View::TfIdf.of(&self.texts).whole(self.labels.groups().to_vec());
        let (weights, _) = Logistic::l2(1.0).weigh(&fold, self.labels.classes(), 2)?;
        let mut telling: Vec<Telling> =
            words.into_iter().zip(weights.col_as_slice(0)).map(|(word, &weight)| Telling { word, weight }).collect();
        telling.sort_by(|a, b| b.weight.total_cmp(&a.weight));
        let second = telling.iter().rev().take_while(|t| t.weight < 0.0).take(MOST_NAMED).cloned();
        let first = telling.iter().take_while(|t| t.weight > 0.0).take(MOST_NAMED).cloned();
        Ok(first.chain(second).collect())
    }
}

/// The share of rows given their class, the mean over the classes; none if a class has no row.
fn recall(scores: &[f64], classes: &[usize], n_classes: usize) -> Option<f64> {
    let (mut right, mut of) = (vec![0_usize; n_classes], vec![0_usize; n_classes]);
    for (scores, &class) in scores.chunks(n_scores(n_classes)).zip(classes) {
        of[class] += 1;
        right[class] += usize::from(predicted(scores) == class);
    }
    let all = of.iter().all(|&n| n > 0);
    all.then(|| mean(right.iter().zip(&of).map(|(&right, &n)| right as f64 / n as f64)))
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}
