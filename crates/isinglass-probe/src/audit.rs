//! What the texts of a data set give away before any model reads them.

mod ends;
mod lengths;
mod limits;
mod openings;
mod repeats;
mod separability;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use isinglass_stats::{Bootstrap, StatsError};
use serde::Serialize;

use crate::error::FitError;
use crate::labels::Labels;

pub use ends::Ends;
pub use lengths::{Lengths, LengthsOfClass, LengthsOfPair, Unit};
pub use limits::{Found, Limits, Verdict};
pub use openings::Opening;
pub use repeats::{Duplicate, NGram, Repeats};
pub use separability::{Separated, Telling, Told};

/// One text of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditText<'a> {
    /// The text.
    pub text: &'a str,
    /// Its class, from 0.
    pub class: usize,
    /// Its group: texts of one group (a pair, the replies to one scenario) never lie on both sides of a split.
    pub group: u64,
}

/// Audits a data set: what of its labels could be read off the texts without knowing what they mean.
///
/// A probe of activations finds whatever tells its classes apart, and so does a count of commas.
/// The audit counts texts, duplicates and phrases that come back, openings, final marks and lengths, and asks by
/// cross-validation, as [`CrossFit`](crate::CrossFit) asks a probe, how well words, characters, length and punctuation
/// tell each two classes apart; [`Limits`] says of each number whether it is too great.
///
/// One split into folds is noisy: an AUROC of a hundred texts moves by some hundredths with the split.
/// So each figure of a baseline is the mean over several splits, and so is each value of its null.
///
/// An audit that passes does not make labels right, nor texts natural; it shows that what was counted here gives little
/// away.
///
/// ```
/// use isinglass_probe::audit::{Audit, AuditText};
///
/// let scenes = ["ferry", "kettle", "ladder", "garden", "meeting", "train"];
/// let texts: Vec<String> =
///     scenes.iter().flat_map(|s| [format!("The {s} was fine, thank you!"), format!("My {s} broke down today.")]).collect();
/// let texts: Vec<AuditText> = texts
///     .iter()
///     .enumerate()
///     .map(|(i, text)| AuditText { text, class: i % 2, group: i as u64 / 2 })
///     .collect();
/// let audited = Audit::of(&texts, &["glad", "cross"]).folds(3).splits(2).permutations(50).run()?;
/// let over: Vec<String> = audited.over().map(|verdict| verdict.to_string()).collect();
/// assert!(over.iter().any(|line| line.starts_with("first three words, glad vs cross: 1.000")), "{over:?}");
/// # Ok::<(), isinglass_probe::FitError>(())
/// ```
#[derive(Clone)]
pub struct Audit<'a> {
    texts: &'a [AuditText<'a>],
    names: Vec<&'a str>,
    beside: &'a [(&'a str, u64)],
    limits: Limits,
    folds: usize,
    splits: usize,
    permutations: usize,
    resamples: usize,
    seed: u64,
    progress: Option<&'a (dyn Fn(usize, usize) + Sync)>,
}

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Audited {
    /// How it was asked.
    pub how: String,
    /// The classes, in their order.
    pub classes: Vec<ClassCounts>,
    /// How many groups are made alike, the most frequent make first.
    pub makes: Vec<Make>,
    /// Texts and phrases that come back.
    pub repeats: Repeats,
    /// How the texts of each class begin.
    pub openings: Vec<Opening>,
    /// How they end.
    pub ends: Ends,
    /// How long they are, in each unit.
    pub lengths: Vec<Lengths>,
    /// How well each two classes are told apart, then all of them if there are more.
    pub separated: Vec<Separated>,
    /// Each number that has a limit.
    pub verdicts: Vec<Verdict>,
}

/// How many texts a class has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClassCounts {
    /// The class.
    pub class: String,
    /// Its texts.
    pub texts: usize,
    /// The groups that have a text of it.
    pub groups: usize,
}

