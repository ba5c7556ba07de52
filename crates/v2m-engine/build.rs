//! Sets where the dynamic loader finds CUDA's libraries for v2m-engine-cuda: in the folder that
//! `make install` fills if the toolkit came from wheels, otherwise in the system's toolkit. The
//! driver's library (libcuda.so.1) is always the system's.

use std::env;

const BESIDE: &str = "$ORIGIN/../lib/v2m";
/// Set by packaging/engine.sh.
const TOOLKIT: &str = "V2M_CUDA_LIBRARIES";

fn main() {
    println!("cargo::rerun-if-env-changed={TOOLKIT}");
    if env::var_os("CARGO_FEATURE_CUDA").is_none() {
        return;
    }
    let toolkit = env::var(TOOLKIT).unwrap_or_default();
    for folder in [BESIDE, &toolkit].iter().filter(|folder| !folder.is_empty()) {
        println!("cargo::rustc-link-arg-bin=v2m-engine-cuda=-Wl,-rpath,{folder}");
    }
}
