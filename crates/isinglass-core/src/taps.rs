//! What a model is handed for one pass: the hook, with its interest already resolved.

use std::fmt;

use burn::tensor::Tensor;

use crate::hook::{Hook, Visit};
use crate::site::{Site, SiteId};
use crate::site_set::SiteSet;
use crate::tokens::Layout;

/// Which logits a pass is run for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// Those of every column.
    Logits,
    /// Those of each row's last token: `[batch, 1, vocab]`.
    LastLogits,
    /// None: the pass may stop once every wanted site was visited.
    Nothing,
}

/// A hook that returned a tensor of another shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reshaped {
    pub(crate) site: SiteId,
    pub(crate) expected: Vec<usize>,
    pub(crate) found: Vec<usize>,
}

/// The hook of one pass and the sites it wants, read once.
///
/// A model marks a site with one line: `x = taps.stream(resid_post(l), x + mlp_out);`.
/// Before building something only a hook would see, it asks [`wants`](Self::wants).
pub struct Taps<'h> {
    hook: &'h mut dyn Hook,
    wanted: SiteSet,
    unvisited: usize,
    layout: &'h Layout,
    output: Output,
    reshaped: Option<Reshaped>,
}

impl fmt::Debug for Taps<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taps").field("wanted", &self.wanted).field("output", &self.output).finish_non_exhaustive()
    }
}

impl<'h> Taps<'h> {
    pub(crate) fn new(hook: &'h mut dyn Hook, wanted: SiteSet, layout: &'h Layout, output: Output) -> Self {
        Self { unvisited: wanted.len(), hook, wanted, layout, output, reshaped: None }
    }

    /// Whether the hook wants this site.
    pub fn wants(&self, site: impl Into<SiteId>) -> bool {
        !self.wanted.is_empty() && self.wanted.contains(site)
    }

    /// Where the tokens of this pass lie.
    pub const fn layout(&self) -> &Layout {
        self.layout
    }

    /// Which logits the pass is run for.
    pub const fn output(&self) -> Output {
        self.output
    }

    /// Whether the model may stop here: no logits are asked for and every wanted site was visited.
    pub const fn finished(&self) -> bool {
        matches!(self.output, Output::Nothing) && self.unvisited == 0
    }

    /// Marks a site of rank 3: the hook's answer if it wants the site, else `x` untouched.
    #[must_use]
    pub fn stream(&mut self, site: Site<3>, x: Tensor<3>) -> Tensor<3> {
        if !self.wants(site) {
            return x;
        }
        let (expected, device) = (x.dims(), x.device());
        let x = self.hook.stream(Visit { site, layout: self.layout }, x);
        self.unvisited = self.unvisited.saturating_sub(1);
        if x.dims() == expected {
            return x;
        }
        self.refuse(site.id(), &expected, &x.dims());
        Tensor::zeros(expected, &device)
    }

    /// Marks a site of rank 4: the hook's answer if it wants the site, else `x` untouched.
    #[must_use]
    pub fn heads(&mut self, site: Site<4>, x: Tensor<4>) -> Tensor<4> {
        if !self.wants(site) {
            return x;
        }
        let (expected, device) = (x.dims(), x.device());
        let x = self.hook.heads(Visit { site, layout: self.layout }, x);
        self.unvisited = self.unvisited.saturating_sub(1);
        if x.dims() == expected {
            return x;
        }
        self.refuse(site.id(), &expected, &x.dims());
        Tensor::zeros(expected, &device)
    }

    /// Remembers the first tensor of a wrong shape; the run reports it. The pass goes on with zeros of the right shape
    /// (its result is thrown away) so that no kernel sees the wrong one and panics.
    fn refuse(&mut self, site: SiteId, expected: &[usize], found: &[usize]) {
        if self.reshaped.is_none() {
            self.reshaped = Some(Reshaped { site, expected: expected.into(), found: found.into() });
        }
    }

    pub(crate) fn into_reshaped(self) -> Option<Reshaped> {
        self.reshaped
    }
}
