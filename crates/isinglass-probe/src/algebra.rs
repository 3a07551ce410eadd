//! Dense products and decompositions, each on one thread, so that results do not depend on how many there are: jobs run
//! side by side instead.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt;
use faer::linalg::evd::{self, ComputeEigenvectors};
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, Mat, MatMut, MatRef, Par, Spec};

/// `to (+)= scale × a × b`
pub(crate) fn multiply(to: MatMut<'_, f64>, accum: Accum, a: MatRef<'_, f64>, b: MatRef<'_, f64>, scale: f64) {
    faer::linalg::matmul::matmul(to, accum, a, b, scale, Par::Seq);
}

/// `a × b`
pub(crate) fn product(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> Mat<f64> {
    let mut to = Mat::zeros(a.nrows(), b.ncols());
    multiply(to.as_mut(), Accum::Replace, a, b, 1.0);
    to
}

/// `a × aᵀ`, at half the cost of a product.
pub(crate) fn gram(a: MatRef<'_, f64>) -> Mat<f64> {
    let n = a.nrows();
    let mut to = Mat::zeros(n, n);
    triangular::matmul(
        to.as_mut(),
        BlockStructure::TriangularLower,
        Accum::Replace,
        a,
        BlockStructure::Rectangular,
        a.transpose(),
        BlockStructure::Rectangular,
        1.0,
        Par::Seq,
    );
    for j in 0..n {
        for i in 0..j {
            to[(i, j)] = to[(j, i)];
        }
    }
    to
}

/// Eigenvalues, ascending, and eigenvectors in columns of a symmetric matrix of finite values.
pub(crate) fn eigen(a: MatRef<'_, f64>) -> (Vec<f64>, Mat<f64>) {
    let n = a.nrows();
    let (mut values, mut vectors) = (Diag::zeros(n), Mat::zeros(n, n));
    let scratch = evd::self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, Par::Seq, Spec::default());
    let mut memory = MemBuffer::new(scratch);
    let found = evd::self_adjoint_evd(
        a,
        values.as_mut(),
        Some(vectors.as_mut()),
        Par::Seq,
        MemStack::new(&mut memory),
        Spec::default(),
    );
    assert!(found.is_ok(), "a symmetric matrix of finite values has eigenvectors");
    (values.column_vector().iter().copied().collect(), vectors)
}

/// The Cholesky factor of a positive definite matrix.
#[derive(Debug)]
pub(crate) struct Cholesky {
    factor: Mat<f64>,
}

impl Cholesky {
    /// None if the matrix is not positive definite.
    pub(crate) fn new(mut a: Mat<f64>) -> Option<Self> {
        let params = Spec::default();
        let scratch = llt::factor::cholesky_in_place_scratch::<f64>(a.nrows(), Par::Seq, params);
        let mut memory = MemBuffer::new(scratch);
        let none = llt::factor::LltRegularization::default();
        llt::factor::cholesky_in_place(a.as_mut(), none, Par::Seq, MemStack::new(&mut memory), params).ok()?;
        Some(Self { factor: a })
    }

    /// Least over greatest of the squared diagonal: about one over the condition of the matrix.
    pub(crate) fn spread(&self) -> f64 {
        let diagonal = (0..self.factor.ncols()).map(|j| self.factor[(j, j)].powi(2));
        let (least, greatest) = diagonal.fold((f64::INFINITY, 0.0_f64), |(l, g), v| (l.min(v), g.max(v)));
        least / greatest
    }

    /// `to = a⁻¹ to`
    pub(crate) fn solve(&self, mut to: MatMut<'_, f64>) {
        use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
        solve_lower_triangular_in_place(self.factor.as_ref(), to.as_mut(), Par::Seq);
        solve_upper_triangular_in_place(self.factor.transpose(), to.as_mut(), Par::Seq);
    }
}
