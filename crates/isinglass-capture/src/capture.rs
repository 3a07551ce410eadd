//! Running many texts for their rows: into memory, straight into an algorithm, or into a store.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use isinglass_core::{Forward, Kind, Rows, Sampler, SiteId, SiteSet, SourceError};

use crate::block::{Block, RowOrigin};
use crate::error::{CaptureError, StoreError};
use crate::filling::Filling;
use crate::live::LiveSource;
use crate::manifest::{Content, Manifest, SiteInfo, Subject, TextsInfo};
use crate::part::Part;
use crate::passages::Passages;
use crate::plan::{Plan, width};
use crate::position::{Pos, Positions};
use crate::precision::Precision;
use crate::shard;
use crate::store::present;

/// Which sites and positions to keep, and in what pieces to work.
///
/// ```
/// use isinglass_capture::{Capture, Pos};
/// use isinglass_core::site::resid_post;
/// # use isinglass_core::device;
/// # use isinglass_model::Model;
/// # let model = Model::load("tiny", &device("cpu")?)?;
/// let texts = [vec![5, 6, 7], vec![8]];
/// let captured = Capture::new(resid_post(2), Pos::Last).rows(&model, &texts, |_| {})?;
/// assert_eq!(captured.rows(resid_post(2))?.len(), 2);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Into a store, which survives whatever happens: the same call again goes on where it was, and ends with the same bytes.
/// ```
/// use isinglass_capture::{Capture, Pos, Store, Subject};
/// use isinglass_core::{ActivationSource, site::resid_post};
/// # use isinglass_core::device;
/// # use isinglass_model::Model;
/// # let model = Model::load("tiny", &device("cpu")?)?;
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path().join("acts");
/// let texts: Vec<Vec<u32>> = (0..9).map(|i| vec![7, i, 9]).collect();
/// let subject = Subject {
///     model: "tiny".into(),
///     weights_sha256: model.weights_sha256()?,
///     tokenizer_sha256: None,
///     device: "cpu".into(),
///     data: "counting".into(),
///     data_sha256: "none: made up on the spot".into(),
///     licence: "CC0-1.0".into(),
///     synthetic: true,
/// };
/// Capture::new(resid_post(2), Pos::Each).store(&model, &texts, &subject, &folder, |_| {})?;
///
/// let store = Store::open(&folder)?.of_model(&model.weights_sha256()?)?;
/// assert_eq!(store.len(), 27);
/// let mut source = store.source(resid_post(2), &device("cpu")?)?.batch_rows(10).shuffled(7);
/// assert_eq!(source.next_batch()?.map(|batch| batch.dims()), Some([10, source.width()]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Capture {
    pub(crate) sites: SiteSet,
    pos: Pos,
    span: Option<String>,
    special_tokens: bool,
    pub(crate) generation: Option<Sampler>,
    pub(crate) precision: Precision,
    pub(crate) batch_bytes: u64,
    pub(crate) shard_bytes: u64,
    pub(crate) shard_tokens: usize,
    part: Part,
}

const MIB: u64 = 1 << 20;

impl Capture {
    /// Keeps these sites at these positions of every text; heads of a site of rank 4 are laid side by side.
    pub fn new(sites: impl Into<SiteSet>, pos: Pos) -> Self {
        Self {
            sites: sites.into(),
            pos,
            span: None,
            special_tokens: false,
            generation: None,
            precision: Precision::F32,
            batch_bytes: 128 * MIB,
            shard_bytes: 512 * MIB,
            shard_tokens: 16_384,
            part: Part::ALL,
        }
    }

    /// Applies the rule to each span of this name instead of the whole text.
    #[must_use]
    pub fn of(mut self, span: impl Into<String>) -> Self {
        self.span = Some(span.into());
        self
    }

    /// Counts special tokens as tokens, which are left out otherwise.
    #[must_use]
    pub const fn with_special_tokens(mut self) -> Self {
        self.special_tokens = true;
        self
    }

    /// Lets the model continue each text first; what it adds is the span `generated`.
    ///
    /// So `Pos::First(4)` of `generated` are the first four tokens it writes; a text to which it adds nothing has no row
    /// there.
    #[must_use]
    pub fn generating(mut self, sampler: Sampler) -> Self {
        self.generation = Some(sampler);
        self
    }

    /// How a store keeps values; f32 otherwise.
    #[must_use]
    pub const fn precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// Runs as many texts at once as take this many bytes, 128 MiB otherwise: what the pass and the rows wanted need for each
    /// token, padding included. A longer text runs alone.
    #[must_use]
    pub const fn batch_bytes(mut self, bytes: u64) -> Self {
        self.batch_bytes = bytes;
        self
    }

    /// Ends a shard before it is larger than this, 512 MiB otherwise: a file of a store, and what a live source holds in memory.
    /// Batches are made within a shard, so one of few texts pads them more.
    #[must_use]
    pub const fn shard_bytes(mut self, bytes: u64) -> Self {
        self.shard_bytes = bytes;
        self
    }

