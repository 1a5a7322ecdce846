//! Columns of a record batch by their definition in `lake`, flat: no row is built that is not needed.

use arrow::array::{Array, AsArray, BooleanArray, PrimitiveArray, StringArray};
use arrow::datatypes::{ArrowPrimitiveType, Int32Type, Int64Type};
use arrow::record_batch::RecordBatch;
use lake::{Column, SlotValues};
use types::SLOTS_PER_HOUR;

/// A column is not what its table says.
#[derive(Debug, thiserror::Error)]
#[error("column `{column}` is missing, of another type, or null where it may not be")]
pub(crate) struct Misfit {
    pub(crate) column: &'static str,
}

/// A column of a batch, or nothing but nulls where an older writer did not know it.
fn find<'a, A>(
    batch: &'a RecordBatch,
    column: Column,
    of: fn(&'a dyn Array) -> Option<&'a A>,
) -> Result<Option<&'a A>, Misfit>
where
    A: Array,
{
    let misfit = || Misfit { column: column.name };
    let Some(found) = batch.column_by_name(column.name) else {
        return if column.nullable { Ok(None) } else { Err(misfit()) };
    };
    let array = of(found.as_ref()).ok_or_else(misfit)?;
    if !column.nullable && array.null_count() > 0 {
        return Err(misfit());
    }
    Ok(Some(array))
}

/// Text, by row.
pub(crate) struct Texts<'a>(Option<&'a StringArray>);

impl<'a> Texts<'a> {
    pub(crate) fn new(batch: &'a RecordBatch, column: Column) -> Result<Self, Misfit> {
        find(batch, column, |array| array.as_string_opt::<i32>()).map(Self)
    }

    pub(crate) fn get(&self, row: usize) -> Option<&'a str> {
        let array = self.0?;
        (!array.is_null(row)).then(|| array.value(row))
    }

    /// The text of a column that is never null.
    pub(crate) fn some(&self, row: usize) -> &'a str {
        self.get(row).unwrap_or_default()
    }

    pub(crate) fn owned(&self, row: usize) -> Option<String> {
        self.get(row).map(ToOwned::to_owned)
    }
}

/// Flags, by row.
pub(crate) struct Flags<'a>(Option<&'a BooleanArray>);

impl<'a> Flags<'a> {
    pub(crate) fn new(batch: &'a RecordBatch, column: Column) -> Result<Self, Misfit> {
        find(batch, column, |array| array.as_boolean_opt()).map(Self)
    }

    pub(crate) fn get(&self, row: usize) -> Option<bool> {
        let array = self.0?;
        (!array.is_null(row)).then(|| array.value(row))
    }
}

/// Whole numbers of either width, by row.
pub(crate) struct Numbers<'a, T: ArrowPrimitiveType>(Option<&'a PrimitiveArray<T>>);

impl<'a, T: ArrowPrimitiveType> Numbers<'a, T>
where
    i64: From<T::Native>,
{
    pub(crate) fn new(batch: &'a RecordBatch, column: Column) -> Result<Self, Misfit> {
        find(batch, column, |array| array.as_primitive_opt::<T>()).map(Self)
    }

    pub(crate) fn get(&self, row: usize) -> Option<i64> {
        let array = self.0?;
        (!array.is_null(row)).then(|| array.value(row).into())
    }

    /// The number of a column that is never null.
    pub(crate) fn some(&self, row: usize) -> i64 {
        self.get(row).unwrap_or_default()
    }
}

pub(crate) type Int32s<'a> = Numbers<'a, Int32Type>;
pub(crate) type Int64s<'a> = Numbers<'a, Int64Type>;

/// Lists of twelve numbers, in one flat buffer.
pub(crate) struct Slots<'a> {
    lists: Option<&'a arrow::array::ListArray>,
    values: Option<&'a PrimitiveArray<Int32Type>>,
    column: Column,
}

impl<'a> Slots<'a> {
    pub(crate) fn new(batch: &'a RecordBatch, column: Column) -> Result<Self, Misfit> {
        let lists = find(batch, column, |array| array.as_list_opt::<i32>())?;
        let values = match lists {
            Some(lists) => {
                let values = lists.values().as_primitive_opt::<Int32Type>();
                Some(values.ok_or(Misfit { column: column.name })?)
            }
            None => None,
        };
        Ok(Self { lists, values, column })
    }

