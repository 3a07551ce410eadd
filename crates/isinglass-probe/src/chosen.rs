//! The best of several probes, chosen within the training rows.

use std::collections::BTreeMap;

use faer::Mat;
use isinglass_stats::{Split, StatsError};
use rayon::prelude::*;

use crate::cross_fit::macro_auroc;
use crate::error::FitError;
use crate::features::Features;
use crate::fold::{Fold, Scaling};
use crate::labels::Labels;
use crate::probe::{LinearProbe, Probe, at_rows, n_scores, put_at_rows};

/// The best of several probes, such as logistic ones of several `C`, chosen anew in the training rows of every fold: nested
/// cross-validation (Cawley and Talbot, "On over-fitting in model selection", 2010).
///
/// The training rows are split again, groups kept whole; each candidate is scored on the rows that it did not see there, the
/// one of greatest AUROC (of more than two classes the mean over the classes) is fitted to all training rows, and it alone
/// scores the test rows.
/// Of equals the first is chosen: put the simplest first.
///
/// A candidate chosen by the folds that it is reported on flatters: the greatest of several figures is high by luck too.
/// Here neither the figure nor the null knows such luck, as the choice is part of the fit: every shuffle of the labels
/// **chooses again**.
/// What is scored is the procedure, not one candidate: folds may have chosen differently, and
/// [`choose`](Self::choose) says which one all rows would have.
///
/// ```
/// use isinglass_probe::{Baselines, Chosen, CrossFit, Features, Labels, Logistic};
///
/// let values = (0..60).flat_map(|i| [f64::from(i % 2) * 4.0 + f64::from(i % 5), f64::from(i % 7)]).collect();
/// let layer = Features::new("layer 3", 2, values)?;
/// let labels = Labels::paired((0..60).map(|i| i % 2 == 1).collect(), (0..60).map(|i| i / 2).collect())?;
/// let probe = Chosen::among([0.01, 0.1, 1.0].map(Logistic::l2));
/// let none = Baselines::left_out("numbers have no texts");
/// let found = CrossFit::new(&probe).permutations(50).run(&[layer], &labels, &none)?;
/// assert!(found.probes[0].auroc.value() > 0.8);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen<P> {
    candidates: Vec<P>,
    folds: usize,
    seed: u64,
}

/// Which candidate was chosen, and why.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Choice {
    /// Its place among the candidates, from 0.
    pub candidate: usize,
    /// Its name.
    pub name: String,
    /// The AUROC of each candidate on the inner folds: what the choice was made by, which flatters the one chosen.
    pub aurocs: Vec<f64>,
}

impl<P: Probe> Chosen<P> {
    /// Among these, by five inner folds, seed 0. Probes of several kinds go in boxes: `Box<dyn Probe>`.
    pub fn among(candidates: impl Into<Vec<P>>) -> Self {
        Self { candidates: candidates.into(), folds: 5, seed: 0 }
    }

    /// Number of inner folds.
    #[must_use]
    pub fn folds(mut self, folds: usize) -> Self {
        self.folds = folds;
        self
    }

    /// Seed of the inner folds.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Which candidate all rows choose; to fit once, not to say how good it is.
    ///
    /// # Errors
    /// [`FitError`] if rows and labels differ in number, or a candidate cannot be fitted to an inner fold.
    pub fn choose(&self, features: &Features, labels: &Labels) -> Result<Choice, FitError> {
        labels.check(features.name(), features.len())?;
        let fold = Fold::whole(features, labels.groups().to_vec(), Scaling::AsIs);
        let of_labels = self.aurocs(&fold, &[labels.classes().to_vec()], labels.n_classes())?.swap_remove(0);
        let candidate = first_greatest(&of_labels);
        Ok(Choice { candidate, name: self.candidates[candidate].name(), aurocs: of_labels })
    }

    /// The inner AUROC of each candidate, for each labelling.
    fn aurocs(&self, fold: &Fold, labellings: &[Vec<usize>], n_classes: usize) -> Result<Vec<Vec<f64>>, FitError> {
        if self.candidates.is_empty() {
            return Err(StatsError::Empty { what: "candidates" }.into());
        }
        // Each labelling has the folds that are stratified by it, or choosing would treat the true one specially. Where
        // labels are shuffled within groups those are the same folds, and what depends on rows alone is computed once.
        let mut alike: BTreeMap<Vec<Vec<usize>>, Vec<usize>> = BTreeMap::new();
        for (at, labels) in labellings.iter().enumerate() {
            let split = Split::grouped(fold.groups()).folds(self.folds).seed(self.seed).stratified(labels);
            alike.entry(split.split()?.iter().map(|(_, test)| test).collect()).or_default().push(at);
        }
        let alike: Vec<(Vec<Vec<usize>>, Vec<usize>)> = alike.into_iter().collect();
        let found: Vec<Vec<(usize, Vec<f64>)>> = alike
            .par_iter()
            .map(|(tests, of)| {
                let labellings: Vec<&[usize]> = of.iter().map(|&at| &labellings[at][..]).collect();
                let aurocs = self.aurocs_on(tests, fold, &labellings, n_classes)?;
                Ok(of.iter().copied().zip(aurocs).collect())
            })
            .collect::<Result<_, FitError>>()?;
        let mut aurocs = vec![Vec::new(); labellings.len()];
        found.into_iter().flatten().for_each(|(at, of)| aurocs[at] = of);
        Ok(aurocs)
    }

