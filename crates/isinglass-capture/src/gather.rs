//! The hook that keeps one row per text and lets the rest of the activation go.

use std::collections::BTreeMap;

use isinglass_core::burn::tensor::TensorData;
use isinglass_core::{Hook, Int, Layout, SiteId, SiteSet, Tensor, Visit};

/// Which position of a text gives its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pos {
    /// The last token.
    Last,
    /// The mean over all tokens of the text.
    Mean,
}

impl Pos {
    /// Name for reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Last => "last token",
            Self::Mean => "mean over tokens",
        }
    }
}

/// Rows of one batch at each wanted site.
#[derive(Debug)]
pub(crate) struct Gather {
    wanted: SiteSet,
    pos: Pos,
    pub(crate) rows: BTreeMap<SiteId, Tensor<2>>,
}

impl Gather {
    pub(crate) fn new(wanted: SiteSet, pos: Pos) -> Self {
        Self { wanted, pos, rows: BTreeMap::new() }
    }

    fn keep(&mut self, site: SiteId, layout: &Layout, x: Tensor<3>) {
        let rows = match self.pos {
            Pos::Last => last(layout, x),
            Pos::Mean => mean(layout, x),
        };
        self.rows.insert(site, rows);
    }
}

impl Hook for Gather {
    fn sites(&self) -> SiteSet {
        self.wanted.clone()
    }
    fn wants(&self, site: SiteId) -> bool {
        self.wanted.contains(site)
    }
    fn stream(&mut self, at: Visit<'_, 3>, x: Tensor<3>) -> Tensor<3> {
        self.keep(at.site.id(), at.layout, x.clone());
        x
    }
    fn heads(&mut self, at: Visit<'_, 4>, x: Tensor<4>) -> Tensor<4> {
        let [batch, pos, head, width] = x.dims();
        self.keep(at.site.id(), at.layout, x.clone().reshape([batch, pos, head * width]));
        x
    }
}

/// `[batch, pos, width]` to `[batch, width]`.
fn last(layout: &Layout, x: Tensor<3>) -> Tensor<2> {
    let [batch, pos, width] = x.dims();
    let column = |row| layout.last_column(row).unwrap_or(pos - 1);
    let flat: Vec<i64> = (0..batch).map(|row| (row * pos + column(row)) as i64).collect();
    let index = Tensor::<1, Int>::from_data(TensorData::new(flat, [batch]), &x.device());
    x.reshape([batch * pos, width]).select(0, index)
}

fn mean(layout: &Layout, x: Tensor<3>) -> Tensor<2> {
    let [batch, pos, width] = x.dims();
    let weight = |row: usize, column: usize| {
        let columns = layout.columns(row);
        if columns.contains(&column) { 1.0 / columns.len() as f32 } else { 0.0 }
    };
    let weights: Vec<f32> = (0..batch).flat_map(|row| (0..pos).map(move |c| weight(row, c))).collect();
    let weights = Tensor::<3>::from_data(TensorData::new(weights, [batch, 1, pos]), &x.device());
    weights.matmul(x).reshape([batch, width])
}
