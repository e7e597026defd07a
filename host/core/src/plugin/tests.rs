//! Components by hand, for what no toolchain makes.

use super::*;

/// A component whose exports have the right names, and functions of the type `() -> u32`. `head` is put before them,
/// and `inside` into its module, which is instantiated `with`.
fn of_another_type(head: &str, inside: &str, with: &str) -> Vec<u8> {
    let rules = vec![Rule { name: "r".to_owned(), ..Rule::default() }];
    let manifest = Manifest { name: "mine".to_owned(), rules, ..Manifest::default() };
    let stamp = serde_json::to_string(&manifest).unwrap();
    let export = |interface: &str, function: &str| {
        format!(
            "(instance ${interface} (export {function:?} (func $f)))
             (export \"tracewatt:plugin/{interface}@0.1.0\" (instance ${interface}))"
        )
    };
    let exports =
        [export("manifest", "describe"), export("lifecycle", "configure"), export("detect", "detect")];
    let text = format!(
        "(component {head}
           (core module $m {inside} (func (export \"f\") (result i32) i32.const 0))
           (core instance $i (instantiate $m {with}))
           (func $f (result u32) (canon lift (core func $i \"f\")))
           {}
           (@custom {MANIFEST_SECTION:?} {stamp:?}))",
        exports.join("\n")
    );
    wat::parse_str(text).unwrap()
}

/// A component that calls something of WASI when it is started.
fn that_calls_wasi() -> Vec<u8> {
    of_another_type(
        "(import \"wasi:cli/environment@0.2.3\" (instance $env (export \"get\" (func))))
         (core func $get (canon lower (func $env \"get\")))",
        "(import \"env\" \"get\" (func $get)) (start $get)",
        "(with \"env\" (instance (export \"get\" (func $get))))",
    )
}

fn error(result: Result<Plugin, PluginError>) -> String {
    result.err().map_or("no error".to_owned(), |error| error.to_string())
}

/// Scenario: exports of the right name and another type, behind a valid stamp.
/// Guarantees: it is refused when it is loaded, compiled before or not, and the message says so.
#[test]
fn an_export_of_another_type_is_refused_at_load() {
    let engine = engine().unwrap();
    let bytes = of_another_type("", "", "");
    let said = error(Plugin::load(&engine, &bytes, None));
    assert!(said.starts_with("does not export the world `detector`"), "{said}");
    assert!(said.contains("type mismatch"), "{said}");
    let compiled = precompile(&engine, &bytes).unwrap();
    assert_eq!(error(Plugin::load(&engine, &bytes, Some(&compiled))), said);
    // Without a stamp it is the same: it is not called before its types are known.
    let at =
        bytes.windows(MANIFEST_SECTION.len()).position(|part| part == MANIFEST_SECTION.as_bytes()).unwrap();
    let mut unstamped = bytes;
    unstamped[at] = b'T';
    assert_eq!(error(Plugin::load(&engine, &unstamped, None)), said);
}

/// Scenario: a component that imports WASI and calls it, without and with the grant.
/// Guarantees: without, it is refused by the name of the import; with, the call ends in a fault that names it.
#[test]
fn what_is_granted_may_be_imported_and_a_call_is_a_fault() {
    let engine = engine().unwrap();
    let bytes = that_calls_wasi();
    let said = error(Plugin::load(&engine, &bytes, None));
    assert!(said.contains("imports `wasi:cli/environment@0.2.3`"), "{said}");
    assert!(said.contains("grants = [\"wasi-traps\"]"), "{said}");
    let grants = Grants::of(["wasi-traps"]).unwrap();
    // Its start fails, so that nothing is known of its types until it is used.
    let plugin = Plugin::load_granted(&engine, &bytes, None, &grants).unwrap();
    assert_eq!(plugin.grants, grants);
    let mut worker = Worker::new(&engine, &plugin, Vec::new(), Limits::DEFAULT).unwrap();
    let fault = ticking(&engine, || worker.ready()).unwrap_err();
    assert!(fault.message.contains("wasi:cli/environment@0.2.3#get"), "{fault}");
}