    fn aurocs_on(
        &self,
        tests: &[Vec<usize>],
        fold: &Fold,
        labellings: &[&[usize]],
        n_classes: usize,
    ) -> Result<Vec<Vec<f64>>, FitError> {
        let n = fold.train().nrows();
        let mut scores = vec![vec![vec![0.0; n * n_scores(n_classes)]; labellings.len()]; self.candidates.len()];
        for test in tests {
            let train: Vec<usize> = (0..n).filter(|row| test.binary_search(row).is_err()).collect();
            let of_train = at_rows(labellings, &train);
            let inner = Scaled::of(|scaling| fold.inner(&train, test, scaling));
            for (scores, candidate) in scores.iter_mut().zip(&self.candidates) {
                let found = candidate.score(inner.at(candidate.scaling()), &of_train, n_classes)?;
                for (scores, found) in scores.iter_mut().zip(found) {
                    put_at_rows(scores, &found, test, n_classes);
                }
            }
        }
        let auroc = |scores: &[Vec<f64>], p: usize| macro_auroc(&scores[p], labellings[p], n_classes);
        (0..labellings.len()).map(|p| scores.iter().map(|scores| Ok(auroc(scores, p)?)).collect()).collect()
    }
}

fn first_greatest(values: &[f64]) -> usize {
    (1..values.len()).fold(0, |best, at| if values[at] > values[best] { at } else { best })
}

/// A fold in each scaling, made when first asked for.
struct Scaled<F> {
    make: F,
    made: [std::sync::OnceLock<Fold>; 2],
}

impl<F: Fn(Scaling) -> Fold> Scaled<F> {
    fn of(make: F) -> Self {
        Self { make, made: Default::default() }
    }

    fn at(&self, scaling: Scaling) -> &Fold {
        self.made[usize::from(scaling == Scaling::Standardised)].get_or_init(|| (self.make)(scaling))
    }
}

impl<P: Probe> Probe for Chosen<P> {
    fn name(&self) -> String {
        let names: Vec<String> = self.candidates.iter().map(Probe::name).collect();
        format!("chosen within the training rows, {} folds, among {}", self.folds, names.join("; "))
    }

    /// Each candidate scales for itself.
    fn scaling(&self) -> Scaling {
        Scaling::AsIs
    }

    fn score(&self, fold: &Fold, labellings: &[Vec<usize>], n_classes: usize) -> Result<Vec<Vec<f64>>, FitError> {
        let chosen: Vec<usize> =
            self.aurocs(fold, labellings, n_classes)?.iter().map(|aurocs| first_greatest(aurocs)).collect();
        let whole = Scaled::of(|scaling| fold.with(fold.train().to_owned(), fold.test().to_owned(), scaling));
        let mut scores = vec![Vec::new(); labellings.len()];
        for (candidate, probe) in self.candidates.iter().enumerate() {
            let choosing: Vec<usize> = (0..labellings.len()).filter(|&p| chosen[p] == candidate).collect();
            if choosing.is_empty() {
                continue;
            }
            let of: Vec<Vec<usize>> = choosing.iter().map(|&p| labellings[p].clone()).collect();
            let found = probe.score(whole.at(probe.scaling()), &of, n_classes)?;
            choosing.into_iter().zip(found).for_each(|(p, found)| scores[p] = found);
        }
        Ok(scores)
    }
}

impl<P: LinearProbe> LinearProbe for Chosen<P> {
    fn weigh(&self, fold: &Fold, labels: &[usize], n_classes: usize) -> Result<(Mat<f64>, Vec<f64>), FitError> {
        let aurocs = self.aurocs(fold, &[labels.to_vec()], n_classes)?;
        let probe = &self.candidates[first_greatest(&aurocs[0])];
        let scaled = fold.with(fold.train().to_owned(), Mat::zeros(0, fold.train().ncols()), probe.scaling());
        let (mut weights, mut intercepts) = probe.weigh(&scaled, labels, n_classes)?;
        scaled.unscaled(&mut weights, &mut intercepts);
        Ok((weights, intercepts))
    }
}

