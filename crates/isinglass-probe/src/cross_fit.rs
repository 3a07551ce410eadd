//! How good a probe is, asked honestly.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use isinglass_stats::{
    Bootstrap, ClassMetric, Estimate, Folds, PermutationNull, Split, StatsError, auroc, auroc_grouped,
    auroc_one_vs_rest, auroc_one_vs_rest_grouped, classify_grouped,
};
use rayon::prelude::*;

use crate::baselines::{Baselines, Seen, View};
use crate::error::FitError;
use crate::features::Features;
use crate::fold::Fold;
use crate::labels::{Labels, Side};
use crate::logistic::Logistic;
use crate::probe::{Probe, at_rows, n_scores, predicted, put_at_rows};

/// Cross-validates a probe on one or many sets of features of the same rows, such as every layer.
///
/// Rows are split by group, stratified by class; scalers are fitted inside the folds; each score is of a row that its probe
/// did not see. Beside every probe stand its null (labels shuffled as the design allows, everything refitted) and what the
/// texts alone give away.
/// The p of each set of features is that of the greatest AUROC over all of them under the same shuffles, so the best layer
/// may be reported with its p as it is; its AUROC is still the greatest of many, which flatters it.
///
/// ```
/// use isinglass_probe::{Baselines, CrossFit, Features, Labels, Logistic};
///
/// let texts: Vec<String> = (0..24).map(|i| format!("text {i}")).collect();
/// let values = (0..24).flat_map(|i| [f64::from(i % 2) * 3.0 + f64::from(i % 5), f64::from(i % 7)]).collect();
/// let layer = Features::new("layer 3", 2, values)?;
/// let labels = Labels::paired((0..24).map(|i| i % 2 == 1).collect(), (0..24).map(|i| i / 2).collect())?;
/// let found = CrossFit::new(&Logistic::l2(1.0)).seed(7).permutations(100).run(&[layer], &labels, &Baselines::of(&texts))?;
/// println!("{found}"); // the probe, then what words, first words, length and punctuation give
/// assert!(found.probes[0].auroc.value() > 0.8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct CrossFit<'p> {
    probe: &'p dyn Probe,
    folds: usize,
    permutations: usize,
    resamples: usize,
    seed: u64,
    no_null: Option<&'p str>,
    progress: Option<&'p (dyn Fn(usize, usize) + Sync)>,
}

impl fmt::Debug for CrossFit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { folds, permutations, resamples, seed, .. } = self;
        let name = self.probe.name();
        write!(f, "CrossFit({name}, {folds} folds, {permutations} permutations, {resamples} resamples, seed {seed})")
    }
}

/// What cross-validation found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CrossFitted {
    /// The probe, and how it was asked.
    pub how: String,
    /// One for each set of features, in their order.
    pub probes: Vec<Scored>,
    /// What the texts alone give away.
    pub baselines: Vec<Scored>,
    /// Why there are no baselines.
    pub left_out: Option<String>,
    /// Why there is no null.
    pub no_null: Option<String>,
}

/// How well one set of features tells the classes apart.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Scored {
    /// What the features are.
    pub name: String,
    /// Scores of the rows by probes that they were not part of, row after row: one for two classes, else one for each.
    pub scores: Vec<f64>,
    /// AUROC of the scores; of more than two classes the mean over the classes, each against the others.
    /// With a bootstrap interval over groups and a permutation p.
    pub auroc: Estimate,
    /// Share of rows given their class, the mean over the classes, with a bootstrap interval over groups.
    pub accuracy: Estimate,
    /// AUROCs of these features with labels shuffled; none if they were left out.
    pub null: Option<PermutationNull>,
}

impl<'p> CrossFit<'p> {
    /// Five folds, 1,000 shuffles of the labels, 2,000 bootstrap resamples, seed 0.
    pub fn new(probe: &'p dyn Probe) -> Self {
        Self { probe, folds: 5, permutations: 1000, resamples: 2000, seed: 0, no_null: None, progress: None }
    }

    /// Number of folds.
    #[must_use]
    pub fn folds(mut self, folds: usize) -> Self {
        self.folds = folds;
        self
    }

    /// Number of shuffles of the labels, at least 1.
    #[must_use]
    pub fn permutations(mut self, permutations: usize) -> Self {
        self.permutations = permutations;
        self
    }

    /// No null of shuffled labels and so no p, because `why`; the result says so.
    #[must_use]
    pub fn without_null(mut self, why: &'p str) -> Self {
        self.permutations = 0;
        self.no_null = Some(why);
        self
    }

