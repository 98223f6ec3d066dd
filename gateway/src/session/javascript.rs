//! JSON as JavaScript writes it: those who verify a signature parse the body and write it anew, and it has to come out the same.

use serde_json::{Map, Number, Value};
use std::fmt::Write;

/// Compact, keys and numbers as `JSON.stringify(JSON.parse(text))` has them.
pub fn stringify(value: &Value) -> String {
    let mut text = String::new();
    write(&mut text, value);
    text
}

fn write(text: &mut String, value: &Value) {
    match value {
        Value::Number(number) => write_number(text, number),
        Value::Array(items) => {
            text.push('[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    text.push(',');
                }
                write(text, item);
            }
            text.push(']');
        }
        Value::Object(object) => write_object(text, object),
        // Strings are escaped alike.
        other => {
            let _ = write!(text, "{other}");
        }
    }
}

/// JavaScript puts keys that could be an array's first, in their order.
fn index(key: &str) -> Option<u32> {
    let number: u32 = key.parse().ok()?;
    (number < u32::MAX && number.to_string() == key).then_some(number)
}

fn write_object(text: &mut String, object: &Map<String, Value>) {
    let mut entries: Vec<(&String, &Value)> = object.iter().collect();
    // Stable: the others stay in the order in which they came.
    entries.sort_by_key(|(key, _)| index(key).map_or(u64::MAX, u64::from));
    text.push('{');
    for (n, (key, value)) in entries.into_iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        let _ = write!(text, "{}:", Value::String(key.clone()));
        write(text, value);
    }
    text.push('}');
}

/// The largest whole number up to which JavaScript knows each.
const SAFE: u64 = 1 << 53;

fn write_number(text: &mut String, number: &Number) {
    let safe = number.as_i64().is_some_and(|number| number.unsigned_abs() <= SAFE);
    let _ = match number.as_f64().filter(|_| !safe) {
        Some(float) => write!(text, "{}", ryu_js::Buffer::new().format(float)),
        None => write!(text, "{number}"),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_written_as_javascript_writes_it() {
        // What Node.js 20 says to JSON.stringify(JSON.parse(text)).
        for (text, written) in [
            (r#"{"b":1,"a":2}"#, r#"{"b":1,"a":2}"#),
            (r#"{"b":1,"10":2,"9":3,"01":4,"-1":5}"#, r#"{"9":3,"10":2,"b":1,"01":4,"-1":5}"#),
            (r#"{"4294967295":1,"4294967294":2}"#, r#"{"4294967294":2,"4294967295":1}"#),
            ("[1.0,1.50,1e21,1e-7,123456789012345680000]", "[1,1.5,1e+21,1e-7,123456789012345680000]"),
            ("9007199254740993", "9007199254740992"),
            ("-0.0", "0"),
            (r#""\u00e9\u001f\u2028\/\"\\\n\u007f""#, "\"é\\u001f\u{2028}/\\\"\\\\\\n\u{7f}\""),
            ("[null,true,{}]", "[null,true,{}]"),
        ] {
            let value: Value = serde_json::from_str(text).expect("it is JSON");
            assert_eq!(stringify(&value), written, "{text}");
        }
    }
}
