//! v2m's recogniser: PCM in, text out.