/// Groups that have the same number of texts of each class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Make {
    /// Texts of each class.
    pub texts: Vec<usize>,
    /// How many groups have so many.
    pub groups: usize,
}

impl fmt::Debug for Audit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Audit({} texts of {}, {})", self.texts.len(), self.names.join(", "), self.how())
    }
}

impl<'a> Audit<'a> {
    /// An audit of these texts, whose classes have these names: 10 folds, 5 splits, 200 shuffles of the labels, 2,000
    /// bootstrap resamples, seed 0, [`Limits::of`] as many classes.
    pub fn of<S: AsRef<str>>(texts: &'a [AuditText<'a>], classes: &'a [S]) -> Self {
        let names: Vec<&str> = classes.iter().map(AsRef::as_ref).collect();
        let limits = Limits::of(names.len());
        let (folds, splits, permutations, resamples) = (10, 5, 200, 2000);
        Self { texts, names, beside: &[], limits, folds, splits, permutations, resamples, seed: 0, progress: None }
    }

    /// Texts without a class, each with its group, such as what the others answer: they count for duplicates and
    /// phrases, and for nothing else.
    #[must_use]
    pub fn beside(mut self, texts: &'a [(&'a str, u64)]) -> Self {
        self.beside = texts;
        self
    }

    /// What is too much.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Number of folds; every class needs texts in as many groups.
    #[must_use]
    pub fn folds(mut self, folds: usize) -> Self {
        self.folds = folds;
        self
    }

    /// How many times groups are dealt to folds, at least 1: figures are means over these splits.
    #[must_use]
    pub fn splits(mut self, splits: usize) -> Self {
        self.splits = splits;
        self
    }

    /// Number of shuffles of the labels, at least 1.
    #[must_use]
    pub fn permutations(mut self, permutations: usize) -> Self {
        self.permutations = permutations;
        self
    }

    /// Number of bootstrap resamples.
    #[must_use]
    pub fn resamples(mut self, resamples: usize) -> Self {
        self.resamples = resamples;
        self
    }

    /// Seed of shuffles and resamples; splits have this seed and those after it.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Told after every split of every baseline how many are done, of how many; from any thread.
    #[must_use]
    pub fn progress(mut self, progress: &'a (dyn Fn(usize, usize) + Sync)) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Counts, fits and judges.
    ///
    /// # Errors
    /// [`FitError::FewClasses`] below two classes, [`FitError::NoSuchClass`] for a text of another,
    /// [`FitError::FewGroups`] for a class with texts in fewer groups than folds, [`FitError::BadSetting`] for a limit that
    /// is no number or 0 splits or shuffles; what [`CrossFit::run`](crate::CrossFit::run) gives for folds and resamples.
    pub fn run(&self) -> Result<Audited, FitError> {
        let classes = self.check()?;
        let all: Vec<(&str, u64)> =
            self.texts.iter().map(|text| (text.text, text.group)).chain(self.beside.iter().copied()).collect();
        let repeats = Repeats::of(&all, self.limits.n_gram_texts);
        let lengths = Unit::ALL.into_iter().map(|unit| Lengths::of(self, unit)).collect::<Result<Vec<_>, _>>()?;
        let ends = Ends::of(self)?;
        let separated = separability::separate(self)?;
        let verdicts = self.limits.judge(&repeats, &ends, &lengths, &separated);
        Ok(Audited {
            how: self.how(),
            classes,
            makes: self.makes(),
            repeats,
            openings: openings::openings(self)?,
            ends,
            lengths,
            separated,
            verdicts,
        })
    }

    fn how(&self) -> String {
        let Self { folds, splits, permutations, resamples, seed, .. } = self;
        format!("{folds} folds, {splits} splits, {permutations} permutations, {resamples} resamples, seed {seed}")
    }

    fn check(&self) -> Result<Vec<ClassCounts>, FitError> {
        self.limits.check()?;
        for (what, n) in [("splits", self.splits), ("permutations", self.permutations)] {
            if n == 0 {
                return Err(FitError::BadSetting { what, value: 0.0, range: "1 at least" });
            }
        }
        let n_classes = self.names.len();
        if self.texts.is_empty() {
            return Err(StatsError::Empty { what: "texts" }.into());
        }
        if let Some(text) = self.texts.iter().find(|text| text.class >= n_classes) {
            return Err(FitError::NoSuchClass { class: text.class, n_classes });
        }
        if n_classes < 2 {
            return Err(FitError::FewClasses { present: (0..n_classes).collect(), n_classes });
        }
        let counts = |class: usize| {
            let groups: Vec<u64> = self.of_class(class).map(|text| text.group).collect();
            let n_groups = groups.iter().collect::<BTreeSet<_>>().len();
            let name = self.names[class].to_owned();
            if n_groups < self.folds {
                return Err(FitError::FewGroups { class: name, n_groups, least: self.folds });
            }
            Ok(ClassCounts { class: name, texts: groups.len(), groups: n_groups })
        };
        (0..n_classes).map(counts).collect()
    }

    fn makes(&self) -> Vec<Make> {
        let mut groups: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for text in self.texts {
            groups.entry(text.group).or_insert_with(|| vec![0; self.names.len()])[text.class] += 1;
        }
        let mut makes: BTreeMap<Vec<usize>, usize> = BTreeMap::new();
        for make in groups.into_values() {
            *makes.entry(make).or_default() += 1;
        }
        let mut makes: Vec<Make> = makes.into_iter().map(|(texts, groups)| Make { texts, groups }).collect();
        makes.sort_by(|a, b| b.groups.cmp(&a.groups).then_with(|| b.texts.cmp(&a.texts)));
        makes
    }

    fn of_class(&self, class: usize) -> impl Iterator<Item = &'a AuditText<'a>> {
        self.texts.iter().filter(move |text| text.class == class)
    }

    fn bootstrap(&self) -> Bootstrap {
        Bootstrap::resamples(self.resamples).seed(self.seed)
    }

    /// Each two classes.
    fn pairs(&self) -> impl Iterator<Item = [usize; 2]> + use<> {
        let n = self.names.len();
        (0..n).flat_map(move |a| (a + 1..n).map(move |b| [a, b]))
    }

    /// The texts of some classes, and their labels as places in that list.
    fn labelled(&self, classes: &[usize]) -> Result<(Vec<&'a str>, Labels), FitError> {
        let place = |text: &&AuditText<'a>| classes.iter().position(|&class| class == text.class);
        let found = || self.texts.iter().filter_map(|text| Some((text, place(&text)?)));
        let texts = found().map(|(text, _)| text.text).collect();
        let (labels, groups) = found().map(|(text, place)| (place, text.group)).unzip();
        Ok((texts, designed(labels, groups)?))
    }
}

impl Audited {
    /// The verdicts on what is too much.
    pub fn over(&self) -> impl Iterator<Item = &Verdict> {
        self.verdicts.iter().filter(|verdict| verdict.over)
    }
}

/// Labels of the design that the groups have: rows without company, groups of one class, or groups of several.
fn designed(classes: Vec<usize>, groups: Vec<u64>) -> Result<Labels, FitError> {
    let mut of: BTreeMap<u64, (usize, bool)> = BTreeMap::new();
    for (&class, &group) in classes.iter().zip(&groups) {
        let (first, mixed) = of.entry(group).or_insert((class, false));
        *mixed |= *first != class;
    }
    if of.values().any(|(_, mixed)| *mixed) {
        Labels::within_groups(classes, groups)
    } else if of.len() < groups.len() {
        Labels::of_groups(classes, groups)
    } else {
        Labels::of_independent_rows(classes)
    }
}

#[cfg(test)]
mod tests;