    /// Ends a shard before it has more tokens than this, 16,384 otherwise: what is lost at most when a run is killed.
    #[must_use]
    pub const fn shard_tokens(mut self, tokens: usize) -> Self {
        self.shard_tokens = tokens;
        self
    }

    /// Stores only this part of the shards: other processes do the others, into the same folder or one of their own.
    /// Rows in memory and live ones are always all.
    #[must_use]
    pub const fn part(mut self, part: Part) -> Self {
        self.part = part;
        self
    }

    pub(crate) fn positions(&self) -> Positions {
        Positions { rule: self.pos, span: self.span.clone(), special_tokens: self.special_tokens }
    }

    /// What needs no text to be refused.
    fn check(&self, model: &dyn Forward) -> Result<(), CaptureError> {
        if let Some(site) = self.sites.iter().find(|s| matches!(s.kind(), Kind::Scores | Kind::Pattern)) {
            return Err(CaptureError::NoRows { site });
        }
        if self.sites.is_empty() {
            return Err(CaptureError::NoSites);
        }
        model.spec().expect_sites(&self.sites)?;
        match &self.generation {
            Some(sampler) if sampler.n_samples() != 1 => Err(CaptureError::Samples { found: sampler.n_samples() }),
            Some(sampler) => Ok(sampler.check().map_err(isinglass_core::RunError::from)?),
            None => Ok(()),
        }
    }

    /// All rows of all texts, in memory.
    ///
    /// Texts of like length run together, and nothing after the last site is computed.
    ///
    /// # Errors
    /// [`CaptureError`] if a site has no rows, a text no tokens or no such position, or the model refuses them.
    pub fn rows<P: Passages + ?Sized>(
        &self,
        model: &dyn Forward,
        texts: &P,
        mut progress: impl FnMut(Progress),
    ) -> Result<Captured, CaptureError> {
        self.check(model)?;
        let plan = self.plan(model, texts, &mut progress)?;
        let mut meter = Meter::new(texts.len(), &mut progress);
        let mut all: Option<Block> = None;
        for shard in 0..plan.n_shards() {
            let outline = self.outline_shard(model, texts, &plan, shard)?;
            let block = self.block(model, outline, None, &mut |n, tokens| meter.add(n, tokens))?;
            match &mut all {
                Some(all) => all.extend(block),
                None => all = Some(block),
            }
        }
        let Block { origins, sites } = all.ok_or(CaptureError::NoTexts)?;
        let rows = sites.into_iter().map(|s| Ok((s.site, Rows::new(s.site, s.width, s.values)?)));
        Ok(Captured { origins, rows: rows.collect::<Result<_, SourceError>>()? })
    }

    /// The rows of one site as the model computes them, for an algorithm that takes batches.
    ///
    /// # Errors
    /// [`CaptureError`] if another site was named too, or as [`rows`](Self::rows).
    pub fn live<'a, P: Passages + ?Sized>(
        &self,
        model: &'a dyn Forward,
        texts: &'a P,
    ) -> Result<LiveSource<'a, P>, CaptureError> {
        self.check(model)?;
        let mut sites = self.sites.iter();
        match (sites.next(), sites.next()) {
            (Some(site), None) => LiveSource::new(self.clone(), model, texts, site),
            _ => Err(CaptureError::ManySites { found: self.sites.len() }),
        }
    }

    /// Keeps all rows in a folder: makes a [`Store`](crate::Store) there, or goes on with the one that is there.
    ///
    /// Texts are read twice, a piece at a time, and memory does not grow with them. Rows go to the file of their shard as they are
    /// computed, and each shard appears whole or not at all. Whatever stops the process, the same call again does what is missing and ends with
    /// the same bytes; so do several processes with a [`part`](Self::part) each.
    /// (The same bytes on processors with the same vector instructions, which arithmetic depends on in its last bits.)
    ///
    /// # Errors
    /// [`CaptureError`] as [`rows`](Self::rows); [`StoreError`] if the folder holds something else, a shard there is
    /// damaged, or one cannot be written. What is complete stays.
    pub fn store<P: Passages + ?Sized>(
        &self,
        model: &dyn Forward,
        texts: &P,
        subject: &Subject,
        folder: impl AsRef<Path>,
        mut progress: impl FnMut(Progress),
    ) -> Result<Stored, CaptureError> {
        self.check(model)?;
        let folder = folder.as_ref();
        let plan = self.plan(model, texts, &mut progress)?;
        let manifest = &self.manifest(model, subject, &plan);
        manifest.establish(folder)?;
        let mut meter = Meter::new(texts.len(), &mut progress);
        let there: Vec<bool> = present(folder, manifest)?.iter().map(Option::is_some).collect();
        for shard in (0..there.len()).filter(|&shard| there[shard]) {
            meter.add(plan.texts(shard).len(), 0);
        }
        let missing: Vec<usize> = self.part.shards(there.len()).filter(|&shard| !there[shard]).collect();
        thread::scope(|scope| {
            // Handed over, not queued: one shard is being filled while one is being finished.
            let (hand_over, work) = sync_channel(0);
            let finisher = scope.spawn(move || finish_all(work));
            let filled = missing.iter().try_for_each(|&shard| -> Result<(), Stop> {
                let outline = self.outline_shard(model, texts, &plan, shard)?;
                let Some(mut filling) = Filling::begin(folder, shard, manifest, &outline.origins)? else {
                    meter.add(plan.texts(shard).len(), 0);
                    return Ok(());
                };
                let file = filling.file();
                self.run(model, &outline, &mut filling.sites, &mut |n, tokens| {
                    meter.add(n, tokens);
                    // A disk that has nothing to do begins with what is there already, so that little is left at the end.
                    let _ = hand_over.try_send(Work::Sync(Arc::clone(&file)));
                })?;
                hand_over.send(Work::Finish(Box::new(filling))).map_err(|_| Stop::Finisher)
            });
            drop(hand_over);
            let finished = finisher.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            match filled {
                Err(Stop::Because(error)) => Err(error),
                _ => Ok(finished?),
            }
        })?;
        // Others may have written theirs meanwhile.
        let present = (0..there.len()).filter(|&shard| shard::path(folder, shard).exists()).count();
        Ok(Stored { written: missing.len(), present, n_shards: there.len() })
    }

    fn manifest(&self, model: &dyn Forward, subject: &Subject, plan: &Plan) -> Manifest {
        let site = |site: SiteId| SiteInfo { site, width: width(&site.into(), model.spec()) };
        Manifest::new(Content {
            subject: subject.clone(),
            texts: TextsInfo {
                n: plan.starts[plan.n_shards()],
                n_tokens: plan.n_tokens,
                sha256: plan.texts_sha256.clone(),
            },
            sites: self.sites.iter().map(site).collect(),
            positions: self.positions(),
            generation: self.generation.clone(),
            precision: self.precision,
            batch_bytes: self.batch_bytes,
            shard_starts: plan.starts.clone(),
        })
    }
}

