/* The schema and how it came about. PRAGMA user_version counts the steps that a database has behind it; PRAGMA
 * application_id tells ours from others. Steps that were in a release are never changed: a new one is added.
 *
 *   subscriptions --< subscription_configs >-- configs --< connection_tests >-- connection_test_runs
 *                                                  |-- cooldowns (0 or 1)
 *                                                  `--< runtime_sessions (which stay when the node goes)
 *   events, settings, rotation_state (one row)
 *
 * Times are Unix milliseconds. A node is there while it is held: by a row of subscription_configs, or by_hand. */
#include <errno.h>

#include "store/sql.h"

enum { APPLICATION_ID = 0x78726174 }; /* "xrat" */

static const char step_1[] =
	"CREATE TABLE subscriptions (\n"
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
	"  ref TEXT NOT NULL UNIQUE,\n"
	"  source_kind TEXT NOT NULL CHECK (source_kind IN ('url', 'file', 'raw_text')),\n"
	"  source_url TEXT,\n"
	"  name TEXT,\n"
	"  etag TEXT,\n"
	"  last_modified TEXT,\n"
	"  last_error TEXT,\n"
	"  created_at INTEGER NOT NULL,\n"
	"  updated_at INTEGER NOT NULL,\n"
	"  last_refreshed_at INTEGER,\n"
	"  last_tried_at INTEGER) STRICT;\n"
	"CREATE UNIQUE INDEX subscriptions_source ON subscriptions (source_kind, source_url) WHERE source_url IS NOT NULL;\n"

	"CREATE TABLE configs (\n"
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
	"  ref TEXT NOT NULL UNIQUE,\n"
	"  dedup_key TEXT NOT NULL UNIQUE,\n"
	"  protocol TEXT NOT NULL,\n"
	"  address TEXT NOT NULL,\n"
	"  port INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),\n"
	"  network TEXT,\n"
	"  tls TEXT,\n"
	"  sni TEXT,\n"
	"  host TEXT,\n"
	"  path TEXT,\n"
	"  name TEXT,\n"
	"  extensions_json TEXT NOT NULL,\n"
	"  raw_config TEXT,\n"
	"  by_hand INTEGER NOT NULL DEFAULT 0 CHECK (by_hand IN (0, 1)),\n"
	"  is_enabled INTEGER NOT NULL DEFAULT 1 CHECK (is_enabled IN (0, 1)),\n"
	"  is_deleted INTEGER NOT NULL DEFAULT 0 CHECK (is_deleted IN (0, 1)),\n"
	"  deleted_by TEXT CHECK (deleted_by IN ('user', 'update')),\n"
	"  deleted_at INTEGER,\n"
	"  imported_at INTEGER NOT NULL,\n"
	"  created_at INTEGER NOT NULL,\n"
	"  updated_at INTEGER NOT NULL,\n"
	"  CHECK ((is_deleted = 1) = (deleted_at IS NOT NULL) AND (is_deleted = 1) = (deleted_by IS NOT NULL))) STRICT;\n"

	"CREATE TABLE subscription_configs (\n"
	"  subscription_id INTEGER NOT NULL REFERENCES subscriptions ON DELETE CASCADE,\n"
	"  config_id INTEGER NOT NULL REFERENCES configs ON DELETE CASCADE,\n"
	"  PRIMARY KEY (subscription_id, config_id)) STRICT, WITHOUT ROWID;\n"
	"CREATE INDEX subscription_configs_config ON subscription_configs (config_id);\n"

	"CREATE TABLE connection_test_runs (\n"
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
	"  kind TEXT NOT NULL,\n"
	"  created_at INTEGER NOT NULL) STRICT;\n"
	"CREATE TABLE connection_tests (\n"
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
	"  run_id INTEGER NOT NULL REFERENCES connection_test_runs ON DELETE CASCADE,\n"
	"  config_id INTEGER NOT NULL REFERENCES configs ON DELETE CASCADE,\n"
	"  attempt INTEGER NOT NULL,\n"
	"  tcp_ok INTEGER CHECK (tcp_ok IN (0, 1)),\n"
	"  tcp_ms INTEGER,\n"
	"  real_delay_ok INTEGER CHECK (real_delay_ok IN (0, 1)),\n"
	"  real_delay_ms INTEGER,\n"
	"  connect_ms INTEGER,\n"
	"  ttfb_ms INTEGER,\n"
	"  http_status INTEGER,\n"
	"  download_mbps REAL,\n"
	"  upload_mbps REAL,\n"
	"  failure_kind TEXT CHECK (failure_kind IN ('dns', 'timeout', 'refused', 'unreachable', 'permission_denied',\n"
	"    'tls', 'auth', 'process', 'proxy', 'unknown')),\n"
	"  failure_reason TEXT,\n"
	"  tested_at INTEGER NOT NULL) STRICT;\n"
	"CREATE INDEX connection_tests_latest ON connection_tests (config_id, tested_at DESC, id DESC);\n"
	"CREATE INDEX connection_tests_run ON connection_tests (run_id);\n"

	"CREATE TABLE runtime_sessions (\n"
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
	"  config_id INTEGER REFERENCES configs ON DELETE SET NULL,\n"
	"  status TEXT NOT NULL CHECK (status IN ('starting', 'running', 'stopping', 'stopped', 'failed')),\n"
	"  process_id INTEGER,\n"
	"  process_start_ticks INTEGER,\n"
	"  boot_id TEXT,\n"
	"  executable_dev INTEGER,\n"
	"  executable_inode INTEGER,\n"
	"  engine TEXT,\n"
	"  engine_config_path TEXT,\n"
	"  socks_host TEXT,\n"
	"  socks_port INTEGER,\n"
	"  http_host TEXT,\n"
	"  http_port INTEGER,\n"
	"  shadowsocks_host TEXT,\n"
	"  shadowsocks_port INTEGER,\n"
	"  failure_reason TEXT,\n"
	"  last_transition_reason_code TEXT,\n"
	"  owner_kind TEXT NOT NULL CHECK (owner_kind IN ('cli', 'daemon')),\n"
	"  owner_instance_id TEXT,\n"
	"  started_at INTEGER,\n"
	"  stopped_at INTEGER,\n"
	"  created_at INTEGER NOT NULL,\n"
	"  updated_at INTEGER NOT NULL) STRICT;\n"
	"CREATE INDEX runtime_sessions_config ON runtime_sessions (config_id);\n"
	"CREATE INDEX runtime_sessions_live ON runtime_sessions (status, config_id)\n"
	"  WHERE status IN ('starting', 'running', 'stopping');\n"

	"CREATE TABLE events (\n"
	"  id INTEGER PRIMARY KEY AUTOINCREMENT,\n"
	"  level INTEGER NOT NULL,\n"
	"  source TEXT NOT NULL,\n"
	"  kind TEXT NOT NULL,\n"
	"  config_id INTEGER,\n"
	"  session_id INTEGER,\n"
	"  message TEXT NOT NULL,\n"
	"  detail TEXT,\n"
	"  created_at INTEGER NOT NULL) STRICT;\n"
	"CREATE INDEX events_created ON events (created_at);\n"
	"CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;\n";

