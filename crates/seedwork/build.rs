//! Compiles the published language, the folder `schema/`, into the program: the text of every record.

#![expect(clippy::disallowed_methods, reason = "cargo talks to a build script through the environment")]

use std::{env, error::Error, fmt::Write, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../../schema").canonicalize()?;
    // A relative path, and texts instead of paths: the build output of a copied workspace must not refer to the original.
    println!("cargo::rerun-if-changed=../../schema");
    let mut files = Vec::new();
    collect(&folder, &mut files)?;
    files.sort();
    let mut list = String::from("&[");
    for file in &files {
        write!(list, "{:?},", fs::read_to_string(file)?)?;
    }
    list.push(']');
    fs::write(Path::new(&env::var("OUT_DIR")?).join("schemas.rs"), list)?;
    Ok(())
}

fn collect(folder: &Path, files: &mut Vec<String>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "avsc") {
            files.push(path.display().to_string());
        }
    }
    Ok(())
}
