//! Norms, with their scale and their value before the gain as sites.

use isinglass_core::{Site, Taps, Tensor};

use crate::spec::Norm;
use isinglass_kernels::Cpu;

/// A norm with its gain and bias, `[width]` each.
#[derive(Debug)]
pub(crate) struct NormBlock {
    pub(crate) norm: Norm,
    pub(crate) gain: Tensor<1>,
    pub(crate) bias: Option<Tensor<1>>,
}

impl NormBlock {
    /// Over the last axis, where nobody looks.
    pub(crate) fn unwatched<const R: usize>(&self, x: Tensor<R>) -> Tensor<R> {
        if let Some(cpu) = Cpu::of(&x) {
            return match (self.norm, &self.bias) {
                (Norm::Rms { eps }, _) => cpu.rms_norm(x, self.gain.clone(), eps),
                (Norm::Layer { eps }, Some(bias)) => cpu.layer_norm(x, self.gain.clone(), bias.clone(), eps),
                (Norm::Layer { .. }, None) => self.plain(x),
            };
        }
        self.plain(x)
    }

    fn plain<const R: usize>(&self, x: Tensor<R>) -> Tensor<R> {
        let (x, scale) = self.scale(x);
        self.gained(x / scale)
    }

    /// Over the last axis of the stream.
    pub(crate) fn stream(
        &self,
        x: Tensor<3>,
        scale_site: Site<3>,
        normalized_site: Site<3>,
        taps: &mut Taps<'_>,
    ) -> Tensor<3> {
        if !taps.wants(scale_site) && !taps.wants(normalized_site) {
            return self.unwatched(x);
        }
        let (x, scale) = self.scale(x);
        let scale = taps.stream(scale_site, scale);
        let normalized = taps.stream(normalized_site, x / scale);
        self.gained(normalized)
    }

    /// Over the last axis of each head.
    pub(crate) fn heads(
        &self,
        x: Tensor<4>,
        scale_site: Site<4>,
        normalized_site: Site<4>,
        taps: &mut Taps<'_>,
    ) -> Tensor<4> {
        if !taps.wants(scale_site) && !taps.wants(normalized_site) {
            return self.unwatched(x);
        }
        let (x, scale) = self.scale(x);
        let scale = taps.heads(scale_site, scale);
        let normalized = taps.heads(normalized_site, x / scale);
        self.gained(normalized)
    }

    /// What is divided, and by what.
    fn scale<const R: usize>(&self, x: Tensor<R>) -> (Tensor<R>, Tensor<R>) {
        let (x, eps) = match self.norm {
            Norm::Rms { eps } => (x, eps),
            Norm::Layer { eps } => {
                let mean = x.clone().mean_dim(R - 1);
                (x - mean, eps)
            }
        };
        let scale = (x.clone() * x.clone()).mean_dim(R - 1).add_scalar(eps).sqrt();
        (x, scale)
    }

    fn gained<const R: usize>(&self, normalized: Tensor<R>) -> Tensor<R> {
        let y = normalized * self.gain.clone().unsqueeze::<R>();
        match &self.bias {
            Some(bias) => y + bias.clone().unsqueeze::<R>(),
            None => y,
        }
    }
}
