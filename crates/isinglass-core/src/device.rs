//! Which compiled-in backend runs the tensors: a value chosen at run time.

use burn::tensor::Device;

/// Why a device name was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The name is one of ours, but this program was built without its feature.
    #[error("device `{name}` is not in this build: rebuild with `--features {feature}`, or use `cpu`")]
    NotBuilt {
        /// The name asked for.
        name: String,
        /// The Cargo feature that brings it.
        feature: &'static str,
    },
    /// No device has this name.
    #[error("unknown device `{name}`: use `cpu`, `wgpu` or `cuda`")]
    Unknown {
        /// The name asked for.
        name: String,
    },
}

/// The device called `cpu`, `wgpu` or `cuda`.
///
/// `cpu` is always there; the other two need the Cargo feature of the same name.
/// Nothing here falls back: a device that is not in the build is an error.
///
/// # Errors
/// [`DeviceError::NotBuilt`] without the feature, [`DeviceError::Unknown`] for any other name.
///
/// # Examples
/// ```
/// let cpu = isinglass_core::device("cpu")?;
/// assert!(isinglass_core::device("tpu").is_err());
/// # Ok::<(), isinglass_core::DeviceError>(())
/// ```
pub fn device(name: &str) -> Result<Device, DeviceError> {
    match name {
        "cpu" => Ok(Device::flex()),
        #[cfg(feature = "wgpu")]
        "wgpu" => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
        #[cfg(not(feature = "wgpu"))]
        "wgpu" => Err(DeviceError::NotBuilt { name: name.into(), feature: "wgpu" }),
        #[cfg(feature = "cuda")]
        "cuda" => Ok(Device::cuda(0)),
        #[cfg(not(feature = "cuda"))]
        "cuda" => Err(DeviceError::NotBuilt { name: name.into(), feature: "cuda" }),
        _ => Err(DeviceError::Unknown { name: name.into() }),
    }
}
