//! Tests of what is rendered and exported: one program, because each links the Parquet writer and the samples.

mod browser;
mod compare;
mod dom;
mod drafts;
mod exports;
mod focus;
mod hostile;
mod invoice;
mod labels;
mod mail;
mod page;
mod rightsizing;
mod sample;
mod schema;
mod screenshots;
mod steps;
mod story;
mod summary;
mod tables;
mod verdict;
mod workbook;
