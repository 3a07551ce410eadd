//! What rows cluster by when nobody says.

use std::collections::BTreeSet;

use isinglass_probe::Features;
use isinglass_stats::{
    Agreement, Distance, Estimate, KMeans, Matrix, Scheme, StatsError, agreement_permuted, silhouette,
    silhouette_permuted,
};
use serde::{Deserialize, Serialize};

use super::from_scenario_means;
use crate::StudyError;
use crate::tripartite::{Config, Pool, Sample};

/// K-means clusters, beside the classes, topics and scenarios.
///
/// Clusters follow whatever varies most. That they are not the classes does not show that a model does not tell those apart,
/// and if they are, length or tone may be what they follow. K-means gives as many clusters as it is asked for, whether there
/// are any or not, and purity grows with their number and is never below the share of the greatest class: read each with its
/// p, and the classes' beside the topics'. A p here is of one number of clusters; over all of them the least is too small.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Clustering {
    /// How many clusters.
    pub k: usize,
    /// What was clustered.
    pub rows: RowsAs,
    /// Beside the classes, which chance shuffles within scenarios.
    pub classes: Likeness,
    /// Beside the topics, of which chance exchanges those of whole scenarios; none if there is one topic only.
    pub topics: Option<Likeness>,
    /// Beside the scenarios, which chance shuffles among the rows of a class.
    pub scenarios: Likeness,
    /// The mean silhouette of the classes, whatever the clusters are: how much nearer rows lie to their own class than to the
    /// next.
    pub silhouette: Estimate,
    /// The mean silhouette of the clusters; to compare numbers of clusters, since clusters are made to have it.
    pub of_clusters: f64,
}

/// What is clustered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowsAs {
    /// Activations in their own units: a column of large spread decides alone.
    Raw,
    /// From each the mean of its scenario's rows is taken, which leaves scenarios and topics nothing to show.
    WithinScenario,
}

/// How alike clusters and labels are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Likeness {
    /// The adjusted Rand index: 0 by chance, 1 if they are the same.
    pub adjusted_rand: Estimate,
    /// The share of rows of the commonest label of their cluster.
    pub purity: Estimate,
}

/// Two to six clusters of the rows as they are, then of the rows from their scenarios' means.
///
/// # Errors
/// [`StudyError::Stats`] if there are fewer rows than clusters, [`StudyError::NotCaptured`], [`StudyError::NoLayer`].
pub fn clusters(sample: &Sample, pool: Pool, layer: usize, config: &Config) -> Result<Vec<Clustering>, StudyError> {
    let raw = sample.layer(pool, layer)?;
    let within = from_scenario_means(raw, &sample.items)?;
    let mut found = Vec::new();
    for (rows, features) in [(RowsAs::Raw, raw), (RowsAs::WithinScenario, &within)] {
        found.extend(of_rows(sample, rows, features, config)?);
    }
    Ok(found)
}

fn of_rows(sample: &Sample, rows: RowsAs, features: &Features, config: &Config) -> Result<Vec<Clustering>, StudyError> {
    let Config { permutations, seed, .. } = *config;
    let matrix = Matrix::new(features.values(), features.width())?;
    let classes: Vec<usize> = sample.items.iter().map(|item| item.class).collect();
    let of_class: Vec<u64> = classes.iter().map(|class| *class as u64).collect();
    let groups = sample.groups();
    let numbers: Vec<u64> = groups.iter().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let scenarios: Vec<usize> = groups.iter().map(|group| numbers.partition_point(|number| number < group)).collect();
    let topics: Vec<usize> = sample.topics().into_iter().map(|topic| topic as usize).collect();
    let within = Scheme::Stratified(&groups);
    let apart = silhouette_permuted(matrix, &classes, Distance::Euclidean, within, permutations, seed)?;

    let of_number = |k: usize| -> Result<Clustering, StudyError> {
        let clusters = KMeans::clusters(k).seed(seed).fit(matrix)?.labels;
        let likeness = |labels: &[usize], scheme: Scheme<'_>| -> Result<Likeness, StatsError> {
            let of = |measure| agreement_permuted(labels, &clusters, measure, scheme, permutations, seed);
            Ok(Likeness { adjusted_rand: of(Agreement::AdjustedRand)?, purity: of(Agreement::Purity)? })
        };
        let several_topics = topics.iter().any(|topic| *topic != topics[0]);
        let of_topics = several_topics.then(|| likeness(&topics, Scheme::WholeGroups(&groups))).transpose()?;
        Ok(Clustering {
            k,
            rows,
            classes: likeness(&classes, within)?,
            topics: of_topics,
            scenarios: likeness(&scenarios, Scheme::Stratified(&of_class))?,
            silhouette: apart.clone(),
            of_clusters: silhouette(matrix, &clusters, Distance::Euclidean)?,
        })
    };
    (2..=6).map(of_number).collect()
}
