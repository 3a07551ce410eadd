//! Whether what is learned on some topics holds on another.

use isinglass_probe::{Baselines, FitError, Labels, out_of_fold};
use isinglass_stats::{Estimate, Resample, Split, StatsError};
use serde::{Deserialize, Serialize};

use super::{folds, logistic};
use crate::StudyError;
use crate::tripartite::told::{difference, of_rows, told};
use crate::tripartite::{Config, Pool, Sample, Told};

/// How well classes are told apart on topics that the probe has not seen.
///
/// Each topic is tested by a probe of all the others. What falls with the topics left out was tied to them; what stays may
/// still be tied to something that all topics share, such as the hand that wrote them or the words of a class, for which
/// the baselines, on the same folds, stand beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// All topics, each tested by the others; intervals are over scenarios, so they are for these topics and not for topics at
    /// large.
    pub told: Told,
    /// The AUROC on seen topics (folds over scenarios) less that on unseen ones.
    pub lost: Estimate,
    /// Each topic that was left out, in the order of their names.
    pub topics: Vec<Topic>,
}

/// One topic that was left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// How many scenarios it has: with few, its figures are rough and their intervals too narrow.
    pub n_scenarios: usize,
    /// AUROC of the probe; none of a topic with a single scenario, which cannot be resampled, or without one of the classes.
    pub auroc: Option<Estimate>,
    /// AUROC of the words (TF-IDF), by the same folds; none as above.
    pub words: Option<Estimate>,
}

/// The view of the texts that stands beside each topic.
const WORDS: &str = "words (TF-IDF)";

/// Tests each topic by a probe of all others.
///
/// # Errors
/// [`StudyError::Stats`] with fewer than two topics, [`StudyError::Fit`] if a scenario has two topics,
/// [`StudyError::NotCaptured`], [`StudyError::NoLayer`].
pub fn across_topics(sample: &Sample, pool: Pool, layer: usize, config: &Config) -> Result<Transfer, StudyError> {
    let (features, labels, texts) = (sample.layer(pool, layer)?, sample.labels()?, sample.texts());
    let topics = sample.topics();
    let left_out = Split::leave_one_group_out(&topics)?;
    let probe = logistic();
    let crossed = config.cross_fit(&probe);
    let found = crossed.run_on(&left_out, std::slice::from_ref(features), &labels, &Baselines::of(&texts))?;
    let told = told("classes on topics left out", &found, 0, &labels, config)?;

    let unseen = &found.probes[0].scores;
    let seen = out_of_fold(&probe, features, &labels, &folds(&labels, config)?)?;
    let lost = difference(&seen, unseen, &labels, &labels, "AUROC on seen topics above that on unseen ones", config)?;

    let words = found.baselines.iter().find(|scored| scored.name == WORDS);
    let words = words.ok_or(StatsError::Empty { what: "baselines of words" })?;
    let topic = |number: u64| -> Result<Topic, StudyError> {
        let rows: Vec<usize> = (0..labels.len()).filter(|&row| topics[row] == number).collect();
        let groups: Vec<u64> = rows.iter().map(|&row| labels.groups()[row]).collect();
        let n_scenarios = groups.iter().collect::<std::collections::BTreeSet<_>>().len();
        let of = |scores: &[f64]| of_topic(scores, &labels, &rows, &groups, n_scenarios, config);
        let name = sample.items[rows[0]].topic.clone();
        Ok(Topic { name, n_scenarios, auroc: of(unseen)?, words: of(&words.scores)? })
    };
    let n_topics = topics.iter().max().map_or(0, |last| last + 1);
    Ok(Transfer { told, lost, topics: (0..n_topics).map(topic).collect::<Result<_, _>>()? })
}

fn of_topic(
    scores: &[f64],
    labels: &Labels,
    rows: &[usize],
    groups: &[u64],
    n_scenarios: usize,
    config: &Config,
) -> Result<Option<Estimate>, FitError> {
    let statistic = |drawn: &[usize]| {
        let drawn: Vec<usize> = drawn.iter().map(|&i| rows[i]).collect();
        of_rows(scores, labels, &drawn)
    };
    let all: Vec<usize> = (0..rows.len()).collect();
    if n_scenarios < 2 || statistic(&all).is_none() {
        return Ok(None);
    }
    let name = "AUROC of a topic left out";
    Ok(Some(config.bootstrap().estimate(Resample::Groups(groups), name, statistic)?))
}
