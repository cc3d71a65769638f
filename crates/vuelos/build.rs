//! Has the context compiled anew when its migrations change: they are compiled in, and cargo does not see a new folder.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
