//! Fields of protobuf messages: number, name in JSON, and what they hold.

/// Fields of a message, by number.
pub(super) type Message = [Field];

/// One field.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) number: u32,
    /// As JSON names it.
    pub(super) name: &'static str,
    pub(super) shape: Shape,
}

/// What a field holds, and how JSON shows it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Text,
    Int,
    Bool,
    /// `metav1.Time`: a message of seconds, RFC 3339 in JSON. An empty one is `null`.
    Time,
    /// `intstr.IntOrString`: a message, a number or a text in JSON.
    IntOrString,
    /// `resource.Quantity`: a message with a text, a text in JSON.
    Quantity,
    Message(&'static Message),
    /// A message whose fields JSON shows as fields of the one that it is in.
    Inline(&'static Message),
    /// One after another.
    Many(&'static Shape),
    /// Entries of key (1, a text) and value (2).
    Map(&'static Shape),
}

pub(super) const fn field(number: u32, name: &'static str, shape: Shape) -> Field {
    Field { number, name, shape }
}

pub(super) const fn text(number: u32, name: &'static str) -> Field {
    field(number, name, Shape::Text)
}

pub(super) const fn texts(number: u32, name: &'static str) -> Field {
    field(number, name, Shape::Many(&Shape::Text))
}

pub(super) const fn int(number: u32, name: &'static str) -> Field {
    field(number, name, Shape::Int)
}

pub(super) const fn bool(number: u32, name: &'static str) -> Field {
    field(number, name, Shape::Bool)
}

pub(super) const fn time(number: u32, name: &'static str) -> Field {
    field(number, name, Shape::Time)
}

pub(super) const fn int_or_string(number: u32, name: &'static str) -> Field {
    field(number, name, Shape::IntOrString)
}

pub(super) const fn labels(number: u32, name: &'static str) -> Field {
    field(number, name, Shape::Map(&Shape::Text))
}

pub(super) const fn quantities(number: u32, name: &'static str) -> Field {
    field(number, name, Shape::Map(&Shape::Quantity))
}

pub(super) const fn one(number: u32, name: &'static str, message: &'static Message) -> Field {
    field(number, name, Shape::Message(message))
}

/// Elements of a list: a shape of its own, so that [`Shape::Many`] can point to it.
macro_rules! many {
    ($number:literal, $name:literal, $message:ident) => {
        $crate::wire::shape::field(
            $number,
            $name,
            $crate::wire::shape::Shape::Many(&$crate::wire::shape::Shape::Message($message)),
        )
    };
}
pub(super) use many;