impl<P: Probe + ?Sized> Probe for Box<P> {
    fn name(&self) -> String {
        (**self).name()
    }

    fn scaling(&self) -> Scaling {
        (**self).scaling()
    }

    fn score(&self, fold: &Fold, labellings: &[Vec<usize>], n_classes: usize) -> Result<Vec<Vec<f64>>, FitError> {
        (**self).score(fold, labellings, n_classes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Baselines, CrossFit, Logistic, Svm};

    /// Rings: straight boundaries are of no use, curved ones are.
    fn rings(n: usize) -> (Features, Labels) {
        let at = |i: usize| (1.0 + 2.0 * (i % 2) as f64, i as f64 * 2.4);
        let values = (0..n).map(at).flat_map(|(r, angle)| [r * angle.cos(), r * angle.sin()]).collect();
        let labels = Labels::of_independent_rows((0..n).map(|i| i % 2).collect()).unwrap();
        (Features::new("rings", 2, values).unwrap(), labels)
    }

    fn kinds() -> Chosen<Box<dyn Probe>> {
        let candidates: Vec<Box<dyn Probe>> = vec![Box::new(Logistic::l2(1.0)), Box::new(Svm::rbf(1.0))];
        Chosen::among(candidates).folds(3)
    }

    #[test]
    fn the_kind_that_fits_is_chosen() {
        let (features, labels) = rings(60);
        let choice = kinds().choose(&features, &labels).unwrap();
        assert_eq!(choice.candidate, 1);
        assert!(choice.aurocs[1] > 0.95 && choice.aurocs[0] < 0.7, "{choice:?}");
        let none = Baselines::left_out("rings");
        let found = CrossFit::new(&kinds()).permutations(39).run(&[features], &labels, &none).unwrap();
        assert!(found.probes[0].auroc.value() > 0.95, "{found}");
        // Choosing lifts no null.
        assert!((found.probes[0].null.as_ref().unwrap().mean() - 0.5).abs() < 0.08, "{found}");
    }

    #[test]
    fn one_candidate_is_itself_and_of_equals_the_first_is_chosen() {
        let (features, labels) = rings(40);
        let none = Baselines::left_out("rings");
        let run = |probe: &dyn Probe| {
            let crossed = CrossFit::new(probe).permutations(9).resamples(50);
            crossed.run(std::slice::from_ref(&features), &labels, &none).unwrap().probes.remove(0)
        };
        let one = Logistic::l2(0.5);
        assert_eq!(run(&one).scores, run(&Chosen::among([one.clone()])).scores);
        let twice = Chosen::among([one.clone(), one.clone()]);
        assert_eq!(twice.choose(&features, &labels).unwrap().candidate, 0);
        let alone = one.fit(&features, &labels).unwrap();
        let chosen = twice.fit(&features, &labels).unwrap();
        assert!(alone.weights[0].iter().zip(&chosen.weights[0]).all(|(a, b)| (a - b).abs() < 1e-12));
    }

    /// Labels that mean nothing, and twelve candidates to be lucky with.
    #[test]
    fn choosing_finds_nothing_where_there_is_nothing() {
        let values: Vec<f64> = (0..60 * 8).map(|i: usize| ((i * i * 31 + i * 17) % 103) as f64).collect();
        let features = Features::new("noise", 8, values).unwrap();
        let labels = Labels::of_independent_rows((0..60).map(|i| usize::from(i * i * 5 % 13 > 6)).collect()).unwrap();
        let none = Baselines::left_out("noise");
        let probe = Chosen::among((0..12).map(|k| Logistic::l2(10_f64.powi(k - 8))).collect::<Vec<_>>()).folds(3);
        let found = CrossFit::new(&probe).permutations(99).run(&[features], &labels, &none).unwrap();
        assert!(found.probes[0].auroc.p().unwrap().value() > 0.05, "{found}");
        assert!((found.probes[0].null.as_ref().unwrap().mean() - 0.5).abs() < 0.06, "{found}");
    }

    #[test]
    fn what_cannot_be_chosen_from_is_refused() {
        let (features, labels) = rings(40);
        let none = Chosen::<Logistic>::among([]).choose(&features, &labels);
        assert!(matches!(none, Err(FitError::Stats(StatsError::Empty { what: "candidates" }))));
        let many = Chosen::among([Logistic::l2(1.0)]).folds(41).choose(&features, &labels);
        assert!(matches!(many, Err(FitError::Stats(StatsError::FewerGroupsThanFolds { .. }))));
    }
}
