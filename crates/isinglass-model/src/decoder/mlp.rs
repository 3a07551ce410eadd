//! The MLP.

use isinglass_core::burn::tensor::activation::{gelu, relu, silu};
use isinglass_core::site::{mlp_post, mlp_pre, mlp_pre_linear, mlp_raw};
use isinglass_core::{Taps, Tensor};

use super::kernels::kernels;
use super::linear::Linear;
use crate::spec::Activation;

/// Weights of one MLP.
#[derive(Debug)]
pub(crate) struct MlpBlock {
    pub(crate) activation: Activation,
    /// What the activation function is applied to: the gate of a gated MLP, the up projection of a plain one.
    pub(crate) pre: Linear,
    /// Up projection of a gated MLP.
    pub(crate) linear: Option<Linear>,
    pub(crate) down: Linear,
}

impl MlpBlock {
    pub(crate) fn forward(&self, layer: usize, x: Tensor<3>, taps: &mut Taps<'_>) -> Tensor<3> {
        let pre = taps.stream(mlp_pre(layer), self.pre.forward(x.clone()));
        let neurons = match &self.linear {
            Some(up) => self.activation.gated(pre, taps.stream(mlp_pre_linear(layer), up.forward(x))),
            None => self.activation.apply(pre),
        };
        let neurons = taps.stream(mlp_post(layer), neurons);
        taps.stream(mlp_raw(layer), self.down.forward(neurons))
    }
}

impl Activation {
    fn gated(self, gate: Tensor<3>, up: Tensor<3>) -> Tensor<3> {
        match kernels(&gate).and(kernels(&up)) {
            Some(cpu) => cpu.gated(self.kernel(), gate, up),
            None => self.apply(gate) * up,
        }
    }

    const fn kernel(self) -> isinglass_kernels::Activation {
        use isinglass_kernels::Activation;
        match self {
            Self::Silu => Activation::Silu,
            Self::Gelu => Activation::Gelu,
            Self::GeluTanh => Activation::GeluTanh,
            Self::Relu => Activation::Relu,
        }
    }

    fn apply(self, x: Tensor<3>) -> Tensor<3> {
        if let Some(cpu) = kernels(&x) {
            return cpu.activate(self.kernel(), x);
        }
        match self {
            Self::Silu => silu(x),
            Self::Gelu => gelu(x),
            Self::GeluTanh => {
                let cubed = x.clone() * x.clone() * x.clone();
                let inner = (x.clone() + cubed * 0.044_715) * (2.0 / std::f64::consts::PI).sqrt();
                x * 0.5 * (inner.tanh() + 1.0)
            }
            Self::Relu => relu(x),
        }
    }
}