    /// Number of bootstrap resamples.
    #[must_use]
    pub fn resamples(mut self, resamples: usize) -> Self {
        self.resamples = resamples;
        self
    }

    /// Seed of folds, shuffles and resamples.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Told after every fold of every set of features how many are done, of how many; from any thread.
    #[must_use]
    pub fn progress(mut self, progress: &'p (dyn Fn(usize, usize) + Sync)) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Scores every set of features, and the texts.
    ///
    /// # Errors
    /// [`FitError`] if rows, texts and labels differ in number, there are no features or fewer groups than folds, or a
    /// class is missing from a fold.
    pub fn run(
        &self,
        features: &[Features],
        labels: &Labels,
        baselines: &Baselines<'_>,
    ) -> Result<CrossFitted, FitError> {
        let split = Split::grouped(labels.groups()).folds(self.folds).seed(self.seed).stratified(labels.classes());
        self.run_on(&split.split()?, features, labels, baselines)
    }

    /// As [`run`](Self::run) on folds of your own, such as [`Split::leave_one_group_out`].
    ///
    /// # Errors
    /// Those of [`run`](Self::run); also if the folds are of another number of rows, or a fold trains on a group that it
    /// tests on.
    pub fn run_on(
        &self,
        folds: &Folds,
        features: &[Features],
        labels: &Labels,
        baselines: &Baselines<'_>,
    ) -> Result<CrossFitted, FitError> {
        if features.is_empty() {
            return Err(StatsError::Empty { what: "features" }.into());
        }
        features.iter().try_for_each(|features| labels.check(features.name(), features.len()))?;
        let views: &[View] = if baselines.left_out.is_some() { &[] } else { &View::ALL };
        if baselines.left_out.is_none() {
            labels.check("texts", baselines.texts.len())?;
        }
        let sides = labels.sides(folds)?;
        // The same shuffles for every set of features.
        let labellings = self.labellings(labels)?;

        let of_texts = Logistic::l2(1.0);
        let n_sources = features.len() + views.len();
        let source = |s: usize| match s.checked_sub(features.len()) {
            None => Source::Rows(&features[s], self.probe),
            Some(view) => Source::Texts(views[view].of(&baselines.texts), &of_texts),
        };
        let done = AtomicUsize::new(0);
        // Folds of all sources side by side: many layers keep many processors busy, and so do many folds.
        // Once its folds are done, a source keeps the scores of the labels as they are, and of the shuffles an AUROC each.
        let found: Vec<Found> = (0..n_sources)
            .into_par_iter()
            .map(|s| {
                let source = source(s);
                let of_fold = |side: &Side| {
                    let scores = source.scores(side, labels, &labellings)?;
                    if let Some(progress) = self.progress {
                        progress(done.fetch_add(1, Ordering::Relaxed) + 1, n_sources * sides.len());
                    }
                    Ok(scores)
                };
                let of_folds = sides.par_iter().map(of_fold).collect::<Result<Vec<_>, FitError>>()?;
                Found::new(source.name(), &of_folds, &sides, &labellings, labels.n_classes())
            })
            .collect::<Result<_, _>>()?;

        let nulls: Vec<Vec<f64>> = found.iter().map(|found| found.aurocs[1..].to_vec()).collect();
        let greatest = match &nulls[..features.len()] {
            _ if self.permutations == 0 => None,
            [only] => Some(PermutationNull::from_values(only.clone(), labels.null())?),
            all => Some(PermutationNull::max_over(all, labels.null())?),
        };
        let mut probes = Vec::new();
        let mut texts = Vec::new();
        for (i, (found, null)) in found.into_iter().zip(nulls).enumerate() {
            let null = greatest.as_ref().map(|_| PermutationNull::from_values(null, labels.null())).transpose()?;
            let of_texts = i >= features.len();
            let scored =
                self.scored(found, labels, if of_texts { null.as_ref() } else { greatest.as_ref() }, null.clone())?;
            if of_texts { texts.push(scored) } else { probes.push(scored) }
        }
        let no_null = self.no_null.map(str::to_owned);
        let how = self.how(&self.probe.name(), labels, sides.len());
        Ok(CrossFitted { how, probes, baselines: texts, left_out: baselines.left_out.clone(), no_null })
    }

    /// The labels as they are, then shuffled.
    pub(crate) fn labellings(&self, labels: &Labels) -> Result<Vec<Vec<usize>>, FitError> {
        let shuffled = match self.no_null {
            Some(_) if self.permutations == 0 => Vec::new(),
            _ => labels.shuffles(self.permutations, self.seed)?,
        };
        Ok(std::iter::once(labels.classes().to_vec()).chain(shuffled).collect())
    }

    /// How a probe of this name was asked.
    pub(crate) fn how(&self, name: &str, labels: &Labels, n_folds: usize) -> String {
        let n_groups = labels.groups().iter().collect::<BTreeSet<_>>().len();
        format!("{name}, {n_folds} folds over {n_groups} groups, seed {}", self.seed)
    }

    /// What was found, with intervals and a p against this null.
    pub(crate) fn scored(
        &self,
        found: Found,
        labels: &Labels,
        against: Option<&PermutationNull>,
        null: Option<PermutationNull>,
    ) -> Result<Scored, FitError> {
        let bootstrap = Bootstrap::resamples(self.resamples).seed(self.seed);
        let (n_classes, classes, groups) = (labels.n_classes(), labels.classes(), labels.groups());
        let auroc = match n_classes {
            2 => auroc_grouped(&found.scores, &of_class_1(classes), groups, bootstrap)?,
            _ => auroc_one_vs_rest_grouped(&found.scores, n_classes, classes, groups, bootstrap)?,
        };
        let given: Vec<usize> = found.scores.chunks(n_scores(n_classes)).map(predicted).collect();
        let accuracy = classify_grouped(classes, &given, n_classes, ClassMetric::BalancedAccuracy, groups, bootstrap)?;
        let auroc = auroc.qualified("out of fold");
        Ok(Scored {
            name: found.name,
            auroc: match against {
                Some(against) => auroc.with_permutation(against),
                None => auroc,
            },
            accuracy: accuracy.qualified("out of fold"),
            scores: found.scores,
            null,
        })
    }
}

impl CrossFitted {
    /// Which of the probes has the greatest AUROC, the first of equals.
    ///
    /// Its p counts for all of them; its AUROC does not, and flatters it.
    pub fn best(&self) -> usize {
        let greatest = self.probes.iter().map(|scored| scored.auroc.value()).fold(f64::NEG_INFINITY, f64::max);
        self.probes.iter().position(|scored| scored.auroc.value() >= greatest).unwrap_or_default()
    }

