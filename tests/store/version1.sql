-- A database as schema 1 left it (application_id and user_version are set by the test). Never changed: that it can
-- still be opened is what is tested.
CREATE TABLE subscriptions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  ref TEXT NOT NULL UNIQUE,
  source_kind TEXT NOT NULL CHECK (source_kind IN ('url', 'file', 'raw_text')),
  source_url TEXT,
  name TEXT,
  etag TEXT,
  last_modified TEXT,
  last_error TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  last_refreshed_at INTEGER,
  last_tried_at INTEGER) STRICT;
CREATE UNIQUE INDEX subscriptions_source ON subscriptions (source_kind, source_url) WHERE source_url IS NOT NULL;
CREATE TABLE configs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  ref TEXT NOT NULL UNIQUE,
  dedup_key TEXT NOT NULL UNIQUE,
  protocol TEXT NOT NULL,
  address TEXT NOT NULL,
  port INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),
  network TEXT,
  tls TEXT,
  sni TEXT,
  host TEXT,
  path TEXT,
  name TEXT,
  extensions_json TEXT NOT NULL,
  raw_config TEXT,
  by_hand INTEGER NOT NULL DEFAULT 0 CHECK (by_hand IN (0, 1)),
  is_enabled INTEGER NOT NULL DEFAULT 1 CHECK (is_enabled IN (0, 1)),
  is_deleted INTEGER NOT NULL DEFAULT 0 CHECK (is_deleted IN (0, 1)),
  deleted_by TEXT CHECK (deleted_by IN ('user', 'update')),
  deleted_at INTEGER,
  imported_at INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  CHECK ((is_deleted = 1) = (deleted_at IS NOT NULL) AND (is_deleted = 1) = (deleted_by IS NOT NULL))) STRICT;
CREATE TABLE subscription_configs (
  subscription_id INTEGER NOT NULL REFERENCES subscriptions ON DELETE CASCADE,
  config_id INTEGER NOT NULL REFERENCES configs ON DELETE CASCADE,
  PRIMARY KEY (subscription_id, config_id)) STRICT, WITHOUT ROWID;
CREATE INDEX subscription_configs_config ON subscription_configs (config_id);
CREATE TABLE connection_test_runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  created_at INTEGER NOT NULL) STRICT;
CREATE TABLE connection_tests (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id INTEGER NOT NULL REFERENCES connection_test_runs ON DELETE CASCADE,
  config_id INTEGER NOT NULL REFERENCES configs ON DELETE CASCADE,
  attempt INTEGER NOT NULL,
  tcp_ok INTEGER CHECK (tcp_ok IN (0, 1)),
  tcp_ms INTEGER,
  real_delay_ok INTEGER CHECK (real_delay_ok IN (0, 1)),
  real_delay_ms INTEGER,
  connect_ms INTEGER,
  ttfb_ms INTEGER,
  http_status INTEGER,
  download_mbps REAL,
  upload_mbps REAL,
  failure_kind TEXT CHECK (failure_kind IN ('dns', 'timeout', 'refused', 'unreachable', 'permission_denied',
    'tls', 'auth', 'process', 'proxy', 'unknown')),
  failure_reason TEXT,
  tested_at INTEGER NOT NULL) STRICT;
CREATE INDEX connection_tests_latest ON connection_tests (config_id, tested_at DESC, id DESC);
CREATE INDEX connection_tests_run ON connection_tests (run_id);
CREATE TABLE runtime_sessions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  config_id INTEGER REFERENCES configs ON DELETE SET NULL,
  status TEXT NOT NULL CHECK (status IN ('starting', 'running', 'stopping', 'stopped', 'failed')),
  process_id INTEGER,
  process_start_ticks INTEGER,
  boot_id TEXT,
  executable_dev INTEGER,
  executable_inode INTEGER,
  engine TEXT,
  engine_config_path TEXT,
  socks_host TEXT,
  socks_port INTEGER,
  http_host TEXT,
  http_port INTEGER,
  shadowsocks_host TEXT,
  shadowsocks_port INTEGER,
  failure_reason TEXT,
  last_transition_reason_code TEXT,
  owner_kind TEXT NOT NULL CHECK (owner_kind IN ('cli', 'daemon')),
  owner_instance_id TEXT,
  started_at INTEGER,
  stopped_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL) STRICT;
CREATE INDEX runtime_sessions_config ON runtime_sessions (config_id);
CREATE INDEX runtime_sessions_live ON runtime_sessions (status, config_id)
  WHERE status IN ('starting', 'running', 'stopping');
CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  level INTEGER NOT NULL,
  source TEXT NOT NULL,
  kind TEXT NOT NULL,
  config_id INTEGER,
  session_id INTEGER,
  message TEXT NOT NULL,
  detail TEXT,
  created_at INTEGER NOT NULL) STRICT;
CREATE INDEX events_created ON events (created_at);
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO subscriptions (id, ref, source_kind, source_url, name, etag, created_at, updated_at,
    last_refreshed_at)
  VALUES (3, '00000000aaaa', 'url', 'https://example.net/sub?token=change-me', 'old', '"e"', 100, 200, 200);
INSERT INTO configs (id, ref, dedup_key, protocol, address, port, network, tls, sni, name, extensions_json, raw_config,
    imported_at, created_at, updated_at)
  VALUES (7, '0123456789ab', 'v2:0', 'vless', 'edge.example.net', 443, 'tcp', 'reality', 'www.example.com', 'Edge',
    '{"uuid":"00000000-0000-4000-8000-000000000001","public_key":"change-me-public-key"}', NULL, 100, 100, 100);
INSERT INTO subscription_configs VALUES (3, 7);
INSERT INTO runtime_sessions (id, config_id, status, owner_kind, started_at, created_at, updated_at)
  VALUES (5, 7, 'running', 'daemon', 100, 100, 100);
INSERT INTO settings VALUES ('acked', '12');
