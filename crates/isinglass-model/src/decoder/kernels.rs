//! Whether fused kernels run.

use std::env;
use std::sync::LazyLock;

use isinglass_core::Tensor;
use isinglass_kernels::Cpu;

/// The right to run fused kernels on a tensor: if it is on the CPU and no gradient follows it, and unless the variable
/// `ISINGLASS_KERNELS` is `off`, which runs plain Burn everywhere.
pub(super) fn kernels<const R: usize>(x: &Tensor<R>) -> Option<Cpu> {
    static ARE_ON: LazyLock<bool> =
        LazyLock::new(|| env::var_os("ISINGLASS_KERNELS").is_none_or(|value| value != "off"));
    if *ARE_ON { Cpu::of(x) } else { None }
}
