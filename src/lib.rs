//! isinglass
