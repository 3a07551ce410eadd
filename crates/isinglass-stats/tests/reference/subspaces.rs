//! CKA, canonical correlations, principal angles, Procrustes, cosines.

use isinglass_stats::{
    Cka, Matrix, canonical_correlations, cka_permuted, cosine_matrix, linear_cka, principal_angles, procrustes,
};

use crate::reference::{Reference, Within};

pub fn check(reference: &Reference) {
    let within = Within::Closed;
    let [x, y, v] = ["X", "Y", "V"].map(|name| reference.matrix(&[name]));
    let [x, y, v] = [&x, &y, &v].map(|(values, width)| Matrix::new(values, *width).unwrap());

    reference.check(&["linear_cka"], linear_cka(x, y).unwrap(), within);
    reference.check(&["linear_cka"], cka_permuted(x, y, Cka::Linear, 1, 0).unwrap().value(), within);

    let shared = canonical_correlations(x, y, 1, 0).unwrap();
    reference.check_all(&["canonical_correlations"], &shared.correlations, within);
    reference.check(&["mean_canonical_correlation"], shared.mean.value(), within);

    // scipy's subspaces are spanned by columns, ours by rows.
    let [a, b] = ["A", "B"].map(|name| {
        let (values, width) = reference.matrix(&[name]);
        (0..width).flat_map(|j| values.iter().skip(j).step_by(width).copied().collect::<Vec<_>>()).collect::<Vec<_>>()
    });
    let [a, b] = [&a, &b].map(|values| Matrix::new(values, x.width()).unwrap());
    reference.check_all(&["principal_angles_A_B"], &principal_angles(a, b).unwrap(), within);
    reference.check_all(&["principal_angles_A_B"], &principal_angles(b, a).unwrap(), within);

    let first_columns: Vec<f64> = x.rows().flat_map(|row| row[..y.width()].to_vec()).collect();
    let found = procrustes(Matrix::new(&first_columns, y.width()).unwrap(), y).unwrap();
    reference.check_all(&["procrustes_rotation"], &found.rotation, within);
    reference.check(&["procrustes_residual"], found.residual, within);

    reference.check_all(&["cosine_matrix_V"], &cosine_matrix(v).unwrap(), within);
}
