//! Projections.

use std::array;

use isinglass_core::Tensor;
use isinglass_core::burn::tensor::DType;
use isinglass_kernels::{Cpu, Weights};

/// `x · weight + bias`.
#[derive(Debug)]
pub(crate) struct Linear {
    /// `[d_in, d_out]`; may be a transposed view, which costs a matrix product nothing, and of bf16.
    pub(crate) weight: Tensor<2>,
    /// `[d_out]`
    pub(crate) bias: Option<Tensor<1>>,
    /// The same memory as kernels take it, where they run.
    kernel: Option<Weights>,
}

impl Linear {
    pub(crate) fn new(weight: Tensor<2>, bias: Option<Tensor<1>>) -> Self {
        let kernel = Cpu::of(&weight).map(|_| Weights::new(weight.clone(), bias.clone()));
        let weight = kernel.as_ref().map_or(weight, Weights::weight);
        Self { weight, bias, kernel }
    }

    /// The weights in f32.
    pub(crate) fn weight(&self) -> Tensor<2> {
        in_f32(self.weight.clone())
    }

    /// The kernels and their view of the weights, if they can take this stream.
    pub(crate) fn kernel(&self, x: &Tensor<3>) -> Option<(Cpu, &Weights)> {
        Cpu::of(x).zip(self.kernel.as_ref())
    }

    /// `[batch, pos, d_in]` to `[batch, pos, d_out]`.
    pub(crate) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        if let Some((cpu, weights)) = self.kernel(&x) {
            let [y] = cpu.project(x, [weights]);
            return y;
        }
        // One flat product: broadcasting the weight over the batch would multiply row by row.
        let [batch, pos, d_in] = x.dims();
        let [_, d_out] = self.weight.dims();
        let y = x.reshape([batch * pos, d_in]).matmul(self.weight());
        let y = match &self.bias {
            Some(bias) => y + bias.clone().unsqueeze::<2>(),
            None => y,
        };
        y.reshape([batch, pos, d_out])
    }

    /// Several projections of one stream.
    pub(crate) fn forward_all<const N: usize>(of: [&Self; N], x: &Tensor<3>) -> [Tensor<3>; N] {
        let kernels: Option<Vec<(Cpu, &Weights)>> = of.iter().map(|linear| linear.kernel(x)).collect();
        match kernels.as_deref() {
            Some(kernels @ [(cpu, _), ..]) => cpu.project(x.clone(), array::from_fn(|i| kernels[i].1)),
            _ => of.map(|linear| linear.forward(x.clone())),
        }
    }

    /// What the projection gives is added to the stream `onto`.
    pub(crate) fn added(&self, x: Tensor<3>, onto: Tensor<3>) -> Tensor<3> {
        match self.kernel(&x).filter(|_| Cpu::of(&onto).is_some()) {
            Some((cpu, weights)) => cpu.project_onto(x, weights, onto),
            None => onto + self.forward(x),
        }
    }
}

/// The same values in f32.
pub(crate) fn in_f32<const R: usize>(x: Tensor<R>) -> Tensor<R> {
    if x.dtype() == DType::F32 { x } else { x.cast(DType::F32) }
}
