//! Activations kept from a pass.

use std::collections::BTreeMap;

use burn::tensor::Tensor;

use crate::hook::{Hook, Visit};
use crate::site::{Site, SiteId};
use crate::site_set::SiteSet;

/// A hook that keeps the activations of the sites it was made for.
///
/// A tensor is kept by reference count, not copied. Used again, it keeps what the last pass visited.
#[derive(Debug, Clone, Default)]
pub struct Cache {
    wanted: SiteSet,
    streams: BTreeMap<SiteId, Tensor<3>>,
    heads: BTreeMap<SiteId, Tensor<4>>,
}

/// A site was asked for that the cache does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("site `{site}` was not captured: name it in `Cache::at` and run the model first")]
pub struct NotCaptured {
    /// The site asked for.
    pub site: SiteId,
}

/// Lookup by a site's rank.
pub trait Cached<const R: usize> {
    /// The activation kept at a site.
    ///
    /// # Errors
    /// [`NotCaptured`] if the site was not wanted or no pass was run.
    fn get(&self, site: Site<R>) -> Result<&Tensor<R>, NotCaptured>;
}

impl Cache {
    /// A cache of these sites.
    pub fn at(sites: impl Into<SiteSet>) -> Self {
        Self { wanted: sites.into(), ..Self::default() }
    }

    /// Every kept activation of rank 3, in the order of the forward pass.
    pub fn streams(&self) -> impl Iterator<Item = (SiteId, &Tensor<3>)> {
        self.streams.iter().map(|(site, x)| (*site, x))
    }

    /// Every kept activation of rank 4, in the order of the forward pass.
    pub fn heads(&self) -> impl Iterator<Item = (SiteId, &Tensor<4>)> {
        self.heads.iter().map(|(site, x)| (*site, x))
    }
}

impl Cached<3> for Cache {
    fn get(&self, site: Site<3>) -> Result<&Tensor<3>, NotCaptured> {
        self.streams.get(&site.id()).ok_or(NotCaptured { site: site.id() })
    }
}

impl Cached<4> for Cache {
    fn get(&self, site: Site<4>) -> Result<&Tensor<4>, NotCaptured> {
        self.heads.get(&site.id()).ok_or(NotCaptured { site: site.id() })
    }
}

impl Hook for Cache {
    fn sites(&self) -> SiteSet {
        self.wanted.clone()
    }
    fn wants(&self, site: SiteId) -> bool {
        self.wanted.contains(site)
    }
    fn stream(&mut self, at: Visit<'_, 3>, x: Tensor<3>) -> Tensor<3> {
        self.streams.insert(at.site.id(), x.clone());
        x
    }
    fn heads(&mut self, at: Visit<'_, 4>, x: Tensor<4>) -> Tensor<4> {
        self.heads.insert(at.site.id(), x.clone());
        x
    }
}
