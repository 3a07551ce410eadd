//! One value of a table.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

/// One value of a [`Table`](crate::Table): what a JSON value, a cell of a CSV file or a value in Parquet can be.
///
/// A CSV file has [`Text`](Self::Text) alone: `007` there is a text of three characters until a reader
/// [asks for a number](crate::Row::integer).
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing: JSON's null, or a value that a Parquet file leaves out.
    Null,
    /// True or false.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// A finite number that is written as no whole one.
    Number(f64),
    /// A text.
    Text(String),
    /// Values one after another.
    List(Vec<Value>),
    /// Values with names, each name once, in the file's order.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// What kind of value it is, for a message.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Flag(_) => "a flag",
            Self::Integer(_) => "a whole number",
            Self::Number(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "an object",
        }
    }

    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

/// As JSON, but at most the first 60 characters: for messages.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Integer(integer) => write!(f, "{integer}"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => match text.char_indices().nth(60) {
                Some((end, _)) => write!(f, "{}…", &text[..end]),
                None => f.write_str(text),
            },
            Self::List(values) => write!(f, "[{}]", Count(values.len(), "value")),
            Self::Map(values) => write!(f, "{{{}}}", Count(values.len(), "key")),
        }
    }
}

/// A number of things, for a message.
struct Count(usize, &'static str);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}{}", self.0, self.1, if self.0 == 1 { "" } else { "s" })
    }
}

/// Unlike the usual value of JSON it refuses a key that stands twice, and whole numbers that it cannot hold.
impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyValue;

        impl<'de> Visitor<'de> for AnyValue {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("any JSON value")
            }

            fn visit_unit<E: Error>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_bool<E: Error>(self, flag: bool) -> Result<Value, E> {
                Ok(Value::Flag(flag))
            }

            fn visit_i64<E: Error>(self, integer: i64) -> Result<Value, E> {
                Ok(Value::Integer(integer))
            }

            fn visit_u64<E: Error>(self, integer: u64) -> Result<Value, E> {
                integer
                    .try_into()
                    .map(Value::Integer)
                    .map_err(|_| E::custom(format_args!("`{integer}` is above the largest whole number, {}", i64::MAX)))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Value, E> {
                Ok(Value::Number(number))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
                Ok(Value::Text(text.to_owned()))
            }

            fn visit_string<E: Error>(self, text: String) -> Result<Value, E> {
                Ok(Value::Text(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = seq.next_element()? {
                    values.push(value);
                }
                Ok(Value::List(values))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
                let mut values: Vec<(String, Value)> = Vec::new();
                // Sorted, so that an object of very many keys takes no time that grows with their square.
                let mut seen = std::collections::BTreeSet::new();
                while let Some(key) = map.next_key::<String>()? {
                    if !seen.insert(key.clone()) {
                        return Err(A::Error::custom(format_args!("the key `{key}` stands twice")));
                    }
                    values.push((key, map.next_value()?));
                }
                Ok(Value::Map(values))
            }
        }

        deserializer.deserialize_any(AnyValue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Result<Value, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn every_kind_is_read() {
        let read = value(r#"{"a": [null, true, -3, 2.5, "x"], "b": {}}"#).unwrap();
        let list =
            vec![Value::Null, Value::Flag(true), Value::Integer(-3), Value::Number(2.5), Value::Text("x".into())];
        assert_eq!(read, Value::Map(vec![("a".into(), Value::List(list)), ("b".into(), Value::Map(Vec::new()))]));
    }

    #[test]
    fn a_key_twice_and_a_number_too_large_are_refused() {
        assert!(value(r#"[{"a": 1, "b": 2, "a": 1}]"#).unwrap_err().starts_with("the key `a` stands twice"));
        assert_eq!(value("9223372036854775807"), Ok(Value::Integer(i64::MAX)));
        assert!(value("9223372036854775808").unwrap_err().contains("is above the largest whole number"));
        assert!(value("1e999").is_err());
    }

    #[test]
    fn very_deep_values_are_an_error_and_no_overflow_of_the_stack() {
        assert!(value(&"[".repeat(1 << 20)).unwrap_err().starts_with("recursion limit exceeded"));
    }

    #[test]
    fn a_message_shows_the_start_of_a_long_text() {
        assert_eq!(Value::Text("é".repeat(61)).to_string(), format!("{}…", "é".repeat(60)));
        assert_eq!(Value::Text("é".repeat(60)).to_string(), "é".repeat(60));
        assert_eq!(value("[[1], [2]]").unwrap().to_string(), "[2 values]");
        assert_eq!(value(r#"{"a": 1}"#).unwrap().to_string(), "{1 key}");
    }
}
