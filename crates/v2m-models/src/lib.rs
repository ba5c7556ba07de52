//! v2m's models on disk. No network here: `v2m-model` fetches.
