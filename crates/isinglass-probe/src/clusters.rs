//! Clusters found without labels, compared with them.

use isinglass_stats::{
    Agreement, Clusters, Distance, Estimate, KMeans, Matrix, agreement_permuted, silhouette_permuted,
};

use crate::error::FitError;
use crate::features::Features;
use crate::labels::Labels;

/// K-means clusters of rows beside the classes that the rows have.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Clustered {
    /// The clusters.
    pub clusters: Clusters,
    /// The adjusted Rand index of classes and clusters: 0 by chance, 1 if they are the same.
    pub adjusted_rand: Estimate,
    /// The share of rows of the commonest class of their cluster; chance gives more than one over the classes, so read its p.
    pub purity: Estimate,
    /// The mean silhouette of the classes themselves, whatever the clusters are.
    pub silhouette: Estimate,
}

/// Clusters rows by k-means without their labels, and asks whether the clusters have to do with the classes.
///
/// Each figure has the p of `permutations` shuffles of the labels, as the design of the labels allows.
/// Rows are taken in their own units: a column of large spread decides alone.
/// Clusters follow whatever varies most, such as the topics of texts, and need not be the classes even where a probe tells
/// those apart; as many clusters as classes prove nothing.
///
/// # Errors
/// [`FitError`] if rows and labels differ in number, or k-means or its figures refuse the rows.
///
/// ```
/// use isinglass_probe::{Features, Labels, cluster};
/// use isinglass_stats::KMeans;
///
/// let rows = Features::new("rows", 1, (0..30).map(|i| f64::from(i % 3) * 10.0 + f64::from(i % 7)).collect())?;
/// let labels = Labels::within_groups((0..30).map(|i| i % 3).collect(), (0..30).map(|i| i / 3).collect())?;
/// let found = cluster(&rows, &labels, KMeans::clusters(3), 99, 7)?;
/// assert!(found.purity.value() > 0.9 && found.adjusted_rand.p().is_some_and(|p| p.value() < 0.05));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn cluster(
    features: &Features,
    labels: &Labels,
    kmeans: KMeans,
    permutations: usize,
    seed: u64,
) -> Result<Clustered, FitError> {
    labels.check(features.name(), features.len())?;
    let rows = Matrix::new(features.values(), features.width())?;
    let clusters = kmeans.fit(rows)?;
    let (classes, scheme) = (labels.classes(), labels.scheme());
    let agreement = |of| agreement_permuted(classes, &clusters.labels, of, scheme, permutations, seed);
    let (adjusted_rand, purity) = (agreement(Agreement::AdjustedRand)?, agreement(Agreement::Purity)?);
    let silhouette = silhouette_permuted(rows, classes, Distance::Euclidean, scheme, permutations, seed)?;
    Ok(Clustered { clusters, adjusted_rand, purity, silhouette })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts on five topics, each with both classes: the clusters are the topics, and the classes are not.
    #[test]
    fn clusters_of_topics_are_not_the_classes() {
        let values = (0..60).flat_map(|i| [f64::from(i / 12) * 20.0, f64::from(i % 2) * 2.0 + f64::from(i * 7 % 5)]);
        let rows = Features::new("rows", 2, values.collect()).unwrap();
        let labels = Labels::paired((0..60).map(|i| i % 2 == 1).collect(), (0..60).map(|i| i / 2).collect()).unwrap();
        let found = cluster(&rows, &labels, KMeans::clusters(5), 199, 1).unwrap();
        assert!(found.adjusted_rand.value().abs() < 0.1, "{}", found.adjusted_rand);
        let topics = Labels::of_groups((0..60).map(|i| i / 12).collect(), (0..60).map(|i| i / 2).collect()).unwrap();
        let found = cluster(&rows, &topics, KMeans::clusters(5), 199, 1).unwrap();
        assert!((found.adjusted_rand.value() - 1.0).abs() < 1e-12 && (found.purity.value() - 1.0).abs() < 1e-12);
        assert!(found.silhouette.value() > 0.7 && found.silhouette.p().is_some_and(|p| p.value() <= 0.005));
    }
}
