//! Whether kinds of probes agree, which they do about nonsense as well.

use isinglass_probe::{ClassMeans, Covariance, Labels, Lda, Probe, out_of_fold, out_of_fold_null};
use isinglass_stats::{Estimate, KappaWeights, PermutationNull, Resample, kappa};
use serde::{Deserialize, Serialize};

use super::{Null, folds, given, logistic};
use crate::StudyError;
use crate::tripartite::{Config, Pool, Sample};

/// How much kinds of probes agree on the classes of rows that they have not seen.
///
/// Agreement **by itself says nothing about truth**: probes that are fitted to the same rows and the same labels agree, whatever
/// the labels mean, for they are much the same map of the same training rows. So beside each kappa stands that of the same two
/// kinds fitted to shuffled labels, and that of each kind with the true classes.
/// A kappa above its null may follow from the classes being told apart at all, which the AUROC says better.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Agreements {
    /// Every two kinds of probes.
    pub pairs: Vec<Kappa>,
    /// Each kind with the classes that the rows have.
    pub with_truth: Vec<Kappa>,
}

/// How much two agree, beyond what their frequencies of classes give by chance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kappa {
    /// Who.
    pub of: [String; 2],
    /// Cohen's kappa, with an interval over scenarios and a p against the same for shuffled labels.
    pub kappa: Estimate,
    /// The same with probes of shuffled labels.
    pub shuffled: Null,
}

/// How often labels are shuffled for a kappa's null: for its mean, not for a small p.
const SHUFFLES: usize = 20;

/// How much kinds of linear probes agree, and how much of it shuffled labels give: one-vs-rest logistic, softmax (the same of
/// two classes, and then left out), class means, and linear discriminant.
///
/// # Errors
/// [`StudyError::Fit`] if a probe cannot be fitted, [`StudyError::Stats`] if all rows are given one class,
/// [`StudyError::NotCaptured`], [`StudyError::NoLayer`].
pub fn agreement(sample: &Sample, pool: Pool, layer: usize, config: &Config) -> Result<Agreements, StudyError> {
    let (features, labels) = (sample.layer(pool, layer)?, sample.labels()?);
    let (folds, n_classes) = (folds(&labels, config)?, labels.n_classes());
    let (one_vs_rest, softmax) = (logistic().one_vs_rest(), logistic());
    let (means, discriminant) = (ClassMeans::new(), Lda::new(Covariance::Shrunk(0.1)));
    let mut probes: Vec<(&str, &dyn Probe)> =
        vec![("one-vs-rest logistic", &one_vs_rest), ("class means", &means), ("linear discriminant", &discriminant)];
    if n_classes > 2 {
        probes.push(("softmax", &softmax));
    }
    let rater = |(name, probe): (&str, &dyn Probe)| -> Result<Rater, StudyError> {
        let scores = out_of_fold(probe, features, &labels, &folds)?;
        let shuffled = out_of_fold_null(probe, features, &labels, &folds, SHUFFLES, config.seed)?;
        let shuffled = shuffled.iter().map(|(_, scores)| given(scores, n_classes)).collect();
        Ok(Rater { name: name.to_owned(), classes: given(&scores, n_classes), shuffled })
    };
    let raters: Vec<Rater> = probes.into_iter().map(rater).collect::<Result<_, _>>()?;
    let truth = Rater {
        name: "the classes".to_owned(),
        classes: labels.classes().to_vec(),
        shuffled: vec![labels.classes().to_vec(); SHUFFLES],
    };
    let every_two = raters.iter().enumerate().flat_map(|(i, a)| raters[i + 1..].iter().map(move |b| (a, b)));
    Ok(Agreements {
        pairs: every_two.map(|(a, b)| between(a, b, &labels, config)).collect::<Result<_, _>>()?,
        with_truth: raters.iter().map(|a| between(a, &truth, &labels, config)).collect::<Result<_, _>>()?,
    })
}

/// Classes given to all rows, and those given after each shuffle of the labels.
struct Rater {
    name: String,
    classes: Vec<usize>,
    shuffled: Vec<Vec<usize>>,
}

fn between(a: &Rater, b: &Rater, labels: &Labels, config: &Config) -> Result<Kappa, StudyError> {
    let of = |a: &[usize], b: &[usize]| Ok(kappa(a, b, labels.n_classes(), KappaWeights::Unweighted)?.value());
    let values = a.shuffled.iter().zip(&b.shuffled).map(|(a, b)| of(a, b)).collect::<Result<_, StudyError>>()?;
    let null = PermutationNull::from_values(values, labels.null())?;
    // Both must give more than one class to begin with; a resample that has one only is drawn again.
    of(&a.classes, &b.classes)?;
    let statistic = |rows: &[usize]| {
        let [a, b] = [a, b].map(|rater| rows.iter().map(|&row| rater.classes[row]).collect::<Vec<_>>());
        of(&a, &b).ok()
    };
    let name = "Cohen's kappa, classes given out of fold";
    let kappa = config.bootstrap().estimate(Resample::Groups(labels.groups()), name, statistic)?;
    let of = [a, b].map(|rater| rater.name.clone());
    Ok(Kappa { of, kappa: kappa.with_permutation(&null), shuffled: Null::of(&null)? })
}