    /// The twelve numbers of a row, `None` where there is no sample; `None` when the row has no list.
    pub(crate) fn sampled(&self, row: usize) -> Result<Option<SlotValues>, Misfit> {
        let (Some(slots), Some(lists), Some(values)) = (self.get(row)?, self.lists, self.values) else {
            return Ok(None);
        };
        let start = lists.value_offsets().get(row).and_then(|start| usize::try_from(*start).ok()).unwrap_or_default();
        let mut sampled = [None; SLOTS_PER_HOUR];
        for (k, (slot, value)) in sampled.iter_mut().zip(slots).enumerate() {
            *slot = i32::try_from(value).ok().filter(|_| !values.is_null(start + k));
        }
        Ok(Some(sampled))
    }

    /// The twelve numbers of a row, zero where there is no sample; `None` when the row has no list.
    pub(crate) fn get(&self, row: usize) -> Result<Option<[i64; SLOTS_PER_HOUR]>, Misfit> {
        let (Some(lists), Some(values)) = (self.lists, self.values) else { return Ok(None) };
        if lists.is_null(row) {
            return Ok(None);
        }
        let misfit = || Misfit { column: self.column.name };
        let bounds = lists.value_offsets().get(row..=row + 1).ok_or_else(misfit)?;
        let &[start, end] = bounds else { return Err(misfit()) };
        let (start, end) = (usize::try_from(start), usize::try_from(end));
        let (Ok(start), Ok(end)) = (start, end) else { return Err(misfit()) };
        let flat = values.values().get(start..end).ok_or_else(misfit)?;
        let mut slots = [0; SLOTS_PER_HOUR];
        if flat.len() != SLOTS_PER_HOUR {
            return Err(misfit());
        }
        slots.iter_mut().zip(flat).for_each(|(slot, value)| *slot = i64::from(*value));
        if values.null_count() > 0 {
            let without_sample = slots.iter_mut().enumerate().filter(|(k, _)| values.is_null(start + k));
            without_sample.for_each(|(_, slot)| *slot = 0);
        }
        Ok(Some(slots))
    }
}

/// Lists of texts, by row.
pub(crate) struct TextLists<'a>(Option<&'a arrow::array::ListArray>);

impl<'a> TextLists<'a> {
    pub(crate) fn new(batch: &'a RecordBatch, column: Column) -> Result<Self, Misfit> {
        find(batch, column, |array| array.as_list_opt::<i32>()).map(Self)
    }

    /// The texts of a row, copied; none when the row has no list.
    pub(crate) fn get(&self, row: usize) -> Vec<String> {
        self.texts(row).map(ToOwned::to_owned).collect()
    }

    /// The texts of a row; none when the row has no list.
    pub(crate) fn texts(&self, row: usize) -> impl Iterator<Item = &'a str> {
        let lists = self.0.filter(|lists| !lists.is_null(row));
        let of = lists.and_then(|lists| {
            let offsets = lists.value_offsets();
            let at = |row: usize| offsets.get(row).and_then(|offset| usize::try_from(*offset).ok());
            Some((lists.values().as_string_opt::<i32>()?, at(row)?..at(row + 1)?))
        });
        of.into_iter().flat_map(|(texts, range)| range.filter(|at| !texts.is_null(*at)).map(|at| texts.value(at)))
    }

    /// Returns true when the row has a list.
    pub(crate) fn is_known(&self, row: usize) -> bool {
        self.0.is_some_and(|lists| !lists.is_null(row))
    }

    /// The texts of a row; `None` when the row has no list.
    pub(crate) fn known(&self, row: usize) -> Option<Vec<&'a str>> {
        self.is_known(row).then(|| self.texts(row).collect())
    }
}

/// Declares the columns that are read of a table, once: a list of what a file is asked for, and a struct that finds them
/// in a batch. A column read and not asked for would be null in every row; through the struct none can be.
macro_rules! columns {
    (
        $(#[doc = $doc:literal])*
        $list:ident, $found:ident of $table:ident: $($column:ident: $values:ident),+ $(,)?
    ) => {
        $(#[doc = $doc])*
        pub(crate) const $list: &[lake::Column] = &[$($table::$column),+];

        #[doc = concat!("[`", stringify!($list), "`] of a batch, by row.")]
        struct $found<'a> {
            $($column: $crate::read::columns::$values<'a>,)+
        }

        impl<'a> $found<'a> {
            fn new(
                batch: &'a arrow::record_batch::RecordBatch,
            ) -> Result<Self, $crate::read::columns::Misfit> {
                Ok(Self { $($column: $crate::read::columns::$values::new(batch, $table::$column)?,)+ })
            }
        }
    };
}
pub(crate) use columns;
