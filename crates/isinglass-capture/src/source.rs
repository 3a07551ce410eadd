//! Batches of rows from a store.

use isinglass_core::burn::tensor::TensorData;
use isinglass_core::{ActivationSource, Device, SiteId, SourceError, Tensor};

use crate::shuffle::Shuffle;
use crate::store::Store;

/// Rows of one site of a store, batch after batch; made by [`Store::source`].
///
/// Memory is what a batch takes, however large the store is and in whatever order the rows come.
/// ```no_run
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # use isinglass_capture::Store;
/// use isinglass_core::{ActivationSource, device, site::resid_post};
/// let store = Store::open("out/acts")?;
/// let mut source = store.source(resid_post(12), &device("cpu")?)?.batch_rows(4096).shuffled(7);
/// let batch = source.next_batch()?; // [4096, width]
/// // To go on later exactly here, keep the number of rows that were given:
/// let position = source.position();
/// let again = store.source(resid_post(12), &device("cpu")?)?.batch_rows(4096).shuffled(7).starting_at(position);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct StoreSource<'s> {
    store: &'s Store,
    site: SiteId,
    /// The site's number in the manifest.
    index: usize,
    device: Device,
    batch_rows: usize,
    shuffle: Option<Shuffle>,
    next: u64,
}

impl<'s> StoreSource<'s> {
    pub(crate) fn new(store: &'s Store, site: SiteId, index: usize, device: &Device) -> Self {
        Self { store, site, index, device: device.clone(), batch_rows: 4096, shuffle: None, next: 0 }
    }

    /// Gives so many rows at a time, 4096 otherwise; the last batch may have fewer.
    #[must_use]
    pub fn batch_rows(mut self, n: usize) -> Self {
        self.batch_rows = n.max(1);
        self
    }

    /// Gives all rows of the store in a random order that belongs to the seed; another seed is another epoch.
    #[must_use]
    pub fn shuffled(mut self, seed: u64) -> Self {
        self.shuffle = (!self.store.is_empty()).then(|| Shuffle::new(self.store.len(), seed));
        self
    }

    /// Leaves out the first rows of the order: goes on where another source was at this [`position`](Self::position).
    #[must_use]
    pub const fn starting_at(mut self, position: u64) -> Self {
        self.next = position;
        self
    }

    /// How many rows of the order were given.
    pub const fn position(&self) -> u64 {
        self.next
    }

    /// Number of rows in all.
    pub fn len(&self) -> u64 {
        self.store.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.store.is_empty()
    }

    /// The numbers of the next rows, by which [`Store::origins`] knows them.
    pub fn next_rows(&self) -> Vec<u64> {
        let end = self.next.saturating_add(self.batch_rows as u64).min(self.store.len());
        (self.next..end).map(|place| self.shuffle.map_or(place, |shuffle| shuffle.at(place))).collect()
    }
}

impl ActivationSource for StoreSource<'_> {
    fn width(&self) -> usize {
        self.store.width(self.index)
    }

    fn next_batch(&mut self) -> Result<Option<Tensor<2>>, SourceError> {
        let rows = self.next_rows();
        if rows.is_empty() {
            return Ok(None);
        }
        let values = self.store.read(self.index, &rows);
        let values = values.map_err(|e| SourceError::Unavailable { site: self.site, source: Box::new(e) })?;
        self.next += rows.len() as u64;
        let data = TensorData::new(values, [rows.len(), self.width()]);
        Ok(Some(Tensor::from_data(data, &self.device)))
    }
}
