//! Probes that choose where in a text to look.

mod lbfgs;
mod objective;

use std::fmt;

use faer::Mat;
use isinglass_core::{Direction, SiteId};
use isinglass_stats::{PermutationNull, Split};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use self::lbfgs::Lbfgs;
use self::objective::{Parameters, Texts};
use crate::baselines::Baselines;
use crate::cross_fit::{CrossFit, CrossFitted, Found, Scored};
use crate::error::{FitError, positive};
use crate::fold::{Fold, Scaling};
use crate::labels::Labels;
use crate::logistic::{Logistic, all_present};
use crate::probe::{at_rows, each_against_rest};
use crate::sequences::Sequences;

/// A probe of whole texts that learns which of their rows to look at: attention with a query of its own in place of a mean.
///
/// `score = Σ_heads Σ_t softmax_t(q · x_t) (w · x_t) + b`, fitted to minimise
/// `Σ_heads (|q|² + |w|²) / 2 + C Σ log-loss`; more than two classes each have one against the others.
/// (Pooling by a learned query is that of Yang et al., "Hierarchical attention networks for document classification", 2016;
/// with `q = 0` it is a logistic probe of the mean.)
/// Rows are standardised over all rows of the training texts.
///
/// The objective has several minima: it is minimised from several [starts](Self::starts), one of them the mean, until the
/// gradient is no longer than [tolerance](Self::tolerance) `× C × texts`, and the lowest minimum is taken.
///
/// That it looks at a row does not show that the model does, nor that what it needs stands there first: later rows of a
/// causal model repeat what earlier ones hold.
/// It has twice the parameters of a probe of the mean for each head, and memorises more: look at the null and at the mean
/// beside it.
/// For several layers, adjust the p: [`isinglass_stats::adjust`].
///
/// ```
/// use isinglass_probe::{AttentionProbe, Baselines, Labels, Sequences};
///
/// // Three rows a text: the one that is marked in the first column has the class in the second.
/// let text = |i: usize| -> Vec<f64> {
///     let row = |t: usize| if t == i % 3 { [3.0, 2.0 * (i / 3 % 2) as f64 - 1.0] } else { [0.0, ((i * (t + 2)) % 5) as f64 - 2.0] };
///     (0..3).flat_map(row).collect()
/// };
/// let texts = Sequences::new("toy", 2, &(0..48).map(text).collect::<Vec<_>>())?;
/// let labels = Labels::of_independent_rows((0..48).map(|i| i / 3 % 2).collect())?;
/// let found = AttentionProbe::new(1.0).permutations(10).cross_fit(&texts, &labels, &Baselines::left_out("a toy"))?;
/// assert!(found.attention.auroc.value() > found.pooled.probes[0].auroc.value());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttentionProbe {
    c: f64,
    heads: usize,
    starts: usize,
    tolerance: f64,
    folds: usize,
    permutations: usize,
    resamples: usize,
    seed: u64,
}

/// How good an attention probe is, with a probe of the mean beside it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AttentionFound {
    /// The probe, and how it was asked.
    pub how: String,
    /// The attention probe, out of fold.
    pub attention: Scored,
    /// A logistic probe of the mean of each text, of the same `C`, by the same folds and shuffles, and what the texts alone
    /// give away.
    pub pooled: CrossFitted,
}

/// A fitted attention probe of one class against the others, for rows in their own units.
#[derive(Debug, Clone)]
pub struct Attention {
    parameters: Parameters,
    site: Option<SiteId>,
    how: String,
}

/// Steps after which a start is given up.
const MAX_STEPS: usize = 5000;

impl AttentionProbe {
    /// With this `C`, one head, 3 starts; cross-fitted in five folds with 100 shuffles of the labels, each of which is
    /// fitted as the labels are, and 2,000 bootstrap resamples, seed 0.
    pub const fn new(c: f64) -> Self {
        Self { c, heads: 1, starts: 3, tolerance: 1e-5, folds: 5, permutations: 100, resamples: 2000, seed: 0 }
    }

    /// Number of heads, whose sum is the score.
    #[must_use]
    pub const fn heads(mut self, heads: usize) -> Self {
        self.heads = heads;
        self
    }

    /// Number of starts: the mean, then queries drawn at random.
    #[must_use]
    pub const fn starts(mut self, starts: usize) -> Self {
        self.starts = starts;
        self
    }

    /// Length of the gradient, over `C × texts`, at which a fit is done; 1e-5 unless set.
    #[must_use]
    pub const fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
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

