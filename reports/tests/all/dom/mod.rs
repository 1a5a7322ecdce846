//! A page as a browser reads it, flattened to its elements in order.

#![allow(dead_code, reason = "each test file uses a part")]

use html5ever::tendril::TendrilSink;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

/// One element.
#[derive(Debug, Clone)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    /// Names of the elements around it, the outermost first.
    pub(crate) inside: Vec<String>,
    /// All text in it, its descendants' too.
    pub(crate) text: String,
}

impl Element {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A parsed page.
#[derive(Debug, Default)]
pub(crate) struct Dom {
    pub(crate) elements: Vec<Element>,
    /// Pieces of text outside the style sheet, with the names of the elements around them.
    pub(crate) texts: Vec<(Vec<String>, String)>,
    /// Errors that a browser would have had to mend.
    pub(crate) errors: Vec<String>,
}

impl Dom {
    pub(crate) fn parse(page: &str) -> Self {
        let parsed = parse_document(RcDom::default(), ParseOpts::default()).one(page);
        let mut dom =
            Self { errors: parsed.errors.borrow().iter().map(|error| error.to_string()).collect(), ..Self::default() };
        dom.visit(&parsed.document, &mut Vec::new());
        dom
    }

    fn visit(&mut self, node: &Handle, inside: &mut Vec<String>) -> String {
        let mut text = String::new();
        match &node.data {
            NodeData::Text { contents } => {
                text.push_str(&contents.borrow());
                if !inside.iter().any(|name| name == "style") {
                    self.texts.push((inside.clone(), text.clone()));
                }
            }
            NodeData::Element { name, attrs, .. } => {
                let at = self.elements.len();
                let attributes =
                    attrs.borrow().iter().map(|attr| (attr.name.local.to_string(), attr.value.to_string())).collect();
                let name = name.local.to_string();
                let element = Element { name: name.clone(), attributes, inside: inside.clone(), text: String::new() };
                self.elements.push(element);
                inside.push(name);
                for child in node.children.borrow().iter() {
                    text.push_str(&self.visit(child, inside));
                }
                inside.pop();
                if let Some(element) = self.elements.get_mut(at) {
                    element.text.clone_from(&text);
                }
            }
            _ => {
                for child in node.children.borrow().iter() {
                    text.push_str(&self.visit(child, inside));
                }
            }
        }
        text
    }

    pub(crate) fn named(&self, name: &str) -> Vec<&Element> {
        self.elements.iter().filter(|element| element.name == name).collect()
    }

    pub(crate) fn text(&self) -> String {
        self.texts.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// The section with an id, without the space that lays it out.
    pub(crate) fn section(&self, id: &str) -> Option<String> {
        let section = self.elements.iter().find(|element| element.attribute("id") == Some(id))?;
        Some(section.text.split_whitespace().collect::<Vec<_>>().join(" "))
    }
}
