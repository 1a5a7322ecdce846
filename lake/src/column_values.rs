//! Conversion of one value of a row into one column of a record batch.

use std::sync::Arc;

use arrow::array::builder::NullBufferBuilder;
use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int32Array, Int64Array, ListArray, ListBuilder, StringArray, StringBuilder,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type};
use types::SLOTS_PER_HOUR;

/// The kinds of column the lake knows; each engine maps them to its own types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8 text.
    Text,
    /// True or false.
    Bool,
    /// 32-bit signed integer.
    Int32,
    /// 64-bit signed integer.
    Int64,
    /// Twelve 32-bit integers, one for each slot of the hour; null = no sample.
    Int32BySlot,
    /// Sorted texts.
    TextList,
}

impl Kind {
    /// The Arrow type of a column of this kind.
    pub fn arrow_type(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Bool => DataType::Boolean,
            Self::Int32 => DataType::Int32,
            Self::Int64 => DataType::Int64,
            Self::Int32BySlot => DataType::List(Arc::new(element(DataType::Int32, true))),
            Self::TextList => DataType::List(Arc::new(element(DataType::Utf8, false))),
        }
    }

    /// Returns whether a column of a file is of this kind. What the element of a list is called does not matter:
    /// releases before 2026-12 wrote `item`, where Parquet's standard says `element`.
    pub fn is(self, found: &DataType) -> bool {
        match (self.arrow_type(), found) {
            (DataType::List(ours), DataType::List(theirs)) => ours.data_type() == theirs.data_type(),
            (ours, theirs) => ours == *theirs,
        }
    }

    /// A column of this kind as it is written now, from one as any release wrote it.
    pub(crate) fn renamed(self, array: &ArrayRef) -> ArrayRef {
        let (Some(lists), DataType::List(field)) = (array.as_list_opt::<i32>(), self.arrow_type()) else {
            return Arc::clone(array);
        };
        let (_, offsets, values, nulls) = lists.clone().into_parts();
        // What does not fit is left for the reader to refuse.
        match ListArray::try_new(field, offsets, values, nulls) {
            Ok(renamed) => Arc::new(renamed),
            Err(_) => Arc::clone(array),
        }
    }
}

/// Name of the element of a list: the name that the Parquet format gives it, by which Iceberg's readers find it.
pub(crate) const ELEMENT: &str = "element";

fn element(of: DataType, nullable: bool) -> Field {
    Field::new(ELEMENT, of, nullable)
}

/// One value for each slot of an hour; `None` means no sample, never zero.
pub type SlotValues = [Option<i32>; SLOTS_PER_HOUR];

/// A type a row can hold.
pub(crate) trait Cell: Sized {
    const KIND: Kind;
    const NULLABLE: bool;

    /// Collects one column.
    fn write<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef
    where
        Self: 'a;

    /// Reads one value; `None` when the array is of another type, or null where null is not allowed.
    fn read(array: &dyn Array, row: usize) -> Option<Self>;
}

impl Cell for String {
    const KIND: Kind = Kind::Text;
    const NULLABLE: bool = false;

    fn write<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef {
        Arc::new(StringArray::from_iter_values(values))
    }

    fn read(array: &dyn Array, row: usize) -> Option<Self> {
        Option::<Self>::read(array, row)?
    }
}

impl Cell for Option<String> {
    const KIND: Kind = Kind::Text;
    const NULLABLE: bool = true;

    fn write<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef {
        Arc::new(values.map(Option::as_deref).collect::<StringArray>())
    }

    fn read(array: &dyn Array, row: usize) -> Option<Self> {
        let texts = array.as_string_opt::<i32>()?;
        Some((!texts.is_null(row)).then(|| texts.value(row).to_owned()))
    }
}

impl Cell for bool {
    const KIND: Kind = Kind::Bool;
    const NULLABLE: bool = false;

    fn write<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef {
        Arc::new(values.map(|v| Some(*v)).collect::<BooleanArray>())
    }

    fn read(array: &dyn Array, row: usize) -> Option<Self> {
        Option::<Self>::read(array, row)?
    }
}

impl Cell for Option<bool> {
    const KIND: Kind = Kind::Bool;
    const NULLABLE: bool = true;

    fn write<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef {
        Arc::new(values.copied().collect::<BooleanArray>())
    }

    fn read(array: &dyn Array, row: usize) -> Option<Self> {
        let flags = array.as_boolean_opt()?;
        Some((!flags.is_null(row)).then(|| flags.value(row)))
    }
}

