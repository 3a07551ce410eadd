//! What a model says of itself: sizes, limits and sites.

use serde::{Deserialize, Serialize};

use crate::forward::RunError;
use crate::site::SiteId;
use crate::site_set::SiteSet;

/// Sizes, limits and sites of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelSpec {
    /// Name for reports and errors, for instance the folder's.
    pub name: String,
    /// Model family, for instance `llama`.
    pub family: String,
    /// Number of layers.
    pub n_layers: usize,
    /// Width of the residual stream.
    pub d_model: usize,
    /// Query heads per layer.
    pub n_heads: usize,
    /// Key and value heads per layer; divides `n_heads`.
    pub n_kv_heads: usize,
    /// Width of one head.
    pub d_head: usize,
    /// Neurons of one MLP.
    pub d_mlp: usize,
    /// Number of token ids.
    pub vocab: usize,
    /// Longest sequence, in tokens.
    pub n_ctx: usize,
    /// Ids at which generation stops.
    pub end_tokens: Vec<u32>,
    /// Every site the model has.
    #[serde(skip)]
    pub sites: SiteSet,
}

impl ModelSpec {
    /// Refuses sites that the model does not have, as a run does.
    ///
    /// # Errors
    /// [`RunError::NoSuchSite`] names the first of them and the nearest that there is.
    pub fn expect_sites(&self, wanted: &SiteSet) -> Result<(), RunError> {
        let Some(site) = wanted.iter().find(|site| !self.sites.contains(*site)) else { return Ok(()) };
        let nearest = self.nearest(site).map_or_else(String::new, |s| s.to_string());
        Err(RunError::NoSuchSite { model: self.name.clone(), site, n_layers: self.n_layers, nearest })
    }

    /// The site here that `wrong` was most likely meant to be.
    fn nearest(&self, wrong: SiteId) -> Option<SiteId> {
        let same_kind = self.sites.iter().filter(|s| s.kind() == wrong.kind()).last();
        same_kind.or_else(|| self.sites.nearest(&wrong.to_string()))
    }
}
