/* link: daemon model lib */
/* The codec of the daemon's protocol: both dialects, what is refused and how, and what a round trip keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "daemon/ipc.h"

struct t {
	struct arena *a;
	struct ipc_request q;
	struct ipc_reply refusal;
};

static int setup(void **state)
{
	static struct t t;

	t = (struct t){ .a = arena_new() };
	*state = &t;
	return t.a ? 0 : -1;
}

static int teardown(void **state)
{
	arena_free(((struct t *)*state)->a);
	return 0;
}

static int feed(struct t *t, const char *line)
{
	memset(&t->refusal, 0, sizeof(t->refusal));
	return ipc_read_request(t->a, str_of(line), &t->q, &t->refusal);
}

static const char *said(struct t *t, enum ipc_dialect dialect, enum ipc_method method, const struct ipc_reply *reply)
{
	struct buf out = { 0 };
	const char *text;

	ipc_write_reply(t->a, dialect, method, reply, &out);
	assert_false(out.failed);
	text = arena_memdup(t->a, out.p, out.len);
	buf_fini(&out);
	return text;
}

static void test_dialects(void **state)
{
	struct t *t = *state;

	assert_int_equal(feed(t, "{\"protocol_version\":1,\"request\":{\"type\":\"RuntimeConnect\",\"payload\":{\"config_id\":42}}}"), 0);
	assert_int_equal(t->q.dialect, IPC_PASCAL);
	assert_int_equal(t->q.method, IPC_RUNTIME_CONNECT);
	assert_true(t->q.config_id.is_set);
	assert_int_equal(t->q.config_id.n, 42);
	assert_null(t->q.config_ref);
	assert_int_equal(feed(t, "{\"protocol_version\":1,\"request\":{\"type\":\"runtime_connect\",\"config_id\":42}}"), 0);
	assert_int_equal(t->q.dialect, IPC_SNAKE);
	assert_int_equal(t->q.config_id.n, 42);
	/* Each spelling in the other one's shape. */
	assert_int_equal(feed(t, "{\"protocol_version\":1,\"request\":{\"type\":\"RuntimeConnect\",\"config_id\":7}}"), 0);
	assert_int_equal(t->q.dialect, IPC_PASCAL);
	assert_int_equal(t->q.config_id.n, 7);
	assert_int_equal(feed(t, "{\"protocol_version\":1,\"request\":{\"type\":\"runtime_connect\",\"payload\":{\"config_ref\":\"ab\"}}}"), 0);
	assert_string_equal(t->q.config_ref, "ab");
	assert_false(t->q.config_id.is_set);
	assert_int_equal(feed(t, "{\"protocol_version\":1,\"request\":{\"type\":\"DaemonPing\",\"payload\":null}}"), 0);
	assert_int_equal(feed(t, " {\"request\":{\"type\":\"daemon_ping\",\"new\":[1]},\"more\":2,\"protocol_version\":1}\r"), 0);
}

static void test_triggers(void **state)
{
	static const struct { const char *name; int trigger; } rows[] = {
		{ "manual", IPC_TRIGGER_MANUAL }, { "Manual", IPC_TRIGGER_MANUAL }, { "timer", IPC_TRIGGER_TIMER },
		{ "Timer", IPC_TRIGGER_TIMER }, { "health_check_failed", IPC_TRIGGER_HEALTH },
		{ "HealthCheckFailed", IPC_TRIGGER_HEALTH },
	};
	struct t *t = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(feed(t, arena_printf(t->a, "{\"protocol_version\":1,\"request\":{\"type\":\"RuntimeReplace\",\"payload\":"
						      "{\"trigger\":\"%s\",\"candidate_id\":null}}}", rows[i].name)), 0);
		assert_int_equal(t->q.trigger, rows[i].trigger);
		assert_false(t->q.candidate_id.is_set);
	}
	assert_int_equal(feed(t, "{\"protocol_version\":1,\"request\":{\"type\":\"runtime_replace\",\"trigger\":\"never\"}}"), 1);
	assert_non_null(strstr(t->refusal.message, "manual, timer, health_check_failed"));
}

