SET VARIABLE files_of_TABLE = (SELECT list(DISTINCT filename) FROM parts WHERE "table" = 'TABLE');
CREATE OR REPLACE TEMP VIEW TABLE AS
  SELECT * EXCLUDE (filename)
  FROM read_parquet(getvariable('files_of_TABLE'), hive_partitioning = true, union_by_name = true, filename = true)
  SEMI JOIN (FROM parts WHERE "table" = 'TABLE') USING (filename, hour_start_seconds);