    /// The probes, then the baselines: what a report shows together.
    pub fn all(&self) -> impl Iterator<Item = &Scored> {
        self.probes.iter().chain(&self.baselines)
    }
}

/// Where a fold comes from, and what scores it.
enum Source<'a> {
    Rows(&'a Features, &'a dyn Probe),
    Texts(Seen, &'a dyn Probe),
}

impl Source<'_> {
    fn name(&self) -> String {
        match self {
            Self::Rows(features, _) => features.name().to_owned(),
            Self::Texts(texts, _) => texts.name().to_owned(),
        }
    }

    /// Scores of the test rows by each labelling of the training rows.
    fn scores(
        &self,
        (train, test): &Side,
        labels: &Labels,
        labellings: &[Vec<usize>],
    ) -> Result<Vec<Vec<f64>>, FitError> {
        let groups = train.iter().map(|&row| labels.groups()[row]).collect();
        let (fold, probe) = match self {
            Self::Rows(features, probe) => {
                let fold = Fold::new(features.matrix(train), features.matrix(test), groups, probe.scaling());
                (fold.of_rows(train.clone(), test.clone()), probe)
            }
            Self::Texts(texts, probe) => (texts.fold(train, test, groups), probe),
        };
        probe.score(&fold, &at_rows(labellings, train), labels.n_classes())
    }
}

/// Scores of all rows, and the AUROC of every labelling, the real one first.
pub(crate) struct Found {
    name: String,
    pub(crate) scores: Vec<f64>,
    pub(crate) aurocs: Vec<f64>,
}

impl Found {
    /// From the scores of the test rows of each fold, by each labelling.
    pub(crate) fn new(
        name: String,
        of_folds: &[Vec<Vec<f64>>],
        sides: &[Side],
        labellings: &[Vec<usize>],
        n_classes: usize,
    ) -> Result<Self, FitError> {
        let n_rows = labellings[0].len();
        let together = |labelling| put_together(of_folds, sides, labelling, n_rows, n_classes);
        let aurocs = (0..labellings.len())
            .into_par_iter()
            .map(|labelling| macro_auroc(&together(labelling), &labellings[labelling], n_classes))
            .collect::<Result<_, _>>()?;
        Ok(Self { name, scores: together(0), aurocs })
    }
}