static void test_refused(void **state)
{
	static const struct { const char *line; enum ipc_dialect dialect; const char *why; } rows[] = {
		{ "", IPC_PASCAL, "blank" },
		{ "hello", IPC_PASCAL, "bad request" },
		{ "[]", IPC_PASCAL, "not a JSON object" },
		{ "{}", IPC_PASCAL, "protocol_version" },
		{ "{\"protocol_version\":1}", IPC_PASCAL, "'request'" },
		{ "{\"protocol_version\":1,\"request\":7}", IPC_PASCAL, "'request'" },
		{ "{\"protocol_version\":1,\"request\":{}}", IPC_PASCAL, "'type'" },
		{ "{\"protocol_version\":1,\"request\":{\"type\":\"Nothing\"}}", IPC_PASCAL, "'type'" },
		{ "{\"protocol_version\":1,\"request\":{\"type\":\"nothing\"}}", IPC_SNAKE, "'type'" },
		{ "{\"protocol_version\":2,\"request\":{\"type\":\"daemon_ping\"}}", IPC_SNAKE, "version 2 (expected 1)" },
		{ "{\"protocol_version\":2,\"request\":{\"type\":\"DaemonPing\"}}", IPC_PASCAL, "version 2 (expected 1)" },
		{ "{\"protocol_version\":\"1\",\"request\":{\"type\":\"daemon_ping\"}}", IPC_SNAKE, "integer" },
		{ "{\"protocol_version\":1.5,\"request\":{\"type\":\"daemon_ping\"}}", IPC_SNAKE, "integer" },
		{ "{\"protocol_version\":1,\"request\":{\"type\":\"RuntimeConnect\"}}", IPC_PASCAL, "'config_id' is missing" },
		{ "{\"protocol_version\":1,\"request\":{\"type\":\"RuntimeConnect\",\"payload\":[]}}", IPC_PASCAL, "'payload'" },
		{ "{\"protocol_version\":1,\"request\":{\"type\":\"runtime_connect\",\"config_id\":\"7\"}}", IPC_SNAKE, "'config_id'" },
		{ "{\"protocol_version\":1,\"request\":{\"type\":\"runtime_connect\",\"config_id\":1e99}}", IPC_SNAKE, "'config_id'" },
		{ "{\"protocol_version\":1,\"request\":{\"type\":\"runtime_connect\",\"config_ref\":\"\"}}", IPC_SNAKE, "ref" },
		{ "{\"protocol_version\":1,\"request\":{\"type\":\"runtime_connect\",\"config_ref\":\"a\\u0000\"}}", IPC_SNAKE, "text" },
		{ "{\"protocol_version\":1,\"protocol_version\":1,\"request\":{\"type\":\"daemon_ping\"}}", IPC_PASCAL, "bad request" },
		{ "{\"protocol_version\":1,\"request\":{\"type\":\"daemon_\xff\"}}", IPC_PASCAL, "bad request" },
	};
	struct t *t = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(feed(t, rows[i].line), 1);
		assert_int_equal(t->q.dialect, rows[i].dialect);
		assert_int_equal(t->refusal.code, IPC_BAD_REQUEST);
		if (!strstr(t->refusal.message, rows[i].why))
			fail_msg("%s: %s", rows[i].line, t->refusal.message);
	}
}

static void test_codes(void **state)
{
	static const struct { enum ipc_code code; const char *pascal, *snake, *reason; } rows[] = {
		{ IPC_BAD_REQUEST, "400", "\"invalid_state\"", "protocol" },
		{ IPC_NOT_FOUND, "404", "\"not_found\"", "not_found" }, { IPC_BUSY, "409", "\"busy\"", "busy" },
		{ IPC_INVALID_STATE, "409", "\"invalid_state\"", "busy" },
		{ IPC_INTERNAL, "500", "\"internal_error\"", "system" },
	};
	struct t *t = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct ipc_reply reply = { .code = rows[i].code, .message = "no \"x\"\n" };

		assert_string_equal(said(t, IPC_PASCAL, IPC_DAEMON_PING, &reply),
				    arena_printf(t->a, "{\"protocol_version\":1,\"ok\":false,\"code\":%s,\"reason\":\"%s\",\"message\":\"no "
						 "\\\"x\\\"\\n\",\"payload\":null}\n", rows[i].pascal, rows[i].reason));
		assert_non_null(strstr(said(t, IPC_SNAKE, IPC_DAEMON_PING, &reply), rows[i].snake));
	}
}

