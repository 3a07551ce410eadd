//! Keys and values of earlier columns.

use isinglass_core::Tensor;

/// Rotated keys and values of each layer, written in place.
#[derive(Debug)]
pub(crate) struct KvCache {
    /// Per layer `[batch, kv_head, capacity, d_head]`; `None` before the first pass.
    layers: Vec<Option<(Tensor<4>, Tensor<4>)>>,
    capacity: usize,
}

impl KvCache {
    pub(crate) fn new(n_layers: usize, capacity: usize) -> Self {
        Self { layers: vec![None; n_layers], capacity }
    }

    /// The one row so far becomes `rows` equal ones.
    pub(crate) fn fork(&mut self, rows: usize) {
        for (keys, values) in self.layers.iter_mut().flatten() {
            *keys = keys.clone().repeat_dim(0, rows);
            *values = values.clone().repeat_dim(0, rows);
        }
    }

    /// Writes the columns after `past` and gives back all columns so far.
    pub(crate) fn append(&mut self, layer: usize, past: usize, k: Tensor<4>, v: Tensor<4>) -> (Tensor<4>, Tensor<4>) {
        let [batch, heads, new, d_head] = k.dims();
        let end = past + new;
        // Taken out, so that the tensor has one owner and is written in place.
        let (keys, values) = self.layers[layer].take().unwrap_or_else(|| {
            let empty = || Tensor::zeros([batch, heads, self.capacity.max(end), d_head], &k.device());
            (empty(), empty())
        });
        let at = [0..batch, 0..heads, past..end, 0..d_head];
        let (keys, values) = (keys.slice_assign(at.clone(), k), values.slice_assign(at, v));
        let so_far = (keys.clone().narrow(2, 0, end), values.clone().narrow(2, 0, end));
        self.layers[layer] = Some((keys, values));
        so_far
    }
}
