/* The status file: from struct to JSON and back by one table of members. */
#include "service/status.h"

#include <errno.h>
#include <stddef.h>

enum kind { K_TEXT, K_NUMBER, K_COUNT, K_PID, K_BOOL };
static const struct row {
	const char *section; /* NULL = top level */
	const char *name;
	enum kind kind;
	size_t offset;
} rows[] = {
#define ROW(section, name, kind, member) { section, name, kind, offsetof(struct status, member) }
	ROW("service", "pid", K_PID, service_pid),
	ROW("service", "started", K_TEXT, service_started),
	ROW("desired", "digest", K_TEXT, desired.digest),
	ROW("desired", "state", K_TEXT, desired.state),
	ROW("desired", "reason", K_TEXT, desired.reason),
	ROW("desired", "since", K_TEXT, desired.since),
	ROW("live", "generation", K_NUMBER, live),
	ROW("live", "digest", K_TEXT, live_digest),
	ROW("last_known_good", "generation", K_NUMBER, lkg),
	ROW("last_known_good", "digest", K_TEXT, lkg_digest),
	ROW("engine", "state", K_TEXT, engine.state),
	ROW("engine", "reason", K_TEXT, engine.reason),
	ROW("engine", "since", K_TEXT, engine.since),
	ROW("engine", "pid", K_PID, engine.process.pid),
	ROW("engine", "start_ticks", K_NUMBER, engine.process.start_ticks),
	ROW("engine", "exe_device", K_NUMBER, engine.process.exe_dev),
	ROW("engine", "exe_inode", K_NUMBER, engine.process.exe_ino),
	ROW("engine", "generation", K_NUMBER, engine.generation),
	ROW("engine", "path", K_TEXT, engine.path),
	ROW("engine", "target", K_TEXT, engine.target),
	ROW("engine", "file", K_TEXT, engine.file),
	ROW("engine", "listening", K_TEXT, engine.listening),
	ROW("engine", "ownership_proved", K_BOOL, engine.ownership_proved),
	ROW("engine", "proved", K_BOOL, engine.proved),
	ROW("engine", "starts", K_COUNT, engine.starts),
	ROW("engine", "next_start", K_TEXT, engine.next_start),
	ROW("last_apply", "outcome", K_TEXT, last.outcome),
	ROW("last_apply", "generation", K_NUMBER, last.generation),
	ROW("last_apply", "request_id", K_TEXT, last.request_id),
	ROW("last_apply", "reason", K_TEXT, last.reason),
	ROW("last_apply", "time", K_TEXT, last.time),
	ROW("watcher", "polling", K_BOOL, polling),
	ROW("watcher", "warning", K_TEXT, warning),
#undef ROW
};
enum { ROWS = sizeof(rows) / sizeof(*rows) };

static struct value member_value(struct arena *a, const struct row *row, const struct status *s)
{
	const void *at = (const char *)s + row->offset;
	const char *text;

	switch (row->kind) {
	case K_TEXT:
		text = *(const char *const *)at;
		return text && *text ? value_string(arena_strdup(a, text), SPAN_NONE) : value_null(SPAN_NONE);
	case K_NUMBER:
		return *(const uint64_t *)at ? value_number(a, (int64_t)*(const uint64_t *)at, SPAN_NONE) :
					       value_null(SPAN_NONE);
	case K_PID:
		return *(const int *)at ? value_number(a, *(const int *)at, SPAN_NONE) : value_null(SPAN_NONE);
	case K_COUNT:
		return value_number(a, *(const unsigned *)at, SPAN_NONE);
	case K_BOOL:
		break;
	}
	return value_bool(*(const bool *)at, SPAN_NONE);
}

/* Sections stand together in the table, so each is put when the next begins. */
struct value status_value(struct arena *a, const struct status *s)
{
	struct value doc = value_object(SPAN_NONE), section = value_object(SPAN_NONE);
	char now[CLOCK_TEXT];

	clock_text(now);
	value_put_str(a, &doc, "schema_version", "1");
	value_put_str(a, &doc, "role", role_names[s->role]);
	value_put_str(a, &doc, "written", arena_strdup(a, now));
	for (size_t i = 0; i < ROWS; i++) {
		value_put(a, &section, rows[i].name, member_value(a, &rows[i], s));
		if (i + 1 == ROWS || !str_is(str_of(rows[i].section), rows[i + 1].section)) {
			if (str_is(str_of(rows[i].section), "engine"))
				value_put_str(a, &section, "boot_id", arena_strdup(a, s->engine.process.boot_id));
			value_put(a, &doc, rows[i].section, section);
			section = value_object(SPAN_NONE);
		}
	}
	return doc;
}

static char *file_name(struct arena *a, enum role role)
{
	return arena_printf(a, "status-%s.json", role_names[role]);
}

int status_write(struct arena *a, const struct state *s, const struct status *status, struct err *e)
{
	struct value doc = status_value(a, status);
	struct buf out = { 0 };
	int r;

	json_write(&out, &doc);
	r = out.failed ? err_sys(e, -ENOMEM, "write the status of the %s role", role_names[status->role]) :
			 file_write_atomic(s->state_fd, file_name(a, status->role), (struct str){ out.p, out.len }, 0600, e);
	buf_fini(&out);
	return r;
}

static void read_member(struct arena *a, const struct row *row, const struct value *v, struct status *out)
{
	void *at = (char *)out + row->offset;
	int64_t n = 0;

	if (v && v->kind == VAL_NUMBER && (value_int(v, &n) || n < 0))
		n = 0;
	switch (row->kind) {
	case K_TEXT:
		*(const char **)at = v && v->kind == VAL_STRING ? arena_memdup(a, v->text, v->len) : "";
		break;
	case K_NUMBER:
		*(uint64_t *)at = (uint64_t)n;
		break;
	case K_PID:
		*(int *)at = n < INT32_MAX ? (int)n : 0;
		break;
	case K_COUNT:
		*(unsigned *)at = (unsigned)n;
		break;
	case K_BOOL:
		*(bool *)at = v && v->kind == VAL_BOOL && v->truth;
		break;
	}
}

int status_read(struct arena *a, const struct state *s, enum role role, struct status *ret_status, struct err *e)
{
	struct diag_sink *sink = diag_sink_new(a, sources_new(a));
	struct sources *sources = (struct sources *)diag_sources(sink);
	const char *name = file_name(a, role);
	struct status out = { .role = role };
	struct value doc;
	struct str bytes, boot;
	int r;

	if (s->state_fd < 0)
		return -ENOENT;
	r = file_read(a, s->state_fd, name, JSON_MAX_BYTES, &bytes, e);
	if (r)
		return r;
	if (json_parse(a, sink, sources_add(sources, name, bytes.p, (uint32_t)bytes.len), false, &doc) ||
	    doc.kind != VAL_OBJECT)
		return err_set(e, -EINVAL, "'.state/%s' is damaged", name);
	for (size_t i = 0; i < ROWS; i++)
		read_member(a, &rows[i], value_get(value_get(&doc, rows[i].section), rows[i].name), &out);
	boot = value_get_str(value_get(&doc, "engine"), "boot_id");
	for (size_t i = 0; i < boot.len && i + 1 < BOOT_ID_TEXT; i++)
		out.engine.process.boot_id[i] = boot.p[i];
	*ret_status = out;
	return 0;
}