/// Why no further shard is filled.
enum Stop {
    /// This went wrong.
    Because(CaptureError),
    /// Nobody finishes them any more; whoever did says why.
    Finisher,
}

impl<E: Into<CaptureError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Because(error.into())
    }
}

/// What the computing threads leave to another.
#[derive(Debug)]
enum Work {
    /// Send what is in this file to the disk.
    Sync(Arc<File>),
    /// Finish a shard whose rows are all there.
    Finish(Box<Filling>),
}

/// Does the work as it comes, until a shard cannot be finished.
fn finish_all(work: Receiver<Work>) -> Result<(), StoreError> {
    for work in work {
        match work {
            // Should it fail, so will the finishing.
            Work::Sync(file) => drop(file.sync_data()),
            Work::Finish(filling) => filling.finish()?,
        }
    }
    Ok(())
}

/// What a call to [`Capture::store`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Shards that it wrote.
    pub written: usize,
    /// Shards that are there now.
    pub present: usize,
    /// Shards that there will be.
    pub n_shards: usize,
}

impl Stored {
    /// Whether the store can be opened; if not, other parts are still to be done.
    pub const fn is_complete(&self) -> bool {
        self.present == self.n_shards
    }
}

/// What a capture is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Reading all texts once, to lay out the shards.
    Planning,
    /// Running them.
    Running,
}

/// How far a capture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub stage: Stage,
    /// Texts done in this stage, those included that a store had already.
    pub texts: usize,
    /// Texts in all.
    pub of: usize,
    /// Tokens that this call has read or run.
    pub tokens: u64,
}

/// Adds up what is done.
struct Meter<'p> {
    so_far: Progress,
    tell: &'p mut dyn FnMut(Progress),
}

impl<'p> Meter<'p> {
    fn new(of: usize, tell: &'p mut dyn FnMut(Progress)) -> Self {
        Self { so_far: Progress { stage: Stage::Running, texts: 0, of, tokens: 0 }, tell }
    }

    fn add(&mut self, texts: usize, tokens: u64) {
        self.so_far.texts += texts;
        self.so_far.tokens += tokens;
        (self.tell)(self.so_far);
    }
}

/// Rows of each site in memory, in the order of the texts and, in a text, of its positions.
#[derive(Debug, Clone, PartialEq)]
pub struct Captured {
    origins: Vec<RowOrigin>,
    rows: BTreeMap<SiteId, Rows>,
}

impl Captured {
    /// The rows of a site.
    ///
    /// # Errors
    /// [`CaptureError::NotCaptured`] if it was not among the sites.
    pub fn rows(&self, site: impl Into<SiteId>) -> Result<&Rows, CaptureError> {
        let site = site.into();
        self.rows.get(&site).ok_or(CaptureError::NotCaptured { site })
    }

    /// The rows of every site, in the order of the forward pass.
    pub fn iter(&self) -> impl Iterator<Item = &Rows> {
        self.rows.values()
    }

    /// What each row is the activation of, the same at every site.
    pub fn origins(&self) -> &[RowOrigin] {
        &self.origins
    }
}
