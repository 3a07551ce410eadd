//! Models by name: the files of a model, downloaded once into the cache that Python's `huggingface_hub` also uses.
//!
//! [`fetch_model`] asks the hub nothing where the cache has the model; where it has a part, only the rest is fetched, of the
//! same commit.
//! A file appears in a snapshot only when it has all its bytes, and the right SHA-256 where the hub tells it; until then it
//! is `blobs/<etag>.incomplete`, from whose end the next attempt goes on.
//! The token is sent to the hub and to no other host.
//!
//! The crate `hf-hub` is not used for this: its blocking client (0.5) sends the token after redirects to other hosts, drops
//! the header that tells a gated model from a missing one, knows neither `HF_TOKEN` nor `HF_HUB_OFFLINE`, and verifies no
//! hash. The tests ask it whether it finds what was downloaded here.
//!
//! ```no_run
//! use isinglass_formats::{HubCache, HubId, hub};
//!
//! let config = hub::HubConfig::from_env();
//! let id = HubId::parse("HuggingFaceTB/SmolLM2-135M@main").expect("an id");
//! let folder = hub::fetch_model(&config, &id, &mut |progress| {
//!     eprintln!("{}: {} of {} bytes", progress.file, progress.done, progress.total);
//! })?;
//! assert!(folder.join("config.json").is_file());
//! # Ok::<(), hub::HubError>(())
//! ```

mod client;
mod config;
mod download;
mod error;

use std::path::{Path, PathBuf};

use crate::hub_cache::{HubId, Progress};
use crate::{FormatError, ShardedSafetensors};
use client::Client;
pub use config::HubConfig;
use download::Snapshot;
pub use error::HubError;

const CONFIG: &str = "config.json";
const TOKENIZER: &str = "tokenizer.json";
const SINGLE: &str = "model.safetensors";
const INDEX: &str = "model.safetensors.index.json";

/// What a model may come with beside its weights.
const BESIDE: [&str; 5] = [CONFIG, "generation_config.json", TOKENIZER, "tokenizer_config.json", "chat_template.jinja"];

/// The folder with a model's files, downloaded as far as they are not there: its configuration, its tokenizer, and
/// `model.safetensors` or the shards that `model.safetensors.index.json` names.
///
/// `progress` is called as bytes arrive, never for files that are there.
///
/// # Errors
///
/// [`HubError`] says what to do. What was downloaded before it stays for the next attempt.
pub fn fetch_model(
    config: &HubConfig,
    id: &HubId,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, HubError> {
    let cached = config.cache.snapshot(id)?;
    let found = cached.as_deref().map_or(Ok(Found::Part), Found::of)?;
    match (cached, found) {
        (Some(folder), Found::All) => Ok(folder),
        (Some(folder), Found::Weights) if config.offline => Ok(folder),
        _ if config.offline => {
            Err(HubError::Offline { id: id.to_string(), cache: config.cache.folder().to_path_buf() })
        }
        (cached, found) => match (download(config, id, cached.as_deref(), true, progress), cached) {
            (Err(HubError::NoConnection { .. }), Some(folder)) if found == Found::Weights => Ok(folder),
            (outcome, _) => outcome,
        },
    }
}

/// The folder with what describes a model, downloaded as far as it is not there: its configuration and its tokenizer, no
/// weights.
///
/// # Errors
///
/// [`HubError`] says what to do.
pub fn fetch_description(
    config: &HubConfig,
    id: &HubId,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, HubError> {
    let cached = config.cache.snapshot(id)?;
    match cached {
        Some(folder) if folder.join(CONFIG).is_file() => Ok(folder),
        _ if config.offline => {
            Err(HubError::Offline { id: id.to_string(), cache: config.cache.folder().to_path_buf() })
        }
        cached => download(config, id, cached.as_deref(), false, progress),
    }
}

/// The snapshot of a model if it has all that [`fetch_model`] would fetch; nothing is downloaded.
///
/// # Errors
///
/// [`FormatError`] where the cache cannot be read.
pub fn cached_model(config: &HubConfig, id: &HubId) -> Result<Option<PathBuf>, FormatError> {
    let Some(folder) = config.cache.snapshot(id)? else { return Ok(None) };
    Ok((Found::of(&folder)? == Found::All).then_some(folder))
}

/// How much of a model a snapshot has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// Everything, or it is known that the model has no tokenizer.
    All,
    /// Configuration and weights: enough, where the hub cannot be asked for the tokenizer.
    Weights,
    Part,
}

impl Found {
    fn of(folder: &Path) -> Result<Self, FormatError> {
        let has = |name: &str| folder.join(name).is_file();
        let weights = has(SINGLE)
            || has(INDEX) && ShardedSafetensors::shards(&folder.join(INDEX))?.iter().all(|shard| has(shard));
        let tokenizer = || has(TOKENIZER) || Snapshot::at(folder).is_some_and(|snapshot| snapshot.is_absent(TOKENIZER));
        Ok(match has(CONFIG) && weights {
            true if tokenizer() => Self::All,
            true => Self::Weights,
            false => Self::Part,
        })
    }
}

/// Fetches what `cached`, an incomplete snapshot, lacks; else the revision as it is now.
fn download(
    config: &HubConfig,
    id: &HubId,
    cached: Option<&Path>,
    with_weights: bool,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<PathBuf, HubError> {
    let client = Client::new(config, id);
    let pinned = cached.and_then(|folder| folder.file_name()?.to_str());
    let info = match pinned.map(|commit| client.info(commit)) {
        // A branch may have been rewritten since.
        None | Some(Err(HubError::NoRevision { .. })) => client.info(id.revision())?,
        Some(info) => info?,
    };
    let has = |name: &str| info.files.iter().any(|file| file == name);
    let not_a_model = |file| HubError::NotAModel { id: id.id().into(), file };
    if !has(CONFIG) {
        return Err(not_a_model(CONFIG));
    }
    let weights = [SINGLE, INDEX].into_iter().find(|name| has(name)).ok_or_else(|| not_a_model(SINGLE))?;
    let snapshot = Snapshot::new(config.cache.repository(id), &info.commit);
    for name in BESIDE {
        if has(name) {
            snapshot.fetch(&client, id, name, progress)?;
        } else {
            snapshot.mark_absent(name)?;
        }
    }
    if with_weights {
        let first = snapshot.fetch(&client, id, weights, progress)?;
        if weights == INDEX {
            for shard in ShardedSafetensors::shards(&first)? {
                snapshot.fetch(&client, id, &shard, progress)?;
            }
        }
    }
    snapshot.name(id.revision())?;
    Ok(snapshot.folder())
}
