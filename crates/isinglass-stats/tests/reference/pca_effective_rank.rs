//! Principal components and effective ranks.

use isinglass_stats::{Bootstrap, EffectiveRank, Matrix, Pca, effective_rank};

use crate::reference::{Reference, Within};

pub fn check(reference: &Reference) {
    let (values, width) = reference.matrix(&["X"]);
    let rows = Matrix::new(&values, width).unwrap();
    let pca = Pca::fit(rows).unwrap();
    for (name, got) in [
        ("mean", pca.mean()),
        ("explained_variance", pca.explained_variance()),
        ("explained_variance_ratio", pca.explained_variance_ratio()),
        ("singular_values", pca.singular_values()),
        // scikit-learn has the same convention of signs.
        ("components_first3", &pca.components()[..3 * width]),
    ] {
        reference.check_all(&[name], got, Within::Closed);
    }
    let scores = pca.transform(Matrix::new(&values[..5 * width], width).unwrap()).unwrap();
    let first3: Vec<f64> = scores.chunks(pca.n_components()).flat_map(|row| row[..3].iter().map(|x| x.abs())).collect();
    reference.check_all(&["scores_first5_first3_abs"], &first3, Within::Closed);

    for share in reference.keys(&["n_components_for"]) {
        let n_components = pca.n_components_for(share.parse().unwrap()).unwrap();
        reference.check(&["n_components_for", &share], n_components as f64, Within::Closed);
    }
    let measures = [
        ("participation_ratio", EffectiveRank::Participation),
        ("entropy_rank_of_variances", EffectiveRank::EntropyOfVariances),
        ("entropy_rank_of_singular_values", EffectiveRank::EntropyOfSingularValues),
        ("stable_rank", EffectiveRank::Stable),
        ("numerical_rank_1e-10", EffectiveRank::Numerical(1e-10)),
        ("spectral_entropy_nats", EffectiveRank::SpectralEntropy),
    ];
    let groups: Vec<u64> = (0..rows.n_rows() as u64).collect();
    let estimates =
        effective_rank(rows, &groups, &measures.map(|(_, measure)| measure), Bootstrap::resamples(40)).unwrap();
    for ((name, measure), estimate) in measures.iter().zip(estimates) {
        reference.check(&[name], estimate.value(), Within::Closed);
        reference.check(&[name], measure.of(pca.singular_values()).unwrap(), Within::Closed);
    }
}
