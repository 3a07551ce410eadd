//! The widest instructions this processor has, chosen when they are first asked for.

use std::env;
use std::sync::LazyLock;

#[cfg(target_arch = "x86_64")]
use pulp::x86::{V3, V4};
use pulp::{Scalar128b, Simd, WithSimd};

/// Which instructions kernels are compiled for.
#[derive(Debug, Clone, Copy)]
enum Level {
    /// 512-bit vectors.
    #[cfg(target_arch = "x86_64")]
    V4(V4),
    /// 256-bit vectors with fused multiply-add.
    #[cfg(target_arch = "x86_64")]
    V3(V3),
    /// 128-bit vectors with fused multiply-add.
    #[cfg(target_arch = "aarch64")]
    Neon(pulp::aarch64::Neon),
    /// What every processor of the architecture has.
    Portable,
    /// None: plain Burn is to run.
    Off,
}

static LEVEL: LazyLock<Level> =
    LazyLock::new(|| detected(env::var("ISINGLASS_KERNELS").as_deref().unwrap_or_default()));

/// The widest that the processor has and the variable allows.
fn detected(allowed: &str) -> Level {
    match allowed {
        "off" => return Level::Off,
        "portable" => return Level::Portable,
        _ => {}
    }
    #[cfg(target_arch = "x86_64")]
    {
        let v4 = if allowed == "avx2" { None } else { V4::try_new() };
        if let Some(level) = v4.map(Level::V4).or_else(|| V3::try_new().map(Level::V3)) {
            return level;
        }
    }
    #[cfg(target_arch = "aarch64")]
    if let Some(neon) = pulp::aarch64::Neon::try_new() {
        return Level::Neon(neon);
    }
    Level::Portable
}

/// Whether kernels run at all.
pub(crate) fn is_on() -> bool {
    !matches!(*LEVEL, Level::Off)
}

/// What the kernels are compiled for here: `avx512`, `avx2`, `neon`, `portable`, or `off`.
///
/// The variable `ISINGLASS_KERNELS` chooses a narrower one of them, or `off`; it is read once.
pub fn instructions() -> &'static str {
    match *LEVEL {
        #[cfg(target_arch = "x86_64")]
        Level::V4(_) => "avx512",
        #[cfg(target_arch = "x86_64")]
        Level::V3(_) => "avx2",
        #[cfg(target_arch = "aarch64")]
        Level::Neon(_) => "neon",
        Level::Portable => "portable",
        Level::Off => "off",
    }
}

/// Runs `f` compiled for them. What `f` calls must be inlined into it to be compiled so.
#[inline(always)]
pub(crate) fn wide<R>(f: impl FnOnce() -> R) -> R {
    match *LEVEL {
        #[cfg(target_arch = "x86_64")]
        Level::V4(v4) => Simd::vectorize(v4, f),
        #[cfg(target_arch = "x86_64")]
        Level::V3(v3) => Simd::vectorize(v3, f),
        #[cfg(target_arch = "aarch64")]
        Level::Neon(neon) => Simd::vectorize(neon, f),
        Level::Portable | Level::Off => f(),
    }
}

/// Runs a kernel that is written for vectors of any width.
#[inline(always)]
pub(crate) fn with_vectors<K: WithSimd>(kernel: K) -> K::Output {
    match *LEVEL {
        #[cfg(target_arch = "x86_64")]
        Level::V4(v4) => Simd::vectorize(
            v4,
            #[inline(always)]
            || kernel.with_simd(v4),
        ),
        #[cfg(target_arch = "x86_64")]
        Level::V3(v3) => Simd::vectorize(
            v3,
            #[inline(always)]
            || kernel.with_simd(v3),
        ),
        #[cfg(target_arch = "aarch64")]
        Level::Neon(neon) => Simd::vectorize(
            neon,
            #[inline(always)]
            || kernel.with_simd(neon),
        ),
        Level::Portable | Level::Off => kernel.with_simd(Scalar128b),
    }
}
