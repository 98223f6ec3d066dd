//! Reads tables of a TOML file key by key, and remembers what is wrong instead of stopping there.

use super::{Mistake, Secret};
use std::{cell::RefCell, collections::BTreeSet, fmt::Display, ops::Range, str::FromStr};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// A file that is being read.
pub struct Reader<'a> {
    text: &'a str,
    mistakes: RefCell<Vec<Mistake>>,
}

impl<'a> Reader<'a> {
    /// A file of which nothing has been read.
    pub fn new(text: &'a str) -> Self {
        Self { text, mistakes: RefCell::default() }
    }

    /// Remembers a mistake.
    pub fn mistake(&self, at: &Range<usize>, what: impl Display) {
        let before = self.text.as_bytes().iter().take(at.start);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        self.mistakes.borrow_mut().push(Mistake { line, what: what.to_string() });
    }

    /// Every mistake, in order.
    pub fn mistakes(self) -> Vec<Mistake> {
        let mut mistakes = self.mistakes.into_inner();
        mistakes.sort_by_key(|mistake| mistake.line);
        mistakes
    }
}

/// A table that is being read.
pub struct Section<'r, 'a> {
    reader: &'r Reader<'a>,
    table: &'r DeTable<'a>,
    at: Range<usize>,
    name: &'r str,
    read: RefCell<BTreeSet<String>>,
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a point",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

impl<'r, 'a> Section<'r, 'a> {
    /// The table of this name, at this place.
    pub fn new(reader: &'r Reader<'a>, table: &'r DeTable<'a>, at: Range<usize>, name: &'r str) -> Self {
        Self { reader, table, at, name, read: RefCell::default() }
    }

    /// Where it is.
    pub fn place(&self) -> &Range<usize> {
        &self.at
    }

    fn value(&self, key: &str) -> Option<&'r Spanned<DeValue<'a>>> {
        self.read.borrow_mut().insert(key.to_owned());
        self.table.iter().find(|(own, _)| own.get_ref() == key).map(|(_, value)| value)
    }

    fn wrong_kind(&self, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
        self.reader.mistake(&value.span(), format!("{key} is {}; give {wanted}", kind(value.get_ref())));
    }

