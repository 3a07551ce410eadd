//! The widest instructions this processor has.

/// Runs `f` compiled for them: 256-bit vectors with fused multiply-add on x86-64 processors that have them, what every
/// processor of the architecture has elsewhere (which is 128-bit vectors with fused multiply-add on ARM's 64-bit ones).
///
/// What `f` calls must be inlined into it to be compiled so.
#[inline(always)]
pub(crate) fn wide<R>(f: impl FnOnce() -> R) -> R {
    #[cfg(target_arch = "x86_64")]
    if let Some(v3) = pulp::x86::V3::try_new() {
        return pulp::Simd::vectorize(v3, f);
    }
    f()
}