/// Scores of each row by a probe that it was not part of, row after row: raw material for questions that [`CrossFit`] does
/// not ask, without its null and its baselines.
///
/// # Errors
/// Those of [`CrossFit::run_on`].
pub fn out_of_fold(
    probe: &dyn Probe,
    features: &Features,
    labels: &Labels,
    folds: &Folds,
) -> Result<Vec<f64>, FitError> {
    labels.check(features.name(), features.len())?;
    let (sides, labellings) = (labels.sides(folds)?, [labels.classes().to_vec()]);
    let of_fold = |side: &Side| Source::Rows(features, probe).scores(side, labels, &labellings);
    let scored = sides.par_iter().map(of_fold).collect::<Result<Vec<_>, FitError>>()?;
    Ok(put_together(&scored, &sides, 0, labels.len(), labels.n_classes()))
}

/// The classes of a shuffle, and the scores of a probe fitted to them.
pub type ShuffledScores = (Vec<usize>, Vec<f64>);

/// As [`out_of_fold`], for labels that are shuffled so often, as their design allows: each shuffle's classes, and the scores
/// of a probe fitted to them.
///
/// What is asked of the scores of the labels as they are is asked of these: that is its null
/// ([`PermutationNull::from_values`]). The shuffles of a seed are those of [`CrossFit`].
///
/// # Errors
/// Those of [`CrossFit::run_on`].
pub fn out_of_fold_null(
    probe: &dyn Probe,
    features: &Features,
    labels: &Labels,
    folds: &Folds,
    permutations: usize,
    seed: u64,
) -> Result<Vec<ShuffledScores>, FitError> {
    labels.check(features.name(), features.len())?;
    let (sides, labellings) = (labels.sides(folds)?, labels.shuffles(permutations, seed)?);
    let of_fold = |side: &Side| Source::Rows(features, probe).scores(side, labels, &labellings);
    let scored = sides.par_iter().map(of_fold).collect::<Result<Vec<_>, FitError>>()?;
    let scores = |p: usize| put_together(&scored, &sides, p, labels.len(), labels.n_classes());
    Ok(labellings.into_iter().enumerate().map(|(p, classes)| (classes, scores(p))).collect())
}

/// Scores of one labelling in the order of the rows.
fn put_together(of_folds: &[Vec<Vec<f64>>], sides: &[Side], labelling: usize, n: usize, n_classes: usize) -> Vec<f64> {
    let mut scores = vec![0.0; n * n_scores(n_classes)];
    for (of_fold, (_, test)) in of_folds.iter().zip(sides) {
        put_at_rows(&mut scores, &of_fold[labelling], test, n_classes);
    }
    scores
}

/// The AUROC of scores, row after row; of more than two classes the mean over them, each against the others.
pub(crate) fn macro_auroc(scores: &[f64], classes: &[usize], n_classes: usize) -> Result<f64, StatsError> {
    match n_classes {
        2 => auroc(scores, &of_class_1(classes)),
        _ => auroc_one_vs_rest(scores, n_classes, classes),
    }
}

fn of_class_1(classes: &[usize]) -> Vec<bool> {
    classes.iter().map(|&class| class == 1).collect()
}

/// Name (as wide as asked for), AUROC, and what chance gives.
impl fmt::Display for Scored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:width$}  {}", self.name, self.auroc, width = f.width().unwrap_or(0))?;
        match &self.null {
            Some(null) => write!(f, "  null {:.3}", null.mean()),
            None => Ok(()),
        }
    }
}

/// The probe and its baselines, a line each.
impl fmt::Display for CrossFitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.all().map(|s| s.name.chars().count()).max().unwrap_or(0);
        let line = |f: &mut fmt::Formatter<'_>, scored: &Scored| writeln!(f, "  {scored:width$}");
        writeln!(f, "{}", self.how)?;
        self.probes.iter().try_for_each(|scored| line(f, scored))?;
        if let Some(why) = &self.no_null {
            writeln!(f, "no null of shuffled labels: {why}")?;
        }
        if let Some(why) = &self.left_out {
            return writeln!(f, "no baselines: {why}");
        }
        writeln!(f, "what the texts alone give away")?;
        self.baselines.iter().try_for_each(|scored| line(f, scored))
    }
}