/* Rotation, and what subscription servers tell beside nodes. */
static const char step_2[] =
	"CREATE TABLE cooldowns (\n"
	"  config_id INTEGER PRIMARY KEY REFERENCES configs ON DELETE CASCADE,\n"
	"  failures INTEGER NOT NULL CHECK (failures > 0),\n"
	"  cooldown_until INTEGER NOT NULL,\n"
	"  last_failed_at INTEGER NOT NULL,\n"
	"  last_failed_reason TEXT) STRICT;\n"
	"CREATE TABLE rotation_state (\n"
	"  id INTEGER PRIMARY KEY CHECK (id = 1),\n"
	"  enabled INTEGER CHECK (enabled IN (0, 1)),\n"
	"  last_trigger TEXT,\n"
	"  last_result TEXT,\n"
	"  last_candidate_config_id INTEGER,\n"
	"  last_candidate_result TEXT,\n"
	"  last_rotated_at INTEGER,\n"
	"  next_timer_at INTEGER,\n"
	"  last_health_check_at INTEGER,\n"
	"  last_health_error TEXT,\n"
	"  consecutive_health_failures INTEGER NOT NULL DEFAULT 0,\n"
	"  pending_health_recovery INTEGER NOT NULL DEFAULT 0) STRICT;\n"
	"ALTER TABLE subscriptions ADD COLUMN user_agent TEXT;\n"
	"ALTER TABLE subscriptions ADD COLUMN upload INTEGER NOT NULL DEFAULT -1;\n"
	"ALTER TABLE subscriptions ADD COLUMN download INTEGER NOT NULL DEFAULT -1;\n"
	"ALTER TABLE subscriptions ADD COLUMN total INTEGER NOT NULL DEFAULT -1;\n"
	"ALTER TABLE subscriptions ADD COLUMN expire_at INTEGER NOT NULL DEFAULT -1;\n";