/* Every reason comes back as what it was, whatever the code; one that is not known here, and none, are none. */
static void test_reasons(void **state)
{
	struct t *t = *state;
	struct ipc_request q;
	struct ipc_reply back;

	for (int i = IPC_REASON_NONE + 1; i < IPC_REASON__N; i++)
		for (int d = 0; d < IPC_DIALECT__N; d++) {
			const struct ipc_reply reply = { .code = IPC_BAD_REQUEST, .reason = (enum ipc_reason)i, .message = "no" };

			ipc_request_init(&q, (enum ipc_dialect)d, IPC_RUNTIME_CONNECT);
			assert_int_equal(ipc_read_reply(t->a, str_trim(str_of(said(t, q.dialect, q.method, &reply))), &q, &back, NULL,
							NULL), 0);
			assert_int_equal(back.reason, i);
		}
	assert_int_equal(ipc_read_reply(t->a, str_of("{\"ok\":false,\"code\":\"busy\",\"reason\":\"tired\"}"), &q, &back, NULL, NULL), 0);
	assert_int_equal(back.reason, IPC_REASON_NONE);
	assert_int_equal(ipc_read_reply(t->a, str_of("{\"ok\":false,\"code\":409}"), &q, &back, NULL, NULL), 0);
	assert_int_equal(back.reason, IPC_REASON_NONE);
	assert_int_equal(feed(t, "{\"protocol_version\":1,\"request\":{\"type\":\"runtime_connect\",\"config_ref\":\"\"}}"), 1);
	assert_int_equal(t->refusal.reason, IPC_REASON_ARGUMENT);
}

static void test_cut_words(void **state)
{
	struct t *t = *state;
	const struct ipc_reply reply = { .code = IPC_INTERNAL, .message = "a\xef\xbb \xc3\xa4 \xff" };

	assert_non_null(strstr(said(t, IPC_PASCAL, IPC_DAEMON_PING, &reply), "\"a?? \xc3\xa4 ?\""));
}

static void test_success(void **state)
{
	struct t *t = *state;
	struct ipc_reply reply;

	ipc_reply_init(&reply, IPC_RUNTIME_DISCONNECT);
	reply.disconnect = (struct ipc_disconnect){ .stopped_session = true, .session_id = { true, 3 }, .outcome = "Killed" };
	assert_string_equal(said(t, IPC_PASCAL, IPC_RUNTIME_DISCONNECT, &reply),
			    "{\"protocol_version\":1,\"ok\":true,\"code\":200,\"message\":\"success\",\"payload\":{\"stopped_session\":"
			    "true,\"session_id\":3,\"outcome\":\"Killed\"}}\n");
	ipc_reply_init(&reply, IPC_RUNTIME_REPLACE);
	reply.replace.trigger = IPC_TRIGGER_HEALTH;
	assert_non_null(strstr(said(t, IPC_PASCAL, IPC_RUNTIME_REPLACE, &reply), "\"HealthCheckFailed\""));
	assert_non_null(strstr(said(t, IPC_SNAKE, IPC_RUNTIME_REPLACE, &reply), "\"health_check_failed\""));
}

