//! Decompositions by faer, on one thread: which digits come out must not depend on how many threads there are.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::householder;
use faer::linalg::matmul::matmul;
use faer::linalg::qr::no_pivoting::factor::{qr_in_place, qr_in_place_scratch, recommended_block_size};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::prelude::default;
use faer::{Accum, Conj, Mat, MatRef, Par};

use crate::StatsError;

/// `a = u diag(s) vᵀ` with `s` descending and as many columns as the smaller side of `a`.
pub(crate) struct ThinSvd {
    pub(crate) u: Mat<f64>,
    pub(crate) s: Vec<f64>,
    pub(crate) v: Mat<f64>,
}

pub(crate) fn thin_svd(a: MatRef<'_, f64>) -> Result<ThinSvd, StatsError> {
    let (m, n) = a.shape();
    let size = m.min(n);
    let (mut u, mut v, mut s) = (Mat::zeros(m, size), Mat::zeros(n, size), Diag::zeros(size));
    let thin = ComputeSvdVectors::Thin;
    let mut memory = MemBuffer::new(svd_scratch::<f64>(m, n, thin, thin, Par::Seq, default()));
    let stack = MemStack::new(&mut memory);
    svd(a, s.as_mut(), Some(u.as_mut()), Some(v.as_mut()), Par::Seq, stack, default())
        .map_err(|_| not_converged("a singular value decomposition", size))?;
    Ok(ThinSvd { u, s: s.column_vector().iter().copied().collect(), v })
}

/// Singular values, descending, each to the full precision of the greatest.
pub(crate) fn singular_values(a: MatRef<'_, f64>) -> Result<Vec<f64>, StatsError> {
    let (m, n) = a.shape();
    let mut s = Diag::zeros(m.min(n));
    let none = ComputeSvdVectors::No;
    let mut memory = MemBuffer::new(svd_scratch::<f64>(m, n, none, none, Par::Seq, default()));
    svd(a, s.as_mut(), None, None, Par::Seq, MemStack::new(&mut memory), default())
        .map_err(|_| not_converged("a singular value decomposition", m.min(n)))?;
    Ok(s.column_vector().iter().copied().collect())
}

/// Singular values, descending, by the eigenvalues of the smaller of `aᵀa` and `aaᵀ`.
///
/// Several times as fast as [`singular_values`], but those below 1e-8 of the greatest are lost in rounding.
pub(crate) fn singular_values_of_gram(a: MatRef<'_, f64>) -> Result<Vec<f64>, StatsError> {
    let gram = if a.nrows() < a.ncols() { product(a, a.transpose()) } else { product(a.transpose(), a) };
    Ok(eigenvalues(gram.as_ref())?.into_iter().map(f64::sqrt).collect())
}

/// Eigenvalues of a symmetric matrix without negative ones, descending; what rounding made negative is 0.
pub(crate) fn eigenvalues(symmetric: MatRef<'_, f64>) -> Result<Vec<f64>, StatsError> {
    let n = symmetric.nrows();
    let mut s = Diag::zeros(n);
    let none = ComputeEigenvectors::No;
    let mut memory = MemBuffer::new(self_adjoint_evd_scratch::<f64>(n, none, Par::Seq, default()));
    self_adjoint_evd(symmetric, s.as_mut(), None, Par::Seq, MemStack::new(&mut memory), default())
        .map_err(|_| not_converged("an eigenvalue decomposition", n))?;
    Ok(s.column_vector().iter().rev().map(|value| value.max(0.0)).collect())
}

