//! The cases of this detector, in its sandbox.

#[test]
fn cases() {
    tracewatt_testkit::check_cases(env!("CARGO_MANIFEST_DIR"));
}
