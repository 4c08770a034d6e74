-- Source maps: files that can't be made again, so they stand in plain tables beside the log, which says who put them there.

CREATE SCHEMA source_map;
COMMENT ON SCHEMA source_map IS 'Uploaded scripts and their source maps; bounded by AVALON_SOURCE_MAPS_MB';

-- Pieces of an upload that is under way; any replica can put them together.
CREATE TABLE source_map.chunk (
  service text NOT NULL,
  sha1 bytea NOT NULL,
  content bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (service, sha1)
);
CREATE INDEX ON source_map.chunk (created_at);

-- A file, compressed, once, however many uploads hold it.
CREATE TABLE source_map.blob (
  sha256 bytea PRIMARY KEY,
  content bytea NOT NULL
);
COMMENT ON COLUMN source_map.blob.sha256 IS 'Of the file itself; content is that file as zstd';

-- One upload; complete once its fact stands in the log.
CREATE TABLE source_map.bundle (
  id uuid PRIMARY KEY,
  service text NOT NULL,
  checksum bytea NOT NULL,
  release text,
  dist text,
  scripts integer NOT NULL DEFAULT 0,
  is_complete boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL DEFAULT now(),
  created_by text NOT NULL,
  used_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON source_map.bundle (service, release, dist);

-- A script, its map, or both, and by what a frame finds them.
CREATE TABLE source_map.script (
  bundle uuid NOT NULL REFERENCES source_map.bundle ON DELETE CASCADE,
  url text NOT NULL,
  debug_id uuid,
  script bytea REFERENCES source_map.blob,
  map bytea NOT NULL REFERENCES source_map.blob,
  PRIMARY KEY (bundle, url)
);
CREATE INDEX ON source_map.script (debug_id);
CREATE INDEX ON source_map.script (script);
CREATE INDEX ON source_map.script (map);

ALTER TABLE source_map.chunk ALTER COLUMN content SET STORAGE EXTERNAL;
ALTER TABLE source_map.blob ALTER COLUMN content SET STORAGE EXTERNAL;