/// Eigenvalues, ascending, and eigenvectors in columns of a symmetric matrix.
pub(crate) fn eigen(symmetric: MatRef<'_, f64>) -> Result<(Vec<f64>, Mat<f64>), StatsError> {
    let n = symmetric.nrows();
    let (mut s, mut u) = (Diag::zeros(n), Mat::zeros(n, n));
    let mut memory = MemBuffer::new(self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, Par::Seq, default()));
    let stack = MemStack::new(&mut memory);
    self_adjoint_evd(symmetric, s.as_mut(), Some(u.as_mut()), Par::Seq, stack, default())
        .map_err(|_| not_converged("an eigenvalue decomposition", n))?;
    Ok((s.column_vector().iter().copied().collect(), u))
}

/// `a = q r` of a matrix with no more columns than rows: orthonormal columns, and an upper triangle.
pub(crate) fn thin_qr(mut a: Mat<f64>) -> (Mat<f64>, Mat<f64>) {
    let (m, n) = a.shape();
    let block = recommended_block_size::<f64>(m, n);
    let mut coefficients = Mat::zeros(block, n);
    let mut memory = MemBuffer::new(qr_in_place_scratch::<f64>(m, n, block, Par::Seq, default()));
    qr_in_place(a.as_mut(), coefficients.as_mut(), Par::Seq, MemStack::new(&mut memory), default());
    let mut q = Mat::identity(m, n);
    let scratch = householder::apply_block_householder_sequence_on_the_left_in_place_scratch::<f64>(m, block, n);
    householder::apply_block_householder_sequence_on_the_left_in_place_with_conj(
        a.as_ref(),
        coefficients.as_ref(),
        Conj::No,
        q.as_mut(),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
    );
    // Below the diagonal stand the reflections.
    (q, Mat::from_fn(n, n, |i, j| if i <= j { a[(i, j)] } else { 0.0 }))
}

/// The Cholesky factor of a symmetric positive definite matrix.
pub(crate) struct Cholesky {
    factor: Mat<f64>,
}

impl Cholesky {
    /// None if the matrix is not positive definite.
    pub(crate) fn new(mut a: Mat<f64>) -> Option<Self> {
        let mut memory = MemBuffer::new(llt::factor::cholesky_in_place_scratch::<f64>(a.nrows(), Par::Seq, default()));
        let none = llt::factor::LltRegularization::default();
        llt::factor::cholesky_in_place(a.as_mut(), none, Par::Seq, MemStack::new(&mut memory), default()).ok()?;
        Some(Self { factor: a })
    }

    /// `a⁻¹ b`
    pub(crate) fn solve(&self, mut b: Mat<f64>) -> Mat<f64> {
        let scratch = llt::solve::solve_in_place_scratch::<f64>(b.nrows(), b.ncols(), Par::Seq);
        let mut memory = MemBuffer::new(scratch);
        llt::solve::solve_in_place(self.factor.as_ref(), b.as_mut(), Par::Seq, MemStack::new(&mut memory));
        b
    }

    /// `ln |a|`
    pub(crate) fn ln_det(&self) -> f64 {
        (0..self.factor.ncols()).map(|i| 2.0 * self.factor[(i, i)].ln()).sum()
    }
}

pub(crate) fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut result = Mat::zeros(a.nrows(), b.ncols());
    matmul(result.as_mut(), Accum::Replace, a, b, 1.0, Par::Seq);
    result
}

/// An orthonormal basis of what the columns span, one column for each dimension.
///
/// A singular value counts as zero below `ε max(rows, columns)` of the greatest.
pub(crate) fn column_basis(a: MatRef<'_, f64>) -> Result<Mat<f64>, StatsError> {
    let ThinSvd { u, s, .. } = thin_svd(a)?;
    let least = f64::EPSILON * a.nrows().max(a.ncols()) as f64 * s.first().copied().unwrap_or(0.0);
    let rank = s.iter().take_while(|&&s| s > least).count();
    Ok(u.subcols(0, rank).to_owned())
}

/// The sum of the squares of all entries.
pub(crate) fn squared_norm(a: MatRef<'_, f64>) -> f64 {
    a.col_iter().map(|column| column.iter().map(|x| x * x).sum::<f64>()).sum()
}