    /// Seed of starts, folds, shuffles and resamples.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    fn name(&self) -> String {
        let plural = if self.heads == 1 { "" } else { "s" };
        format!("attention, {} head{plural}, C = {}", self.heads, self.c)
    }

    /// Cross-validates it on texts, one label each, beside a probe of the mean of each text.
    ///
    /// # Errors
    /// [`FitError`] if sequences, texts and labels differ in number, there are fewer groups than folds, a class is missing
    /// from a fold, or a fit does not converge.
    pub fn cross_fit(
        &self,
        sequences: &Sequences,
        labels: &Labels,
        baselines: &Baselines<'_>,
    ) -> Result<AttentionFound, FitError> {
        labels.check(sequences.name(), sequences.len())?;
        self.check()?;
        let split = Split::grouped(labels.groups()).folds(self.folds).seed(self.seed).stratified(labels.classes());
        let folds = split.split()?;
        let mean = Logistic::l2(self.c);
        let beside = CrossFit::new(&mean).permutations(self.permutations).resamples(self.resamples).seed(self.seed);
        let pooled = beside.run_on(&folds, &[sequences.mean_pooled()], labels, baselines)?;

        let sides = labels.sides(&folds)?;
        let n_classes = labels.n_classes();
        let labellings = beside.labellings(labels)?;
        let scored: Vec<Vec<Vec<f64>>> = sides
            .iter()
            .map(|(train, test)| self.score(sequences, train, test, &at_rows(&labellings, train), n_classes))
            .collect::<Result<_, FitError>>()?;
        let found = Found::new(sequences.name().to_owned(), &scored, &sides, &labellings, n_classes)?;
        let null = PermutationNull::from_values(found.aurocs[1..].to_vec(), labels.null())?;
        let attention = beside.scored(found, labels, Some(&null), Some(null.clone()))?;
        let how = beside.how(&self.name(), labels, sides.len());
        Ok(AttentionFound { how, attention, pooled })
    }

    /// Fits one class against the others in all texts: to see where it looks, not to say how good it is.
    ///
    /// # Errors
    /// [`FitError`] if sequences and labels differ in number, there is no such class, or the fit does not converge.
    pub fn fit(&self, sequences: &Sequences, labels: &Labels, class: usize) -> Result<Attention, FitError> {
        labels.check(sequences.name(), sequences.len())?;
        self.check()?;
        let name = labels.names().get(class).ok_or(FitError::NoSuchClass { class, n_classes: labels.n_classes() })?;
        let all: Vec<usize> = (0..sequences.len()).collect();
        let (rows, bounds) = sequences.matrix(&all);
        let none = Mat::zeros(0, sequences.width());
        let fold = Fold::new(rows, none, vec![0; bounds[all.len()]], Scaling::Standardised);
        let texts = Texts { rows: fold.coordinates()[0], bounds: &bounds };
        let found = self.lowest(texts, labels.classes(), class, fold.train().ncols())?;
        let mut columns = fold.over_columns(found.columns);
        let mut shifts = vec![0.0; columns.ncols()];
        fold.unscaled(&mut columns, &mut shifts);
        // What all rows of a text add to a query changes nothing; to a value, by attention that sums to one, a constant.
        let intercept = found.intercept + shifts.iter().skip(1).step_by(2).sum::<f64>();
        let how = format!("towards {name}: {} over {} texts", self.name(), sequences.len());
        Ok(Attention { parameters: Parameters { columns, intercept }, site: sequences.site(), how })
    }

    fn check(&self) -> Result<(), FitError> {
        positive([("C", self.c), ("tolerance", self.tolerance)])?;
        for (what, value) in [("number of heads", self.heads), ("number of starts", self.starts)] {
            if value == 0 {
                return Err(FitError::BadSetting { what, value: 0.0, range: "at least 1" });
            }
        }
        Ok(())
    }

    /// Scores of the test texts by each labelling of the training texts.
    fn score(
        &self,
        sequences: &Sequences,
        train: &[usize],
        test: &[usize],
        labellings: &[Vec<usize>],
        n_classes: usize,
    ) -> Result<Vec<Vec<f64>>, FitError> {
        labellings.iter().try_for_each(|labels| all_present(labels, n_classes))?;
        let (train, train_bounds) = sequences.matrix(train);
        let (test, test_bounds) = sequences.matrix(test);
        let (groups, width) = (vec![0; train.nrows()], train.ncols());
        let fold = Fold::new(train, test, groups, Scaling::Standardised);
        let [train, test] = fold.coordinates();
        let (train, test) = (Texts { rows: train, bounds: &train_bounds }, Texts { rows: test, bounds: &test_bounds });
        labellings
            .par_iter()
            .map(|labels| {
                each_against_rest(n_classes, |class| Ok(self.lowest(train, labels, class, width)?.scores(test)))
            })
            .collect()
    }

    /// The lowest of the minima below the starts; `width` is that of the rows, which may have fewer coordinates.
    fn lowest(&self, texts: Texts<'_>, labels: &[usize], class: usize, width: usize) -> Result<Parameters, FitError> {
        let coordinates = texts.rows.ncols();
        let signs: Vec<f64> = labels.iter().map(|&c| if c == class { 1.0 } else { -1.0 }).collect();
        let tolerance = self.tolerance * self.c * labels.len() as f64;
        let lbfgs = Lbfgs { tolerance, max_steps: MAX_STEPS };
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let minima = (0..self.starts).map(|start| {
            let mut numbers = vec![0.0; 2 * self.heads * coordinates + 1];
            for head in usize::from(start == 0)..self.heads {
                let query = &mut numbers[2 * head * coordinates..(2 * head + 1) * coordinates];
                // Standardised rows are about the root of the width long: queries make of them numbers of variance 1.
                let reach = (3.0 / width as f64).sqrt();
                query.fill_with(|| rng.random_range(-reach..reach));
            }
            lbfgs.minimise(numbers, |at| Parameters::of(at, coordinates).objective(texts, &signs, self.c))
        });
        let (converged, stuck): (Vec<_>, Vec<_>) = minima.partition(|minimum| minimum.converged);
        match converged.into_iter().min_by(|a, b| a.value.total_cmp(&b.value)) {
            Some(lowest) => Ok(Parameters::of(&lowest.at, coordinates)),
            None => Err(FitError::NotConverged { probe: self.name(), steps: MAX_STEPS, unfinished: stuck.len() }),
        }
    }
}

