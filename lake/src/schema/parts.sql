SET VARIABLE lake = 'lake';  -- or s3://bucket/prefix
CREATE OR REPLACE TEMP TABLE parts AS  -- which hours of which file count
  WITH manifest AS (
    SELECT filename[length(getvariable('lake')) + 2:] AS key, parse_path(filename)[-1] AS name,
      regexp_replace(filename, '[^/]*$', '') AS day, hour_start_seconds, hours, objects
    FROM read_json(getvariable('lake') || '/v1/manifest/cluster=*/date=*/*.json', filename = true, columns = {
      hour_start_seconds: 'BIGINT', hours: 'STRUCT(key VARCHAR)[]', objects: 'STRUCT("table" VARCHAR, key VARCHAR)[]'})
  ), newest AS (
    SELECT *, split_part(name, '.', 1) AS period FROM manifest
    QUALIFY row_number() OVER (
      PARTITION BY day, split_part(name, '.', 1)
      ORDER BY coalesce(try_cast(regexp_extract(name, '\.r([0-9]+)\.', 1) AS INT), 0) DESC) = 1
  ), held AS (
    SELECT unnest(hours).key AS key, objects FROM newest WHERE period = 'day'
  ), counted AS (
    SELECT hour_start_seconds, unnest(coalesce(held.objects, newest.objects)) AS object
    FROM newest LEFT JOIN held USING (key) WHERE period <> 'day'
  )
  SELECT object."table", getvariable('lake') || '/' || object.key AS filename, hour_start_seconds FROM counted;
