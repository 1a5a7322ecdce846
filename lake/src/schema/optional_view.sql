SET VARIABLE files_of_TABLE = (SELECT coalesce(list(DISTINCT filename) FILTER ("table" = 'TABLE'), list(DISTINCT filename)) FROM parts);
CREATE OR REPLACE TEMP VIEW TABLE AS
  SELECT COLUMNS FROM (
    SELECT * FROM (SELECT EMPTY) WHERE false
    UNION ALL BY NAME
    SELECT * EXCLUDE (filename)
    FROM read_parquet(getvariable('files_of_TABLE'), hive_partitioning = true, union_by_name = true, filename = true)
    SEMI JOIN (FROM parts WHERE "table" = 'TABLE') USING (filename, hour_start_seconds));