/// The two integer cells differ only in their Arrow types.
macro_rules! integer_cell {
    ($native:ty, $array:ty, $arrow:ty, $kind:expr) => {
        impl Cell for $native {
            const KIND: Kind = $kind;
            const NULLABLE: bool = false;

            fn write<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef {
                Arc::new(<$array>::from_iter_values(values.copied()))
            }

            fn read(array: &dyn Array, row: usize) -> Option<Self> {
                Option::<Self>::read(array, row)?
            }
        }

        impl Cell for Option<$native> {
            const KIND: Kind = $kind;
            const NULLABLE: bool = true;

            fn write<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef {
                Arc::new(values.copied().collect::<$array>())
            }

            fn read(array: &dyn Array, row: usize) -> Option<Self> {
                let numbers = array.as_primitive_opt::<$arrow>()?;
                Some((!numbers.is_null(row)).then(|| numbers.value(row)))
            }
        }
    };
}
integer_cell!(i32, Int32Array, Int32Type, Kind::Int32);
integer_cell!(i64, Int64Array, Int64Type, Kind::Int64);

impl Cell for SlotValues {
    const KIND: Kind = Kind::Int32BySlot;
    const NULLABLE: bool = false;

    fn write<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef {
        slot_lists(values.map(Some))
    }

    fn read(array: &dyn Array, row: usize) -> Option<Self> {
        Option::<Self>::read(array, row)?
    }
}

impl Cell for Option<SlotValues> {
    const KIND: Kind = Kind::Int32BySlot;
    const NULLABLE: bool = true;

    fn write<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef {
        slot_lists(values.map(Option::as_ref))
    }

    fn read(array: &dyn Array, row: usize) -> Option<Self> {
        let lists = array.as_list_opt::<i32>()?;
        if lists.is_null(row) {
            return Some(None);
        }
        let values = lists.value(row);
        let numbers = values.as_primitive_opt::<Int32Type>()?;
        let slots: SlotValues = numbers.iter().collect::<Vec<_>>().try_into().ok()?;
        Some(Some(slots))
    }
}

impl Cell for Vec<String> {
    const KIND: Kind = Kind::TextList;
    const NULLABLE: bool = false;

    fn write<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef {
        text_lists(values.map(Some))
    }

    fn read(array: &dyn Array, row: usize) -> Option<Self> {
        Option::<Self>::read(array, row)?
    }
}

impl Cell for Option<Vec<String>> {
    const KIND: Kind = Kind::TextList;
    const NULLABLE: bool = true;

    fn write<'a>(values: impl Iterator<Item = &'a Self>) -> ArrayRef {
        text_lists(values.map(Option::as_ref))
    }

    fn read(array: &dyn Array, row: usize) -> Option<Self> {
        let lists = array.as_list_opt::<i32>()?;
        if lists.is_null(row) {
            return Some(None);
        }
        let values = lists.value(row);
        let texts = values.as_string_opt::<i32>()?;
        Some(Some(texts.iter().flatten().map(ToOwned::to_owned).collect()))
    }
}

/// A row's values at once, because a builder that looks at each is most of what turning rows into columns takes.
fn slot_lists<'a>(values: impl Iterator<Item = Option<&'a SlotValues>>) -> ArrayRef {
    let (mut numbers, mut known) = (Vec::new(), NullBufferBuilder::new(0));
    let (mut lengths, mut there) = (Vec::new(), NullBufferBuilder::new(0));
    for slots in values {
        there.append(slots.is_some());
        lengths.push(slots.map_or(0, |slots| slots.len()));
        let Some(slots) = slots else { continue };
        numbers.extend(slots.map(Option::unwrap_or_default));
        match slots.iter().all(Option::is_some) {
            true => known.append_n_non_nulls(slots.len()),
            false => slots.iter().for_each(|slot| known.append(slot.is_some())),
        }
    }
    let field = Arc::new(element(DataType::Int32, true));
    let numbers = Arc::new(Int32Array::new(numbers.into(), known.finish()));
    Arc::new(ListArray::new(field, OffsetBuffer::from_lengths(lengths), numbers, there.finish()))
}

fn text_lists<'a>(values: impl Iterator<Item = Option<&'a Vec<String>>>) -> ArrayRef {
    let field = element(DataType::Utf8, false);
    let mut lists = ListBuilder::new(StringBuilder::new()).with_field(field);
    for texts in values {
        for text in texts.into_iter().flatten() {
            lists.values().append_value(text);
        }
        lists.append(texts.is_some());
    }
    Arc::new(lists.finish())
}