static void check_request(struct t *t, enum ipc_dialect dialect, enum ipc_method method)
{
	struct ipc_request q, *back = &t->q;
	struct buf out = { 0 };

	ipc_request_init(&q, dialect, method);
	q.config_id = (struct ipc_int){ true, 9 };
	q.trigger = IPC_TRIGGER_TIMER;
	q.candidate_ref = "0af";
	q.role = ROLE_SERVER;
	ipc_write_request(t->a, &q, &out);
	assert_int_equal(out.p[out.len - 1], '\n');
	assert_null(memchr(out.p, '\n', out.len - 1));
	assert_int_equal(ipc_read_request(t->a, (struct str){ out.p, out.len - 1 }, back, &t->refusal), 0);
	buf_fini(&out);
	assert_int_equal(back->dialect, dialect);
	assert_int_equal(back->method, method);
	if (method == IPC_RUNTIME_CONNECT)
		assert_int_equal(back->config_id.n, 9);
	if (method == IPC_RUNTIME_REPLACE)
		assert_true(back->trigger == IPC_TRIGGER_TIMER && !strcmp(back->candidate_ref, "0af"));
	if (method == IPC_APPLY_REQUEST)
		assert_int_equal(back->role, ROLE_SERVER);
}

static void check_reply(struct t *t, enum ipc_dialect dialect, enum ipc_method method)
{
	struct ipc_request q;
	struct ipc_reply reply, back;
	struct value payload, again;
	const char *line, *second;

	ipc_request_init(&q, dialect, method);
	ipc_reply_init(&reply, method);
	line = said(t, dialect, method, &reply);
	assert_int_equal(ipc_read_reply(t->a, str_trim(str_of(line)), &q, &back, &payload, NULL), 0);
	second = said(t, dialect, method, &back);
	assert_int_equal(ipc_read_reply(t->a, str_trim(str_of(second)), &q, &back, &again, NULL), 0);
	assert_string_equal(line, second);
	assert_true(value_equal(&payload, &again));
}

static void test_round_trip(void **state)
{
	for (int d = 0; d < IPC_DIALECT__N; d++)
		for (int m = 0; m < IPC_METHOD__N; m++) {
			check_request(*state, (enum ipc_dialect)d, (enum ipc_method)m);
			check_reply(*state, (enum ipc_dialect)d, (enum ipc_method)m);
		}
}

static void test_inbounds(void **state)
{
	static const struct ipc_inbound list[] = { { "socks", "127.0.0.1", 1080, "reachable" }, { "http", "::1", 8080, "not_checked" } };
	struct t *t = *state;
	struct ipc_request q;
	struct ipc_reply reply, back;

	ipc_request_init(&q, IPC_SNAKE, IPC_RUNTIME_CONNECT);
	ipc_reply_init(&reply, q.method);
	reply.connect = (struct ipc_connect){ .config_id = 1, .session_id = 2, .pid = 3, .inbounds = { list, 2 } };
	assert_int_equal(ipc_read_reply(t->a, str_trim(str_of(said(t, q.dialect, q.method, &reply))), &q, &back, NULL, NULL), 0);
	assert_int_equal(back.connect.inbounds.n, 2);
	assert_string_equal(back.connect.inbounds.v[1].host, "::1");
	assert_int_equal(back.connect.inbounds.v[1].port, 8080);
	assert_null(back.connect.name);
}

static void test_bad_replies(void **state)
{
	static const char *const lines[] = {
		"", "nonsense", "{}", "{\"ok\":true,\"code\":404}", "{\"ok\":true,\"code\":200}", "{\"ok\":1,\"code\":200,\"payload\":{}}",
		"{\"ok\":true,\"code\":\"great\",\"payload\":{}}", "{\"ok\":true,\"code\":200,\"payload\":{\"pid\":\"x\"}}",
	};
	struct t *t = *state;
	struct ipc_request q;
	struct ipc_reply reply;

	ipc_request_init(&q, IPC_PASCAL, IPC_DAEMON_PING);
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct err e = { 0 };

		assert_int_equal(ipc_read_reply(t->a, str_of(lines[i]), &q, &reply, NULL, &e), -EPROTO);
		assert_true(*err_text(&e));
		err_fini(&e);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_dialects, setup, teardown),
		cmocka_unit_test_setup_teardown(test_triggers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_codes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reasons, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut_words, setup, teardown),
		cmocka_unit_test_setup_teardown(test_success, setup, teardown),
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_inbounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_replies, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