fn not_converged(what: &'static str, size: usize) -> StatsError {
    // How far faer goes.
    StatsError::NotConverged { what, iterations: 32 * size * size }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(got: &[f64], expected: &[f64]) {
        assert_eq!(got.len(), expected.len());
        assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{got:?} {expected:?}");
    }

    #[test]
    fn decompositions_by_hand() {
        // [[3, 0], [0, 0], [0, 4]] has the singular values 4 and 3.
        let a = Mat::from_fn(3, 2, |i, j| [[3.0, 0.0], [0.0, 0.0], [0.0, 4.0]][i][j]);
        close(&singular_values(a.as_ref()).unwrap(), &[4.0, 3.0]);
        close(&singular_values_of_gram(a.as_ref()).unwrap(), &[4.0, 3.0]);
        close(&singular_values_of_gram(a.transpose()).unwrap(), &[4.0, 3.0]);
        let ThinSvd { u, s, v } = thin_svd(a.as_ref()).unwrap();
        let back = Mat::from_fn(3, 2, |i, j| (0..2).map(|k| u[(i, k)] * s[k] * v[(j, k)]).sum::<f64>());
        assert!(squared_norm((&back - &a).as_ref()) < 1e-24);
        assert!((squared_norm(a.as_ref()) - 25.0).abs() < 1e-12);
        close(&eigenvalues(product(a.transpose(), a.as_ref()).as_ref()).unwrap(), &[16.0, 9.0]);
    }

    #[test]
    fn factors_by_hand() {
        // Columns of length 5 and at right angles but for a share of the first: [3, 4] and 2 [3, 4] + [-4, 3].
        let a = Mat::from_fn(2, 2, |i, j| [[3.0, 2.0], [4.0, 11.0]][i][j]);
        let (q, r) = thin_qr(a.clone());
        assert!(squared_norm((product(q.as_ref(), r.as_ref()) - &a).as_ref()) < 1e-24);
        close(&[r[(0, 0)].abs(), r[(0, 1)].abs(), r[(1, 0)], r[(1, 1)].abs()], &[5.0, 10.0, 0.0, 5.0]);
        // [[4, 2], [2, 5]] = L Lᵀ with L = [[2, 0], [1, 2]]; eigenvalues are (9 ∓ √17) / 2.
        let b = Mat::from_fn(2, 2, |i, j| [[4.0, 2.0], [2.0, 5.0]][i][j]);
        let (values, vectors) = eigen(b.as_ref()).unwrap();
        close(&values, &[f64::midpoint(9.0, -(17.0_f64.sqrt())), f64::midpoint(9.0, 17.0_f64.sqrt())]);
        close(&[vectors[(1, 0)] / vectors[(0, 0)]], &[(values[0] - 4.0) / 2.0]);
        let factor = Cholesky::new(b).unwrap();
        close(&[factor.ln_det()], &[16.0_f64.ln()]);
        let solved = factor.solve(Mat::from_fn(2, 1, |i, _| [8.0, 12.0][i]));
        close(solved.col_as_slice(0), &[1.0, 2.0]);
        assert!(Cholesky::new(Mat::from_fn(2, 2, |i, j| if i == j { 1.0 } else { 2.0 })).is_none());
    }

    #[test]
    fn a_basis_has_as_many_columns_as_there_are_dimensions() {
        // The third column is the sum of the others.
        let a = Mat::from_fn(4, 3, |i, j| [[1.0, 2.0, 3.0], [0.0, 1.0, 1.0], [5.0, 0.0, 5.0], [0.3, 0.1, 0.4]][i][j]);
        let basis = column_basis(a.as_ref()).unwrap();
        assert_eq!(basis.ncols(), 2);
        let gram = product(basis.transpose(), basis.as_ref());
        assert!(squared_norm((&gram - &Mat::<f64>::identity(2, 2)).as_ref()) < 1e-24);
    }
}
