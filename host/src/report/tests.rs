//! Whole documents of every format, as snapshots: what a change does to an output is read in a diff.

use super::*;

fn render(format: &Format, report: &model::Report) -> String {
    let manifests = samples::manifests();
    let options = RenderOptions { manifests: &manifests, list_acknowledged: true, ..Default::default() };
    let mut bytes = Vec::new();
    (format.write)(report, &options, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn documents() {
    let reports = [
        ("empty", samples::empty()),
        ("blind", samples::blind()),
        ("typical", samples::typical()),
        ("hostile", samples::hostile()),
    ];
    for (name, report) in reports {
        for format in FORMATS {
            insta::assert_snapshot!(format!("{name}.{}", format.name), render(format, &report));
        }
    }
}

/// Guarantees: every document that names a verdict names the one the exit code is made of, whatever is missing.
#[test]
fn the_verdict_printed_is_the_one_that_counts() {
    for (broken, undecided) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut report = samples::typical();
        let rule = |rule: &str, passed| model::GateRule { rule: rule.into(), passed, ..Default::default() };
        report.quality_gate = model::QualityGate {
            passed: !broken && !undecided,
            undecided: undecided.then(|| "the input is incomplete".to_owned()),
            rules: vec![rule("max_new", true), rule("io_waste_ratio_max", !broken)],
        };
        let word = words::verdict_word(tracewatt_core::gate::verdict(&report.quality_gate));
        let of = |name: &str| {
            let format = FORMATS.iter().find(|format| format.name == name).unwrap();
            render(format, &report)
        };
        let names_only = |text: &str, word: &str| {
            let named =
                ["PASSED: ", "FAILED: ", "NO VERDICT: "].into_iter().filter(|name| text.contains(name));
            assert_eq!(named.collect::<Vec<_>>(), [format!("{word}: ")], "{text}");
        };
        names_only(&of("text"), word);
        names_only(&of("github"), word);
        let markdown = of("markdown");
        assert!(markdown.contains(&format!("tracewatt: {}\n", word.to_lowercase())), "{markdown}");
        let junit = of("junit");
        assert_eq!(junit.contains("<error"), word == "NO VERDICT", "{junit}");
        assert_eq!(of("sarif").contains("No verdict"), word == "NO VERDICT");
        for format in ["text", "github", "markdown", "junit"] {
            assert_eq!(of(format).contains("the input is incomplete"), undecided, "{format}");
        }
    }
}

#[test]
fn nothing_hostile_reaches_a_reader() {
    let hostile = |c: char| clean::is_hostile(c) && c != '\n';
    for format in FORMATS {
        let text = render(format, &samples::hostile());
        assert!(!text.contains(hostile), "{}: {text:?}", format.name);
    }
}

#[test]
fn colour_is_only_there_when_asked_for() {
    let mut bytes = Vec::new();
    let options = RenderOptions { color: Color::Always, ..Default::default() };
    text::write(&samples::typical(), &options, &mut bytes).unwrap();
    assert!(String::from_utf8(bytes).unwrap().contains("\u{1b}[1;31mCRITICAL\u{1b}[0m"));
    assert!(!render(&FORMATS[0], &samples::typical()).contains('\u{1b}'));
}

#[test]
fn acknowledged_problems_are_counted_and_listed_when_asked_for() {
    let text = |list_acknowledged| {
        let mut bytes = Vec::new();
        let options = RenderOptions { list_acknowledged, ..Default::default() };
        text::write(&samples::typical(), &options, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    };
    for list_acknowledged in [false, true] {
        let text = text(list_acknowledged);
        assert!(text.contains("1\nacknowledged") || text.contains("1 acknowledged"), "{text}");
        assert_eq!(text.contains("cache warms up in the next release"), list_acknowledged, "{text}");
    }
}

#[test]
fn texts_keep_to_their_width() {
    for width in [72, 80, 96] {
        for report in [samples::typical(), samples::hostile(), samples::blind()] {
            let mut bytes = Vec::new();
            text::write(&report, &RenderOptions { width, ..Default::default() }, &mut bytes).unwrap();
            let text = String::from_utf8(bytes).unwrap();
            let long = text.lines().filter(|line| line.chars().count() > width && !line.contains("://"));
            assert_eq!(long.collect::<Vec<_>>(), Vec::<&str>::new());
        }
    }
}
