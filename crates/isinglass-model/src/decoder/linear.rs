//! Projections.

use isinglass_core::Tensor;

/// `x · weight + bias`.
#[derive(Debug)]
pub(crate) struct Linear {
    /// `[d_in, d_out]`; may be a transposed view, which costs a matrix product nothing.
    pub(crate) weight: Tensor<2>,
    /// `[d_out]`
    pub(crate) bias: Option<Tensor<1>>,
}

impl Linear {
    /// `[batch, pos, d_in]` to `[batch, pos, d_out]`.
    ///
    /// One flat product: broadcasting the weight over the batch would multiply row by row.
    pub(crate) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let [batch, pos, d_in] = x.dims();
        let [_, d_out] = self.weight.dims();
        let y = x.reshape([batch * pos, d_in]).matmul(self.weight.clone());
        let y = match &self.bias {
            Some(bias) => y + bias.clone().unsqueeze::<2>(),
            None => y,
        };
        y.reshape([batch, pos, d_out])
    }
}
