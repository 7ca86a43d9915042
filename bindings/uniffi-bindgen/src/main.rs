//! Generates the bindings: `uniffi-bindgen generate LIBRARY -l kotlin|swift -o FOLDER --config FILE`.

fn main() {
    uniffi::uniffi_bindgen_main();
}
