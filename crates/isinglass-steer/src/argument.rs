//! Steering as a command-line argument: `file.safetensors:key@site*alpha`.

use std::path::PathBuf;
use std::str::FromStr;

use isinglass_core::{Direction, SiteId, UnknownSite};
use isinglass_formats::{FormatError, Safetensors, TensorFile};

use crate::steer::{NotAStream, Steer};

/// `file.safetensors:key@site*alpha`: the vector under a key, added at a site, times alpha.
///
/// ```
/// let argument: isinglass_steer::SteerArgument = "out/dirs.safetensors:joy@blocks.12.resid_post*-4.5".parse()?;
/// assert_eq!((argument.key.as_str(), argument.alpha), ("joy", -4.5));
/// # Ok::<(), isinglass_steer::ArgumentError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SteerArgument {
    /// The safetensors file.
    pub path: PathBuf,
    /// Name of the vector in it.
    pub key: String,
    /// Where it is added.
    pub site: SiteId,
    /// What it is multiplied by.
    pub alpha: f64,
}

/// Why such an argument was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentError {
    /// It is not of the form.
    #[error("`{argument}` lacks {lacks}: write `file.safetensors:key@site*alpha`")]
    Syntax {
        /// The argument.
        argument: String,
        /// The part that is missing or malformed.
        lacks: &'static str,
    },
    /// The site does not exist.
    #[error(transparent)]
    Site(#[from] UnknownSite),
    /// The site cannot be steered.
    #[error(transparent)]
    NotAStream(#[from] NotAStream),
    /// The file or the key cannot be read.
    #[error(transparent)]
    Format(#[from] FormatError),
    /// The tensor is no vector.
    #[error("tensor `{key}` of `{}` has shape {shape:?}: a direction is a vector of the site's width", path.display())]
    Shape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        key: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// The vector is not finite.
    #[error("tensor `{key}` of `{}` holds a value that is not finite", path.display())]
    NotFinite {
        /// The file.
        path: PathBuf,
        /// The tensor.
        key: String,
    },
}

impl FromStr for SteerArgument {
    type Err = ArgumentError;

    fn from_str(argument: &str) -> Result<Self, Self::Err> {
        let lacks = |lacks| ArgumentError::Syntax { argument: argument.into(), lacks };
        let (rest, alpha) = argument.rsplit_once('*').ok_or_else(|| lacks("`*alpha`"))?;
        let alpha: f64 = alpha.trim().parse().map_err(|_| lacks("a number after `*`"))?;
        if !alpha.is_finite() {
            return Err(lacks("a finite number after `*`"));
        }
        let (rest, site) = rest.rsplit_once('@').ok_or_else(|| lacks("`@site`"))?;
        let (path, key) = rest.rsplit_once(':').ok_or_else(|| lacks("`:key`"))?;
        if path.is_empty() || key.is_empty() {
            return Err(lacks("a file and a key"));
        }
        Ok(Self { path: path.into(), key: key.into(), site: site.trim().parse()?, alpha })
    }
}

impl SteerArgument {
    /// Reads the vector and makes the hook.
    ///
    /// # Errors
    /// [`ArgumentError`] if the file, the key, the shape or a value is wrong.
    pub fn load(&self) -> Result<Steer, ArgumentError> {
        let file = Safetensors::open(&self.path)?;
        let view = file.get(&self.key)?;
        let (path, key) = (self.path.clone(), self.key.clone());
        if view.shape().len() != 1 {
            return Err(ArgumentError::Shape { path, key, shape: view.shape().to_vec() });
        }
        let vector = view.to_f32()?;
        if vector.iter().any(|v| !v.is_finite()) {
            return Err(ArgumentError::NotFinite { path, key });
        }
        let how = format!("`{key}` of `{}`", path.display());
        Ok(Steer::add(&Direction { site: self.site, vector, how }, self.alpha)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_may_hold_the_separators() {
        let argument: SteerArgument = "C:\\a@b*c.safetensors:k:v@blocks.1.resid_post*1e-3".parse().unwrap();
        assert_eq!(argument.path, PathBuf::from("C:\\a@b*c.safetensors:k"));
        assert_eq!((argument.key.as_str(), argument.alpha), ("v", 1e-3));
    }

    #[test]
    fn each_missing_part_is_named() {
        let error = |s: &str| s.parse::<SteerArgument>().unwrap_err().to_string();
        assert!(error("f:k@blocks.1.resid_post").contains("`*alpha`"));
        assert!(error("f:k@blocks.1.resid_post*x").contains("a number after"));
        assert!(error("f:k@blocks.1.resid_post*inf").contains("a finite number"));
        assert!(error("f:k*1").contains("`@site`"));
        assert!(error("f@blocks.1.resid_post*1").contains("`:key`"));
        assert!(error(":k@blocks.1.resid_post*1").contains("a file and a key"));
        assert!(error("f:k@blocks.1.resid_past*1").contains("did you mean `blocks.1.hook_resid_post`"));
    }
}
