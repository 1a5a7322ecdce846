//! Today's bill: its lines, the evidence for each, and who pays which part.

pub(crate) mod allocation;
pub(crate) mod evidence;
pub(crate) mod grade;
pub(crate) mod today;
