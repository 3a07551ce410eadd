//! Directions in files: safetensors of our own, and GGUF control vectors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use isinglass_core::site::resid_post;
use isinglass_core::{Direction, Kind, SiteId, UnknownSite};
use isinglass_formats::{FormatError, Gguf, NewTensor, NewValue, Safetensors, TensorFile, save_gguf, save_safetensors};

/// Why directions could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DirectionFileError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The file does not say where a direction belongs.
    #[error("`{}` does not say the site of `{key}`: its metadata lack `site.{key}`", path.display())]
    NoSite {
        /// The file.
        path: PathBuf,
        /// The direction.
        key: String,
    },
    /// The site does not exist.
    #[error("`{}`: the site of `{key}`", path.display())]
    Site {
        /// The file.
        path: PathBuf,
        /// The direction.
        key: String,
        /// What is wrong with it.
        source: UnknownSite,
    },
    /// A tensor is no vector of finite numbers.
    #[error("`{key}` of `{}` has shape {shape:?}; a direction is one row of finite numbers", path.display())]
    NotAVector {
        /// The file.
        path: PathBuf,
        /// The direction.
        key: String,
        /// The shape of the tensor.
        shape: Vec<usize>,
    },
    /// A control vector holds what is added to the stream after blocks, and nothing else.
    #[error("a control vector cannot hold a direction at `{site}`; only at `resid_post` of a block, and one of each")]
    NotAControl {
        /// The site.
        site: SiteId,
    },
    /// The file is no control vector.
    #[error("`{}` is no control vector: {reason}", path.display())]
    NoControlVector {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
}

/// Directions by name, and where they come from: model, hash of its weights, data, seed, whatever a reader needs to make
/// them again.
///
/// ```
/// use isinglass_core::{Direction, site::resid_post};
/// use isinglass_steer::Directions;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("joy.safetensors");
/// let mut file = Directions::default();
/// let joy = Direction { site: resid_post(3).id(), vector: vec![0.5, -1.0], how: "class means over 80 rows".into() };
/// file.directions.insert("joy".into(), joy);
/// file.provenance.insert("model".into(), "SmolLM2-135M-Instruct".into());
/// file.save(&path)?;
/// assert_eq!(Directions::load(&path)?, file);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Directions {
    /// The directions, each with its site and how it was found.
    pub directions: BTreeMap<String, Direction>,
    /// What is true of all of them.
    pub provenance: BTreeMap<String, String>,
}

impl Directions {
    /// Writes them as safetensors, atomically.
    ///
    /// # Errors
    /// [`DirectionFileError::Format`] if the file cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), DirectionFileError> {
        let mut metadata = self.provenance.clone();
        let mut tensors = BTreeMap::new();
        for (key, direction) in &self.directions {
            metadata.insert(format!("site.{key}"), direction.site.to_string());
            metadata.insert(format!("how.{key}"), direction.how.clone());
            tensors.insert(key.clone(), NewTensor::new([direction.vector.len()], &direction.vector[..]));
        }
        Ok(save_safetensors(path, &tensors, &metadata)?)
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    /// [`DirectionFileError`] if the file cannot be read, or a tensor is no direction.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, DirectionFileError> {
        let path = path.as_ref();
        let file = Safetensors::open(path)?;
        let mut found = Self { directions: BTreeMap::new(), provenance: file.metadata().clone() };
        for key in file.names() {
            let view = file.get(key)?;
            let at = || (path.to_path_buf(), key.to_owned());
            let Some(site) = found.provenance.remove(&format!("site.{key}")) else {
                let (path, key) = at();
                return Err(DirectionFileError::NoSite { path, key });
            };
            let site = site.parse().map_err(|source| {
                let (path, key) = at();
                DirectionFileError::Site { path, key, source }
            })?;
            let vector = vector(path, key, view.shape(), view.to_f32()?)?;
            let how = found.provenance.remove(&format!("how.{key}")).unwrap_or_default();
            found.directions.insert(key.to_owned(), Direction { site, vector, how });
        }
        Ok(found)
    }
}

fn vector(path: &Path, key: &str, shape: &[usize], values: Vec<f32>) -> Result<Vec<f32>, DirectionFileError> {
    if shape.len() != 1 || values.is_empty() || values.iter().any(|v| !v.is_finite()) {
        let (path, key, shape) = (path.to_path_buf(), key.to_owned(), shape.to_vec());
        return Err(DirectionFileError::NotAVector { path, key, shape });
    }
    Ok(values)
}

/// Which block the tensor `direction.{n}` of a control vector belongs to. The programs that write such files do not agree,
/// and the files do not say, so you must.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbering {
    /// Blocks count from 1: `direction.1` is the output of block 0, `blocks.0.hook_resid_post`. So numbers the generator that
    /// comes with llama.cpp.
    FromOne,
    /// Blocks count from 0: `direction.1` is the output of block 1. So number repeng (seen in 0.4.0) and llama.cpp when it
    /// adds a control vector; the latter ignores `direction.0`.
    FromZero,
}

const ARCHITECTURE: &str = "controlvector";

