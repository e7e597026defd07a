//! What instrumentation writes into comments: sqlcommenter (`route='%2Fusers'`) and marginalia (`controller:users`).

/// The part of a comment that says which code sent the statement. Trace context in it is not kept: spans carry that.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    /// The route or URL pattern that was served.
    pub route: Option<String>,
    /// The controller.
    pub controller: Option<String>,
    /// The action of the controller.
    pub action: Option<String>,
    /// The framework, often with its version.
    pub framework: Option<String>,
    /// The application's name.
    pub application: Option<String>,
}

/// How much of a comment is read.
const LIMIT: usize = 2048;

impl Hint {
    /// Reads a comment, without its marks. `None` where it holds none of the keys.
    pub(super) fn read(comment: &str) -> Option<Hint> {
        let bytes = comment.as_bytes();
        if memchr::memchr2(b'=', b':', bytes).is_none() || comment.len() > LIMIT {
            return None;
        }
        let mut hint = Hint::default();
        for pair in comment.split(',') {
            let Some((key, value)) = pair.split_once(['=', ':']) else { continue };
            let place = match key.trim() {
                "route" | "http_route" => &mut hint.route,
                "controller" => &mut hint.controller,
                "action" => &mut hint.action,
                "framework" => &mut hint.framework,
                "application" | "app" => &mut hint.application,
                _ => continue,
            };
            let value = decode(value.trim().trim_matches('\''));
            if !value.is_empty() {
                place.get_or_insert(value);
            }
        }
        (hint != Hint::default()).then_some(hint)
    }
}

/// Undoes percent encoding and the backslash before a quote; what is not UTF-8 after that stays as it was.
fn decode(value: &str) -> String {
    if memchr::memchr2(b'%', b'\\', value.as_bytes()).is_none() {
        return value.to_owned();
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                bytes.push(digit(*high) << 4 | digit(*low));
                rest = after;
            }
            (b'\\', [next, after @ ..]) => {
                bytes.push(*next);
                rest = after;
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| value.to_owned())
}

fn digit(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => byte - b'0',
        _ => (byte | 0x20) - b'a' + 10,
    }
}