    /// A text, where there is one.
    pub fn text(&self, key: &str, wanted: &str) -> Option<(String, Range<usize>)> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::String(text) => Some((text.to_string(), value.span())),
            _ => {
                self.wrong_kind(key, value, wanted);
                None
            }
        }
    }

    /// A text that is understood, where there is one.
    pub fn parsed<T: FromStr>(&self, key: &str, wanted: &str) -> Option<T> {
        let (text, at) = self.text(key, wanted)?;
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.reader.mistake(&at, format!("{key} is {text:?}; give {wanted}"));
        }
        parsed
    }

    /// Says that something has to be there.
    pub fn required<T>(&self, key: &str, wanted: &str, value: Option<T>) -> Option<T> {
        let given = self.table.iter().any(|(own, _)| own.get_ref() == key);
        if value.is_none() && !given {
            self.reader.mistake(&self.at, format!("{} lacks {key}: give {wanted}", self.name));
        }
        value
    }

    /// A number, where there is one.
    pub fn number(&self, key: &str, allowed: Range<u32>) -> Option<u32> {
        let value = self.value(key)?;
        let wanted = format!("a number from {} to {}", allowed.start, allowed.end - 1);
        let DeValue::Integer(number) = value.get_ref() else {
            self.wrong_kind(key, value, &wanted);
            return None;
        };
        let parsed =
            u32::from_str_radix(number.as_str(), number.radix()).ok().filter(|number| allowed.contains(number));
        if parsed.is_none() {
            self.reader.mistake(&value.span(), format!("{key} is {number}; give {wanted}"));
        }
        parsed
    }

    /// Yes or no, where it is said.
    pub fn flag(&self, key: &str) -> Option<bool> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => {
                self.wrong_kind(key, value, "true or false");
                None
            }
        }
    }

    /// Texts, each with its place.
    pub fn texts(&self, key: &str, wanted: &str) -> Vec<(String, Range<usize>)> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_kind(key, value, wanted);
            return Vec::new();
        };
        let text = |item: &Spanned<DeValue<'a>>| match item.get_ref() {
            DeValue::String(text) => Some((text.to_string(), item.span())),
            _ => {
                self.wrong_kind(key, item, wanted);
                None
            }
        };
        items.iter().filter_map(text).collect()
    }

    /// The pairs of a table of texts.
    pub fn pairs(&self, key: &str) -> Vec<(String, String)> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let DeValue::Table(table) = value.get_ref() else {
            self.wrong_kind(key, value, "a table of texts");
            return Vec::new();
        };
        let pair = |(key, value): (&Spanned<std::borrow::Cow<'a, str>>, &Spanned<DeValue<'a>>)| match value.get_ref() {
            DeValue::String(text) => Some((key.get_ref().to_string(), text.to_string())),
            _ => {
                self.wrong_kind(key.get_ref(), value, "a text");
                None
            }
        };
        table.iter().filter_map(pair).collect()
    }

    /// A secret: `<key>_file` names a file that holds it, `<key>_env` a variable; `<key>` is the secret itself.
    pub fn secret(&self, key: &str) -> Option<Secret> {
        let (file, env) = (format!("{key}_file"), format!("{key}_env"));
        let plain = self.text(key, "a text").map(|(text, _)| text);
        let from_file = self.text(&file, "the path of a file").and_then(|(path, at)| {
            let text = std::fs::read_to_string(&path);
            let text =
                text.map_err(|error| self.reader.mistake(&at, format!("{file}: {path} cannot be read: {error}")));
            text.ok().map(|text| text.trim_end_matches(['\r', '\n']).to_owned())
        });
        let from_env = self.text(&env, "the name of a variable").and_then(|(name, at)| {
            let text = std::env::var(&name);
            text.map_err(|_| self.reader.mistake(&at, format!("{env}: the variable {name} is not set"))).ok()
        });
        let mut given = [plain, from_file, from_env].into_iter().flatten();
        let secret = given.next();
        if given.next().is_some() {
            let at = self.text(&env, "").or(self.text(&file, "")).map_or(0..0, |(_, at)| at);
            self.reader.mistake(&at, format!("{key} is given in two ways: give {key}, {file} or {env}"));
        }
        secret.map(Secret)
    }

    /// Whether a secret is named at all.
    pub fn names_secret(&self, key: &str) -> bool {
        self.table
            .iter()
            .any(|(own, _)| own.get_ref().strip_prefix(key).is_some_and(|rest| ["", "_file", "_env"].contains(&rest)))
    }

    /// The table of this name, where there is one.
    pub fn section(&self, key: &'r str) -> Option<Section<'r, 'a>> {
        let value = self.value(key)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(Section::new(self.reader, table, value.span(), key)),
            _ => {
                self.wrong_kind(key, value, &format!("a table: [{key}]"));
                None
            }
        }
    }

    /// The tables of this name.
    pub fn sections(&self, key: &'r str) -> Vec<Section<'r, 'a>> {
        let Some(value) = self.value(key) else { return Vec::new() };
        let wanted = format!("tables: [[{key}]]");
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_kind(key, value, &wanted);
            return Vec::new();
        };
        let section = |item: &'r Spanned<DeValue<'a>>| match item.get_ref() {
            DeValue::Table(table) => Some(Section::new(self.reader, table, item.span(), key)),
            _ => {
                self.wrong_kind(key, item, &wanted);
                None
            }
        };
        items.iter().filter_map(section).collect()
    }

    /// Says of every key that nobody has read that it is unknown.
    pub fn finish(&self) {
        let read = self.read.borrow();
        for (key, _) in self.table.iter().filter(|(key, _)| !read.contains(key.get_ref().as_ref())) {
            let known: Vec<&str> = read.iter().map(String::as_str).collect();
            self.reader
                .mistake(&key.span(), format!("{} has no {:?}; it has {}", self.name, key.get_ref(), known.join(", ")));
        }
    }
}
