//! Links the libraries that transcribe-cpp-sys leaves to the program: OpenMP, and for
//! v2m-engine-gguf-cuda those of CUDA. Sets where the dynamic loader finds CUDA's libraries, as
//! v2m-engine's build script does.

use std::env;

const BESIDE: &str = "$ORIGIN/../lib/v2m";
/// Set by packaging/engine.sh.
const TOOLKIT: &str = "V2M_CUDA_LIBRARIES";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={TOOLKIT}");
    println!("cargo::rustc-link-lib=dylib=gomp");
    if env::var_os("CARGO_FEATURE_CUDA").is_none() {
        return;
    }
    // The linker finds them, and the stub of the driver's library, through LIBRARY_PATH, which
    // packaging/engine.sh sets.
    for library in ["cudart", "cublas", "cuda"] {
        println!("cargo::rustc-link-lib=dylib={library}");
    }
    let toolkit = env::var(TOOLKIT).unwrap_or_default();
    for folder in [BESIDE, &toolkit].iter().filter(|folder| !folder.is_empty()) {
        println!("cargo::rustc-link-arg-bin=v2m-engine-gguf-cuda=-Wl,-rpath,{folder}");
    }
}
