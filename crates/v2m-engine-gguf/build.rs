//! Links OpenMP: transcribe-cpp-sys compiles ggml with it and leaves the library to whoever links.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rustc-link-lib=dylib=gomp");
}
