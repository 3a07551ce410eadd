//! Chats, rendered by the model's own template.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde};
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value, context};
use serde::{Deserialize, Serialize};

/// One turn of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// What was said.
    pub content: String,
}

impl Message {
    /// A turn by this role.
    pub fn new(role: impl Into<String>, content: impl Into<String>) -> Self {
        Self { role: role.into(), content: content.into() }
    }

    /// A turn by the user.
    pub fn user(content: impl Into<String>) -> Self {
        Self::new("user", content)
    }
}

/// A model's chat template (Jinja).
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    bos: Option<String>,
    eos: Option<String>,
}

/// The template could not be rendered.
#[derive(Debug, thiserror::Error)]
#[error("the chat template refused these messages")]
pub struct ChatError {
    #[from]
    source: minijinja::Error,
}

const NAME: &str = "chat";

impl ChatTemplate {
    pub(crate) fn new(source: String, bos: Option<String>, eos: Option<String>) -> Result<Self, minijinja::Error> {
        let mut environment = Environment::new();
        // What transformers sets: blocks on lines of their own leave no blank lines.
        environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function("raise_exception", |reason: String| -> Result<Value, minijinja::Error> {
            Err(minijinja::Error::new(ErrorKind::InvalidOperation, reason))
        });
        environment.add_filter("tojson", to_json);
        environment.add_template_owned(NAME, source)?;
        Ok(Self { environment, bos, eos })
    }

    /// The chat as the text the model was trained on, ready for the assistant's turn if `add_generation_prompt`.
    ///
    /// The text holds its special tokens, so encode it with [`Specials::Skip`](crate::Specials): a BOS is not doubled.
    ///
    /// # Errors
    /// [`ChatError`] if the template refuses the messages, for instance because roles do not alternate.
    pub fn render(&self, messages: &[Message], add_generation_prompt: bool) -> Result<String, ChatError> {
        let template = self.environment.get_template(NAME)?;
        let text = template.render(context! {
            messages => Serde(messages),
            add_generation_prompt,
            bos_token => self.bos.clone(),
            eos_token => self.eos.clone(),
        })?;
        Ok(text)
    }
}

/// JSON with Python's spacing, which is what templates expect of `tojson`.
#[expect(clippy::needless_pass_by_value, reason = "filters take their arguments by value")]
fn to_json(value: Value, options: Kwargs) -> Result<Value, minijinja::Error> {
    let indent: Option<usize> = options.get("indent")?;
    options.assert_all_used()?;
    let invalid = |e: serde_json::Error| minijinja::Error::new(ErrorKind::BadSerialization, e.to_string());
    let text = match indent {
        Some(width) => {
            let indent = " ".repeat(width.min(16));
            let formatter = serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes());
            written(&value, formatter).map_err(invalid)?
        }
        None => written(&value, Spaced).map_err(invalid)?,
    };
    Ok(Value::from_safe_string(text))
}

fn written(value: &Value, formatter: impl serde_json::ser::Formatter) -> Result<String, serde_json::Error> {
    let mut out = Vec::new();
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut out, formatter))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// `{"a": 1, "b": 2}` rather than `{"a":1,"b":2}`.
struct Spaced;

impl serde_json::ser::Formatter for Spaced {
    fn begin_array_value<W: ?Sized + std::io::Write>(&mut self, out: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }
    fn begin_object_key<W: ?Sized + std::io::Write>(&mut self, out: &mut W, first: bool) -> std::io::Result<()> {
        if first { Ok(()) } else { out.write_all(b", ") }
    }
    fn begin_object_value<W: ?Sized + std::io::Write>(&mut self, out: &mut W) -> std::io::Result<()> {
        out.write_all(b": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(source: &str) -> Result<String, ChatError> {
        let template = ChatTemplate::new(source.into(), Some("<s>".into()), None).unwrap();
        template.render(&[Message::user(" hi ")], true)
    }

    #[test]
    fn templates_see_messages_tokens_and_python_methods() {
        let source = "{{ bos_token }}{% for m in messages %}\n  [{{ m['content'].strip() }}]\n{% endfor %}";
        assert_eq!(render(source).unwrap(), "<s>  [hi]\n");
        assert_eq!(render("{{ messages | tojson }}").unwrap(), r#"[{"role": "user", "content": " hi "}]"#);
    }

    #[test]
    fn a_template_can_refuse() {
        let error = render("{{ raise_exception('roles must alternate') }}").unwrap_err();
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("roles must alternate"));
    }
}
