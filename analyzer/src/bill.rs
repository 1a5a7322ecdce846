//! Today's bill: its lines, the evidence for each, and who pays which part.

pub(crate) mod allocation;
pub(crate) mod evidence_grades;
pub(crate) mod grade;
pub(crate) mod no_price;
pub(crate) mod today;
