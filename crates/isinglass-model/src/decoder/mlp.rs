//! The MLP.

use isinglass_core::burn::tensor::activation::{gelu, relu, silu};
use isinglass_core::site::{mlp_post, mlp_pre, mlp_pre_linear};
use isinglass_core::{Taps, Tensor};

use super::linear::Linear;
use crate::spec::Activation;
use isinglass_kernels::Cpu;

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
    /// What the down projection reads.
    pub(crate) fn neurons(&self, layer: usize, x: Tensor<3>, taps: &mut Taps<'_>) -> Tensor<3> {
        let neurons = match self.unwatched(layer, &x, taps) {
            Some(neurons) => neurons,
            None => self.watched(layer, x, taps),
        };
        taps.stream(mlp_post(layer), neurons)
    }

    /// Projections and activation as one kernel, where nobody looks between them.
    fn unwatched(&self, layer: usize, x: &Tensor<3>, taps: &Taps<'_>) -> Option<Tensor<3>> {
        if taps.wants(mlp_pre(layer)) || taps.wants(mlp_pre_linear(layer)) {
            return None;
        }
        let (cpu, pre) = self.pre.kernel(x)?;
        let f = self.activation.kernel();
        match &self.linear {
            Some(up) => Some(cpu.project_gated(f, x.clone(), pre, up.kernel(x)?.1)),
            None => Some(cpu.project_activated(f, x.clone(), pre)),
        }
    }

    fn watched(&self, layer: usize, x: Tensor<3>, taps: &mut Taps<'_>) -> Tensor<3> {
        let Some(up) = &self.linear else {
            return self.activation.apply(taps.stream(mlp_pre(layer), self.pre.forward(x)));
        };
        let [pre, up] = Linear::forward_all([&self.pre, up], &x);
        let pre = taps.stream(mlp_pre(layer), pre);
        self.activation.gated(pre, taps.stream(mlp_pre_linear(layer), up))
    }
}

impl Activation {
    fn gated(self, gate: Tensor<3>, up: Tensor<3>) -> Tensor<3> {
        match Cpu::of(&gate).and(Cpu::of(&up)) {
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
        if let Some(cpu) = Cpu::of(&x) {
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