/// Writes directions as a GGUF control vector, atomically, one tensor for each block.
///
/// `model_hint` is the model's architecture (`llama`, `qwen2`, ...), which some readers compare.
///
/// # Errors
/// [`DirectionFileError::NotAControl`] unless each direction is at the `resid_post` of a block of its own,
/// [`DirectionFileError::Format`] if the file cannot be written.
pub fn save_control_vector<'a>(
    path: impl AsRef<Path>,
    directions: impl IntoIterator<Item = &'a Direction>,
    numbering: Numbering,
    model_hint: &str,
) -> Result<(), DirectionFileError> {
    let mut by_block = BTreeMap::new();
    for direction in directions {
        let site = direction.site;
        let block = site.layer().filter(|_| site.kind() == Kind::ResidPost);
        let block = block.ok_or(DirectionFileError::NotAControl { site })?;
        if by_block.insert(block, direction).is_some() {
            return Err(DirectionFileError::NotAControl { site });
        }
    }
    let tensors: Vec<(String, Vec<usize>, &[f32])> = by_block
        .into_iter()
        .map(|(block, direction)| {
            let number = block + usize::from(numbering == Numbering::FromOne);
            (format!("direction.{number}"), vec![direction.vector.len()], &direction.vector[..])
        })
        .collect();
    let metadata = [
        ("general.architecture", NewValue::Str(ARCHITECTURE.into())),
        ("controlvector.model_hint", NewValue::Str(model_hint.into())),
        ("controlvector.layer_count", NewValue::U32(tensors.len() as u32)),
    ];
    Ok(save_gguf(path, &metadata, &tensors)?)
}

/// The directions of a GGUF control vector, in the order of their blocks, and its model hint.
///
/// # Errors
/// [`DirectionFileError`] if the file cannot be read, is no control vector, or holds a tensor that is no direction.
pub fn load_control_vector(
    path: impl AsRef<Path>,
    numbering: Numbering,
) -> Result<(Vec<Direction>, String), DirectionFileError> {
    let path = path.as_ref();
    let file = Gguf::open(path)?;
    let not_one = |reason: String| DirectionFileError::NoControlVector { path: path.to_path_buf(), reason };
    let architecture = file.get_str("general.architecture")?;
    if architecture != ARCHITECTURE {
        return Err(not_one(format!("its architecture is `{architecture}`")));
    }
    let hint = file.get_str("controlvector.model_hint")?.to_owned();
    let mut by_block = BTreeMap::new();
    for name in file.names() {
        let number: Option<usize> = name.strip_prefix("direction.").and_then(|number| number.parse().ok());
        let first = usize::from(numbering == Numbering::FromOne);
        let Some(block) = number.and_then(|number| number.checked_sub(first)) else {
            return Err(not_one(format!("its tensor `{name}` is no `direction.{{n}}` with n from {first}")));
        };
        let view = file.get(name)?;
        let vector = vector(path, name, view.shape(), view.to_f32()?)?;
        let how = format!("`{name}` of a control vector for `{hint}`");
        by_block.insert(block, Direction { site: resid_post(block).id(), vector, how });
    }
    Ok((by_block.into_values().collect(), hint))
}

#[cfg(test)]
mod tests {
    use super::*;
    use isinglass_core::site::mlp_out;

    fn direction(site: impl Into<SiteId>) -> Direction {
        Direction { site: site.into(), vector: vec![1.0, -0.5, 0.25], how: "by hand".into() }
    }

    #[test]
    fn a_control_vector_comes_back_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.gguf");
        let (second, first) = (direction(resid_post(11)), direction(resid_post(2)));
        for numbering in [Numbering::FromOne, Numbering::FromZero] {
            save_control_vector(&path, [&second, &first], numbering, "llama").unwrap();
            let (found, hint) = load_control_vector(&path, numbering).unwrap();
            assert_eq!(hint, "llama");
            assert_eq!(found.iter().map(|d| d.site).collect::<Vec<_>>(), [first.site, second.site]);
            assert!(found.iter().all(|d| d.vector == first.vector));
        }
        // Written from one, read from zero: one block further.
        save_control_vector(&path, [&first], Numbering::FromOne, "llama").unwrap();
        assert_eq!(load_control_vector(&path, Numbering::FromZero).unwrap().0[0].site, resid_post(3).id());
        save_control_vector(&path, [&direction(resid_post(0))], Numbering::FromZero, "llama").unwrap();
        assert!(matches!(
            load_control_vector(&path, Numbering::FromOne),
            Err(DirectionFileError::NoControlVector { .. })
        ));
    }

    #[test]
    fn what_is_no_control_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.gguf");
        let save = |directions: &[Direction]| save_control_vector(&path, directions, Numbering::FromOne, "llama");
        assert!(matches!(save(&[direction(mlp_out(1))]), Err(DirectionFileError::NotAControl { .. })));
        let twice = [direction(resid_post(1)), direction(resid_post(1))];
        assert!(matches!(save(&twice), Err(DirectionFileError::NotAControl { .. })));
        assert!(!path.exists());
    }

    #[test]
    fn a_file_without_sites_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("v.safetensors");
        let tensors = BTreeMap::from([("joy".to_string(), NewTensor::new([2], vec![0.5_f32, 1.0]))]);
        save_safetensors(&path, &tensors, &BTreeMap::new()).unwrap();
        let error = Directions::load(&path).unwrap_err();
        assert!(error.to_string().ends_with("its metadata lack `site.joy`"), "{error}");
    }
}