static const char *const steps[] = { step_1, step_2 };
enum { VERSION = sizeof(steps) / sizeof(*steps) };

struct identity {
	int64_t version, application, tables;
};

static int identify(struct store *s, struct identity *ret_id, struct err *e)
{
	int r = sql_int(s, SQL_VERSION, NULL, 0, &ret_id->version, e);

	if (!r)
		r = sql_int(s, SQL_APPLICATION, NULL, 0, &ret_id->application, e);
	if (!r)
		r = sql_int(s, SQL_TABLES, NULL, 0, &ret_id->tables, e);
	return r;
}

static int judge(struct store *s, const struct identity *id, struct err *e)
{
	bool blank = !id->application && !id->version && !id->tables;

	if (id->application == APPLICATION_ID && id->version > VERSION)
		return err_set(e, -EPROTO,
			"database '%s' was made by a newer xrat (schema %lld, this one knows up to %d); use that one, or "
			"another database", s->path, (long long)id->version, VERSION);
	if (!blank && (id->application != APPLICATION_ID || id->version < 1))
		return err_set(e, -ENOTUNIQ, "'%s' is a database of another program; name another file in [database] path",
			s->path);
	return 0;
}

/* Under the write lock, where nobody else can have done it in between. */
static int climb(struct store *s, struct err *e)
{
	struct identity id;
	struct buf text = { 0 };
	int r = identify(s, &id, e);

	if (!r)
		r = judge(s, &id, e);
	for (int64_t v = r ? VERSION : id.version; !r && v < VERSION; v++)
		r = sql_exec(s, steps[v], e);
	if (r)
		return r;
	buf_printf(&text, "PRAGMA application_id=%d; PRAGMA user_version=%d", APPLICATION_ID, VERSION);
	r = text.failed ? sql_fault(s, SQLITE_NOMEM, e) : sql_exec(s, text.p, e);
	buf_fini(&text);
	return r;
}

/* All of it as it was at one time: somebody else may be making the database just now. */
static int look(struct store *s, struct identity *ret_id, struct err *e)
{
	int r = sql_run(s, SQL_BEGIN_READ, NULL, 0, e);

	if (r)
		return r;
	r = identify(s, ret_id, e);
	if (!sqlite3_get_autocommit(s->db))
		sql_run(s, SQL_ROLLBACK, NULL, 0, NULL);
	return r ? r : judge(s, ret_id, e);
}

/* Kept in the file. For this one, SQLite does not wait for others by itself. */
static int set_wal(struct store *s, struct err *e)
{
	enum { TRIES = 500, PAUSE_MS = 10 };
	int r = -EBUSY;

	for (int i = 0; r == -EBUSY && i < TRIES; i++) {
		if (i)
			sqlite3_sleep(PAUSE_MS);
		r = sql_exec(s, "PRAGMA journal_mode=WAL", e);
	}
	return r;
}

int migrate_run(struct store *s, struct err *e)
{
	struct identity id;
	struct tx tx;
	int r = look(s, &id, e);

	if (r || id.version == VERSION)
		return r;
	/* Only now, as it writes to the file. */
	r = set_wal(s, e);
	if (!r)
		r = tx_begin(s, true, &tx, e);
	return r ? r : tx_end(&tx, climb(s, e), e);
}
