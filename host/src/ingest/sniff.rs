//! Which format a document has. The keys of its root are looked at one after the other, however far
//! into the document the deciding one stands; values in between are passed over, so nothing inside a
//! payload can mislead.

use super::json::{Json, JsonError, Kind};
use super::out::Out;
use super::{jaeger, native, otlp_json, zipkin};

type Result<T> = std::result::Result<T, JsonError>;

/// A format of JSON documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    OtlpJson,
    Jaeger,
    ZipkinV1,
    ZipkinV2,
    Native,
    /// An empty list, which every format of lists may write.
    Nothing,
}

impl Format {
    /// Returns the name as in the report.
    pub fn name(self) -> &'static str {
        match self {
            Format::OtlpJson => "otlp-json",
            Format::Jaeger => "jaeger",
            Format::ZipkinV1 => "zipkin-v1",
            Format::ZipkinV2 => "zipkin-v2",
            Format::Native => "native",
            Format::Nothing => "json",
        }
    }

    /// Decodes a document of this format.
    pub fn decode(self, json: &mut Json<'_>, out: &mut Out<'_>) -> Result<()> {
        match self {
            Format::OtlpJson => otlp_json::document(json, out),
            Format::Jaeger => jaeger::document(json, out),
            Format::ZipkinV1 | Format::ZipkinV2 => zipkin::document(json, out),
            Format::Native => native::document(json, out),
            Format::Nothing => json.skip(),
        }
    }
}

/// What was recognised.
#[derive(Debug, PartialEq)]
pub(super) enum Recognized {
    /// A format.
    Format(Format),
    /// JSON without traces.
    Other(Other),
}

/// JSON in which no traces can be.
#[derive(Debug, PartialEq)]
pub(super) enum Other {
    /// Of an unknown kind, described for people.
    Unknown(String),
    /// An answer of Jaeger that says why it has no traces.
    Refusal(String),
    /// What this tool wrote.
    Report,
}

/// How many root keys a message about an unknown document names.
const NAMED_KEYS: usize = 8;

/// Recognises the document at the reader's position.
///
/// # Errors
/// The text is not JSON, or ends before it could be recognised.
pub(super) fn recognize(mut json: Json<'_>) -> Result<Recognized> {
    match json.peek()? {
        Kind::Object => object(json),
        Kind::Array => array(json),
        _ => Ok(Recognized::Other(Other::Unknown("neither an object nor a list".to_owned()))),
    }
}

/// The first element that is not an empty list decides for the list.
fn array(mut json: Json<'_>) -> Result<Recognized> {
    let mut more = json.enter_array()?;
    while more {
        match recognize(json)? {
            Recognized::Format(Format::Nothing) => json.skip()?,
            recognized => return Ok(recognized),
        }
        more = json.next_item()?;
    }
    Ok(Recognized::Format(Format::Nothing))
}

fn object(mut json: Json<'_>) -> Result<Recognized> {
    let mut seen = Seen::default();
    if !json.enter_object()? {
        return Ok(Recognized::Format(Format::OtlpJson)); // an export request without spans
    }
    loop {
        let key = json.key()?;
        if key == "tool" && is_this_tool(json)? {
            return Ok(Recognized::Other(Other::Report));
        }
        if let Some(format) = seen.note(&key, json)? {
            return Ok(Recognized::Format(format));
        }
        json.skip()?;
        if !json.next_field()? {
            return Ok(seen.at_end());
        }
    }
}

/// Root keys seen so far.
#[derive(Default)]
struct Seen {
    trace_id: bool,
    trace_id_upper: bool,
    trace_id_snake: bool,
    span_id_snake: bool,
    id: bool,
    spans: bool,
    processes: bool,
    data: bool,
    errors: Option<String>,
    keys: Vec<String>,
}

impl Seen {
    /// Takes note of a key, whose value `json` stands before; returns the format once it is clear.
    fn note(&mut self, key: &str, json: Json<'_>) -> Result<Option<Format>> {
        match key {
            "resourceSpans" | "resource_spans" | "batches" => return Ok(Some(Format::OtlpJson)),
            // the Collector writes logs and metrics the same way, perhaps into the same file
            "resourceLogs" | "resourceMetrics" | "resource_logs" | "resource_metrics" => {
                return Ok(Some(Format::OtlpJson));
            }
            "trace" | "data" => return self.wrapper(key, json),
            "errors" => self.errors = jaeger::first_error(json)?,
            "binaryAnnotations" => return Ok(Some(Format::ZipkinV1)),
            "localEndpoint" | "remoteEndpoint" => return Ok(Some(Format::ZipkinV2)),
            "annotations" if self.is_zipkin() && has_endpoints(json)? => return Ok(Some(Format::ZipkinV1)),
            "traceId" => self.trace_id = true,
            "traceID" => self.trace_id_upper = true,
            "trace_id" => self.trace_id_snake = true,
            "span_id" => self.span_id_snake = true,
            "id" => self.id = true,
            "spans" => self.spans = true,
            "processes" => self.processes = true,
            _ => {}
        }
        if self.keys.len() < NAMED_KEYS {
            self.keys.push(key.chars().take(40).collect());
        }
        if self.spans && (self.trace_id_upper || self.processes) {
            return Ok(Some(Format::Jaeger));
        }
        Ok((self.trace_id_snake && self.span_id_snake).then_some(Format::Native))
    }