impl Attention {
    /// The score of each text, above 0 for the class.
    ///
    /// # Errors
    /// [`FitError::WrongWidth`] if the rows are of another width.
    pub fn scores(&self, sequences: &Sequences) -> Result<Vec<f64>, FitError> {
        self.on(sequences, Parameters::scores)
    }

    /// How much of its attention each head gives to each row of each text, `[text][head][row]`; the rows of a text sum to 1.
    ///
    /// # Errors
    /// [`FitError::WrongWidth`] if the rows are of another width.
    pub fn attention(&self, sequences: &Sequences) -> Result<Vec<Vec<Vec<f64>>>, FitError> {
        self.on(sequences, |parameters, texts| {
            let heads = parameters.attention(texts);
            texts.bounds.windows(2).map(|b| heads.iter().map(|head| head[b[0]..b[1]].to_vec()).collect()).collect()
        })
    }

    /// The direction along which a head's value rises: towards the class, in the rows that it looks at.
    ///
    /// # Errors
    /// [`FitError::NoSite`] if the rows were no activations, [`FitError::BadSetting`] for a head that there is not.
    pub fn direction(&self, head: usize) -> Result<Direction, FitError> {
        let site = self.site.ok_or(FitError::NoSite)?;
        let columns = &self.parameters.columns;
        if head >= columns.ncols() / 2 {
            let range = "less than the number of heads";
            return Err(FitError::BadSetting { what: "head", value: head as f64, range });
        }
        let vector = columns.col_as_slice(2 * head + 1).iter().map(|w| *w as f32).collect();
        Ok(Direction { site, vector, how: format!("{}, value of head {head}", self.how) })
    }

    fn on<T>(&self, sequences: &Sequences, see: impl Fn(&Parameters, Texts<'_>) -> T) -> Result<T, FitError> {
        let (width, expected) = (sequences.width(), self.parameters.columns.nrows());
        if width != expected {
            return Err(FitError::WrongWidth { name: sequences.name().to_owned(), width, expected });
        }
        let (rows, bounds) = sequences.matrix(&(0..sequences.len()).collect::<Vec<_>>());
        Ok(see(&self.parameters, Texts { rows: rows.as_ref(), bounds: &bounds }))
    }
}

/// The attention probe, then the probe of the mean and the texts.
impl fmt::Display for AttentionFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.how)?;
        writeln!(f, "  {}", self.attention)?;
        write!(f, "{}", self.pooled)
    }
}
