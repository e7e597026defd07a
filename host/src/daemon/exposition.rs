//! Metrics as OpenMetrics, with exemplars: traces that counts and latencies stand for. Which of both formats a client
//! gets, its `Accept` header says.

use prometheus::proto::{LabelPair, Metric, MetricFamily, MetricType};
use std::collections::HashMap;
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};

/// Media type of OpenMetrics.
pub(super) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// Media type of the text format of Prometheus.
pub(super) const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Bytes of a trace id that fit into an exemplar, which has room for 128 characters.
const MAX_TRACE_ID: usize = 100;
/// Series with an exemplar.
const MAX_SERIES: usize = 1_000;

/// A trace that a count or a latency stands for.
#[derive(Clone, Debug, PartialEq)]
struct Exemplar {
    trace_id: String,
    value: f64,
    wall_ns: u64,
}

/// The latest exemplar of each series, by name of the family and values of its labels in the order of their names.
#[derive(Debug, Default)]
pub(super) struct Exemplars {
    by_series: Mutex<HashMap<String, Exemplar>>,
}

impl Exemplars {
    /// Notes the trace that a series was last changed by.
    pub fn note(&self, family: &str, labels: &[&str], trace_id: &str, value: f64, wall_ns: u64) {
        if trace_id.is_empty() || trace_id.len() > MAX_TRACE_ID {
            return;
        }
        let key = key(family, labels.iter().copied());
        let mut by_series = self.by_series.lock().unwrap_or_else(PoisonError::into_inner);
        if by_series.len() < MAX_SERIES || by_series.contains_key(&key) {
            by_series.insert(key, Exemplar { trace_id: trace_id.to_owned(), value, wall_ns });
        }
    }

    fn of(&self, family: &str, metric: &Metric) -> Option<Exemplar> {
        let key = key(family, metric.get_label().iter().map(LabelPair::value));
        self.by_series.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned()
    }
}

fn key<'a>(family: &str, labels: impl Iterator<Item = &'a str>) -> String {
    labels.fold(family.to_owned(), |key, label| key + "\n" + label)
}

/// Whether a client would rather have OpenMetrics than the text format.
pub(super) fn wants_open_metrics(accept: &str) -> bool {
    let (mut open, mut text) = (0.0_f64, 0.0_f64);
    for part in accept.split(',') {
        let mut fields = part.split(';').map(str::trim);
        let media = fields.next().unwrap_or_default().to_ascii_lowercase();
        let quality = fields.find_map(|field| field.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
        match &media[..] {
            "application/openmetrics-text" => open = open.max(quality),
            "text/plain" | "text/*" | "*/*" => text = text.max(quality),
            _ => {}
        }
    }
    open > 0.0 && open >= text
}

/// Writes metrics as OpenMetrics.
pub(super) fn open_metrics(families: &[MetricFamily], exemplars: &Exemplars) -> String {
    let mut out = String::new();
    for family in families {
        let full = family.name();
        let (kind, name) = match family.get_field_type() {
            MetricType::COUNTER => ("counter", full.strip_suffix("_total").unwrap_or(full)),
            MetricType::HISTOGRAM => ("histogram", full),
            _ => ("gauge", full),
        };
        let _ = writeln!(out, "# HELP {name} {}\n# TYPE {name} {kind}", escaped(family.help()));
        for metric in family.get_metric() {
            let exemplar = exemplars.of(full, metric);
            match kind {
                "counter" => {
                    let value = number(metric.get_counter().get_value());
                    let _ = write!(out, "{name}_total{} {value}", labels(metric, None));
                    suffix(&mut out, exemplar.as_ref());
                }
                "histogram" => histogram(&mut out, name, metric, exemplar),
                _ => {
                    let value = number(metric.get_gauge().get_value());
                    let _ = writeln!(out, "{name}{} {value}", labels(metric, None));
                }
            }
        }
    }
    out + "# EOF\n"
}

/// The exemplar goes to the first bucket that its value is in.
fn histogram(out: &mut String, name: &str, metric: &Metric, mut exemplar: Option<Exemplar>) {
    let histogram = metric.get_histogram();
    let mut write = |bound: f64, count: u64| {
        let _ = write!(out, "{name}_bucket{} {count}", labels(metric, Some(bound)));
        suffix(out, exemplar.take_if(|exemplar| exemplar.value <= bound).as_ref());
    };
    let finite = histogram.get_bucket().iter().filter(|bucket| bucket.upper_bound().is_finite());
    finite.for_each(|bucket| write(bucket.upper_bound(), bucket.cumulative_count()));
    write(f64::INFINITY, histogram.get_sample_count());
    let (labels, sum) = (labels(metric, None), number(histogram.get_sample_sum()));
    let _ = writeln!(out, "{name}_count{labels} {}\n{name}_sum{labels} {sum}", histogram.get_sample_count());
}

fn suffix(out: &mut String, exemplar: Option<&Exemplar>) {
    if let Some(Exemplar { trace_id, value, wall_ns }) = exemplar {
        let (trace_id, value, seconds) = (escaped(trace_id), number(*value), *wall_ns as f64 / 1e9);
        let _ = write!(out, " # {{trace_id=\"{trace_id}\"}} {value} {seconds:.3}");
    }
    out.push('\n');
}

fn labels(metric: &Metric, bound: Option<f64>) -> String {
    let pairs =
        metric.get_label().iter().map(|pair| format!("{}=\"{}\"", pair.name(), escaped(pair.value())));
    let bound = bound.map(|bound| format!("le=\"{}\"", number(bound)));
    let pairs: Vec<String> = pairs.chain(bound).collect();
    if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) }
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n").replace('"', "\\\"")
}

fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value if value.is_nan() => "NaN".to_owned(),
        value => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};

    #[test]
    fn the_format_is_what_the_client_would_rather_have() {
        let check = |accept: &str, open: bool| assert_eq!(wants_open_metrics(accept), open, "{accept}");
        check("", false);
        check("*/*", false);
        check("text/html,application/xhtml+xml,*/*;q=0.8", false);
        check("application/openmetrics-text", true);
        check(
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
            true,
        );
        check("text/plain;version=0.0.4;q=0.9,application/openmetrics-text;q=0.2", false);
        check("application/openmetrics-text;q=0", false);
    }

    #[test]
    fn exemplars_stand_beside_counters_and_in_the_bucket_of_their_value() {
        let registry = Registry::new();
        let counter = IntCounterVec::new(Opts::new("found_total", "Found \"it\"."), &["type"]).unwrap();
        let times =
            HistogramVec::new(HistogramOpts::new("t_seconds", "Time.").buckets(vec![0.1, 1.0]), &["s"])
                .unwrap();
        registry.register(Box::new(counter.clone())).unwrap();
        registry.register(Box::new(times.clone())).unwrap();
        counter.with_label_values(&["a\"b"]).inc_by(2);
        times.with_label_values(&["x"]).observe(0.5);
        let exemplars = Exemplars::default();
        exemplars.note("found_total", &["a\"b"], "t1", 1.0, 1_500_000_000);
        exemplars.note("t_seconds", &["x"], "t2", 0.5, 2_000_000_000);
        exemplars.note("found_total", &["other"], &"x".repeat(200), 1.0, 0);
        let text = open_metrics(&registry.gather(), &exemplars);
        let wanted = "\
# HELP found Found \\\"it\\\".
# TYPE found counter
found_total{type=\"a\\\"b\"} 2.0 # {trace_id=\"t1\"} 1.0 1.500
# HELP t_seconds Time.
# TYPE t_seconds histogram
t_seconds_bucket{s=\"x\",le=\"0.1\"} 0
t_seconds_bucket{s=\"x\",le=\"1.0\"} 1 # {trace_id=\"t2\"} 0.5 2.000
t_seconds_bucket{s=\"x\",le=\"+Inf\"} 1
t_seconds_count{s=\"x\"} 1
t_seconds_sum{s=\"x\"} 0.5
# EOF
";
        assert_eq!(text, wanted);
    }
}
