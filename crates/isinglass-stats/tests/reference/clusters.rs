//! k-means and the validity of clusters.

use isinglass_stats::{
    Distance, KMeans, Matrix, adjusted_rand, calinski_harabasz, davies_bouldin, lloyd, nmi, silhouette,
    silhouette_samples, v_measure,
};

use crate::reference::{Reference, Within};

pub fn check(reference: &Reference) {
    let within = Within::Closed;
    let (values, width) = reference.matrix(&["X"]);
    let rows = Matrix::new(&values, width).unwrap();
    let labels = reference.indices(&["labels"]);
    let (centres, _) = reference.matrix(&["initial_centres"]);

    let found = lloyd(rows, Matrix::new(&centres, width).unwrap(), 300).unwrap();
    let clusters: Vec<f64> = found.labels.iter().map(|&label| label as f64).collect();
    reference.check_all(&["kmeans", "labels"], &clusters, within);
    reference.check_all(&["kmeans", "centres"], &found.centres, within);
    reference.check(&["kmeans", "inertia"], found.inertia, within);
    reference.check(&["inertia_k1"], KMeans::clusters(1).fit(rows).unwrap().inertia, within);

    let samples = silhouette_samples(rows, &labels, Distance::Euclidean).unwrap();
    reference.check_all(&["silhouette_samples_first10"], &samples[..10], within);
    for (name, labels, distance) in [
        ("silhouette_euclidean", &labels, Distance::Euclidean),
        ("silhouette_cosine", &labels, Distance::Cosine),
        ("silhouette_of_kmeans", &found.labels, Distance::Euclidean),
    ] {
        reference.check(&[name], silhouette(rows, labels, distance).unwrap(), within);
    }
    reference.check(&["davies_bouldin"], davies_bouldin(rows, &labels).unwrap(), within);
    reference.check(&["calinski_harabasz"], calinski_harabasz(rows, &labels).unwrap(), within);

    reference.check(&["adjusted_rand"], adjusted_rand(&labels, &found.labels).unwrap(), within);
    reference.check(&["nmi_arithmetic"], nmi(&labels, &found.labels).unwrap(), within);
    let split = v_measure(&labels, &found.labels).unwrap();
    let split = [split.homogeneity, split.completeness, split.v];
    reference.check_all(&["homogeneity_completeness_v"], &split, within);
}
