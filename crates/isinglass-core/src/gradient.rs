//! Gradients at sites, without backward hooks.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};

use crate::cache::{Cached, NotCaptured};
use crate::hook::{Hook, Visit};
use crate::site::{Site, SiteId};
use crate::site_set::SiteSet;

/// Gradients of one scalar with respect to the activations at sites; made by [`Run::gradients`](crate::Run::gradients).
///
/// During the pass it is a hook that adds a zero to each activation; the gradient with respect to that zero is the
/// gradient with respect to the activation, and one backward pass gives all of them.
/// A site the scalar does not depend on has gradient zero.
#[derive(Debug, Clone, Default)]
pub struct Gradients {
    wanted: SiteSet,
    streams: BTreeMap<SiteId, Tensor<3>>,
    heads: BTreeMap<SiteId, Tensor<4>>,
}

impl Gradients {
    pub(crate) fn at(sites: impl Into<SiteSet>) -> Self {
        Self { wanted: sites.into(), ..Self::default() }
    }

    /// Turns the zeros added during the pass into their gradients.
    pub(crate) fn backward(&mut self, scalar: &Tensor<1>) {
        if !scalar.device().is_autodiff() {
            // Nothing was tracked: no site was wanted, or the scalar is a constant.
            self.streams.values_mut().for_each(|leaf| *leaf = leaf.clone().inner());
            self.heads.values_mut().for_each(|leaf| *leaf = leaf.clone().inner());
            return;
        }
        let tape = scalar.backward();
        for leaf in self.streams.values_mut() {
            *leaf = leaf.grad(&tape).unwrap_or_else(|| leaf.clone().inner());
        }
        for leaf in self.heads.values_mut() {
            *leaf = leaf.grad(&tape).unwrap_or_else(|| leaf.clone().inner());
        }
    }
}

impl Cached<3> for Gradients {
    fn get(&self, site: Site<3>) -> Result<&Tensor<3>, NotCaptured> {
        self.streams.get(&site.id()).ok_or(NotCaptured { site: site.id() })
    }
}

impl Cached<4> for Gradients {
    fn get(&self, site: Site<4>) -> Result<&Tensor<4>, NotCaptured> {
        self.heads.get(&site.id()).ok_or(NotCaptured { site: site.id() })
    }
}

impl Hook for Gradients {
    fn sites(&self) -> SiteSet {
        self.wanted.clone()
    }
    fn wants(&self, site: SiteId) -> bool {
        self.wanted.contains(site)
    }
    fn stream(&mut self, at: Visit<'_, 3>, x: Tensor<3>) -> Tensor<3> {
        let leaf = Tensor::zeros(x.dims(), &tracking(x.device())).require_grad();
        self.streams.insert(at.site.id(), leaf.clone());
        x + leaf
    }
    fn heads(&mut self, at: Visit<'_, 4>, x: Tensor<4>) -> Tensor<4> {
        let leaf = Tensor::zeros(x.dims(), &tracking(x.device())).require_grad();
        self.heads.insert(at.site.id(), leaf.clone());
        x + leaf
    }
}

/// The weights stay untracked: only what follows the first zero is on the tape.
fn tracking(device: Device) -> Device {
    if device.is_autodiff() { device } else { device.autodiff() }
}