    /// Looks into the object or list that Tempo and Jaeger put around what they answer.
    fn wrapper(&mut self, key: &str, mut json: Json<'_>) -> Result<Option<Format>> {
        let inside = match json.peek()? {
            Kind::Object | Kind::Array => recognize(json)?,
            _ => Recognized::Format(Format::Nothing),
        };
        Ok(match (key, inside) {
            ("trace", Recognized::Format(Format::OtlpJson)) => Some(Format::OtlpJson),
            ("data", Recognized::Format(Format::Jaeger)) => Some(Format::Jaeger),
            ("data", Recognized::Format(Format::Nothing)) => {
                self.data = true;
                None
            }
            _ => None,
        })
    }

    fn is_zipkin(&self) -> bool {
        self.trace_id && self.id
    }

    fn at_end(self) -> Recognized {
        if self.is_zipkin() {
            return Recognized::Format(Format::ZipkinV2);
        }
        match (self.data, self.errors) {
            (true, Some(error)) => Recognized::Other(Other::Refusal(error)),
            (true, None) => Recognized::Format(Format::Jaeger), // an answer without traces
            (false, _) => {
                let found = format!("a JSON object with the keys {}", self.keys.join(", "));
                Recognized::Other(Other::Unknown(found))
            }
        }
    }
}

/// Whether a report says that this tool wrote it.
fn is_this_tool(mut json: Json<'_>) -> Result<bool> {
    if json.peek()? != Kind::Object {
        return Ok(false);
    }
    let mut found = false;
    json.object(|json, key| {
        match &*key {
            "name" => found = json.text()?.is_some_and(|name| name == "tracewatt"),
            _ => json.skip()?,
        }
        Ok(())
    })?;
    Ok(found)
}

/// Version 1 says with every annotation who made it.
fn has_endpoints(mut json: Json<'_>) -> Result<bool> {
    if json.peek()? != Kind::Array {
        return Ok(false);
    }
    let mut found = false;
    json.array(|json| {
        json.object(|json, key| {
            found |= key == "endpoint";
            json.skip()
        })
    })?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &str) {
        let got = match recognize(Json::new(text, 0, 128)) {
            Ok(Recognized::Format(format)) => format.name().to_owned(),
            Ok(Recognized::Other(Other::Unknown(found))) => found,
            Ok(Recognized::Other(other)) => format!("{other:?}"),
            Err(error) => error.reason.to_string(),
        };
        assert_eq!(got, expect, "{}", text.get(..80).unwrap_or(text));
    }

    #[test]
    fn the_deciding_key_may_stand_anywhere() {
        let far = format!("{{\"note\":\"{}\",", "ü\\\"resourceSpans\\\":".repeat(2000));
        check(&format!("{far}\"resourceSpans\":[]}}"), "otlp-json");
        check(&format!("{far}\"trace_id\":\"1\",\"span_id\":\"2\"}}"), "native");
        check(&format!("{far}\"data\":[{far}\"traceID\":\"1\",\"spans\":[]}}]}}"), "jaeger");
        check(&format!("[{far}\"traceId\":\"1\",\"id\":\"2\"}}]"), "zipkin-v2");
    }

    #[test]
    fn shapes() {
        check("{}", "otlp-json");
        check("[]", "json");
        check("[[],[]]", "json");
        check("{\"resource_spans\":[]}", "otlp-json");
        check("[{\"resourceSpans\":[]}]", "otlp-json");
        check("{\"batches\":[]}", "otlp-json");
        check("{\"trace\":{\"resourceSpans\":[]}}", "otlp-json");
        check("{\"resourceLogs\":[]}", "otlp-json");
        check("{\"data\":[],\"total\":0,\"errors\":null}", "jaeger");
        check("{\"data\":null}", "jaeger");
        let refusal = r#""errors":[{"code":404,"msg":"trace not found"}]"#;
        check(&format!("{{\"data\":null,{refusal}}}"), "Refusal(\"trace not found (404)\")");
        check(&format!("{{{refusal},\"data\":[]}}"), "Refusal(\"trace not found (404)\")");
        check(&format!("{{{refusal},\"data\":[{{\"traceID\":\"1\",\"spans\":[]}}]}}"), "jaeger");
        check("{\"schema_version\":\"1.0\",\"tool\":{\"name\":\"tracewatt\"}}", "Report");
        check("{\"tool\":{\"name\":\"other\"}}", "a JSON object with the keys tool");
        check("{\"spans\":[],\"processes\":{},\"traceID\":\"1\"}", "jaeger");
        check("[{\"traceID\":\"1\",\"spans\":[]}]", "jaeger");
        check("[[],[{\"traceId\":\"1\",\"id\":\"2\",\"kind\":\"CLIENT\"}]]", "zipkin-v2");
        check("[{\"traceId\":\"1\",\"id\":\"2\",\"annotations\":[{\"value\":\"x\"}]}]", "zipkin-v2");
        check("[{\"traceId\":\"1\",\"id\":\"2\",\"annotations\":[{\"endpoint\":{}}]}]", "zipkin-v1");
        check("[{\"traceId\":\"1\",\"binaryAnnotations\":[]}]", "zipkin-v1");
        check("{\"a\":1,\"resourceSpan\":[]}", "a JSON object with the keys a, resourceSpan");
        check("[1]", "neither an object nor a list");
        check("{\"a\":[1,", "the text ends inside a value");
    }
}
