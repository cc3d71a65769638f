//! Refuses to compile the binary while a context of the workspace is not wired in `src/contexts.rs`.

#![expect(clippy::disallowed_methods, reason = "cargo talks to a build script through the environment")]

use std::{env, error::Error, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let package = Path::new(&env::var("CARGO_MANIFEST_DIR")?).to_owned();
    println!("cargo::rerun-if-changed=src/contexts.rs");
    // It changes with every crate that the workspace gains.
    println!("cargo::rerun-if-changed=../../Cargo.lock");
    let wired = fs::read_to_string(package.join("src/contexts.rs"))?;
    for entry in fs::read_dir(package.join(".."))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().replace('-', "_");
        let module = format!("{name}::infrastructure::module()");
        let is_context = name != "seedwork" && path.join("src/infrastructure/module.rs").is_file();
        if is_context && !wired.contains(&module) {
            println!("cargo::error=`{name}` is a context that does not run: add `{module}` to src/contexts.rs");
        }
    }
    Ok(())
}
