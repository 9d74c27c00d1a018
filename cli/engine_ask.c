/* engine stats, status, reload: one line to the control socket of a running engine, one line back. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/cmd_engine.h"
#include "engine/engine.h"

enum { ANSWER_MAX = 64 * 1024 * 1024, WAIT_S = 30 };

/* A connected socket or -errno. */
static int reach(const char *path)
{
	const struct timeval wait = { .tv_sec = WAIT_S };
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd, r = 0;

	if (strlen(path) >= sizeof(to.sun_path))
		return -ENAMETOOLONG;
	memcpy(to.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) || connect(fd, (struct sockaddr *)&to, sizeof(to)))
		r = -errno;
	if (!r)
		return fd;
	close(fd);
	return r;
}

/* 0 or -errno. */
static int read_line(int fd, struct buf *line)
{
	char bytes[16 * 1024];

	while (!line->len || line->p[line->len - 1] != '\n') {
		ssize_t n = read(fd, bytes, sizeof(bytes));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (!n)
			return -ECONNRESET;
		buf_add(line, bytes, (size_t)n);
		if (line->failed || line->len > ANSWER_MAX)
			return line->failed ? -ENOMEM : -EMSGSIZE;
	}
	return 0;
}

static int send_command(int fd, const char *command)
{
	struct buf line = { 0 };
	int r;

	buf_printf(&line, "{\"command\":\"%s\"}\n", command);
	r = line.failed ? -ENOMEM : out_write(fd, (struct str){ line.p, line.len });
	buf_fini(&line);
	return r;
}

int engine_ask(const char *path, const char *command, const struct parcel *parcel, struct buf *ret_answer, bool *ret_asked)
{
	int fd = reach(path), r;

	if (fd < 0)
		return fd;
	r = command ? send_command(fd, command) : engine_send_parcel(parcel, fd);
	if (ret_asked)
		*ret_asked = !r;
	if (!r)
		r = read_line(fd, ret_answer);
	close(fd);
	return r;
}

static void print_value(struct buf *out, const char *key, size_t key_len, const struct value *v)
{
	if (v->kind == VAL_OBJECT) {
		for (uint32_t i = 0; i < v->n_members; i++)
			print_value(out, v->members[i].key, v->members[i].key_len, &v->members[i].value);
	} else if (v->kind == VAL_ARRAY) {
		for (uint32_t i = 0; i < v->n; i++) {
			buf_printf(out, "%.*s ", (int)key_len, key);
			json_write_compact(out, &v->items[i]);
			buf_putc(out, '\n');
		}
	} else
		buf_printf(out, "%.*s %.*s\n", (int)key_len, key, (int)v->len, v->text);
}

int engine_read_answer(struct arena *a, const struct invocation *inv, struct str line, struct value **ret_result)
{
	struct sources *sources = sources_new(a);
	struct value *reply = arena_new_of(a, struct value), *ok, *result;

	if (json_parse(a, diag_sink_new(a, sources), sources_add(sources, "answer", line.p, (uint32_t)line.len), false, reply))
		return out_fail(a, inv, EXIT_SYSTEM, NULL, "the engine's answer is no JSON");
	ok = value_get(reply, "ok");
	result = value_get(reply, "result");
	if (!ok || !ok->truth || !result) {
		struct str why = value_get_str(reply, "error");

		return out_fail(a, inv, EXIT_CONFIG, NULL, "%.*s", (int)why.len, why.p ? why.p : "");
	}
	*ret_result = result;
	return EXIT_DONE;
}

int engine_show_result(struct arena *a, const struct invocation *inv, const struct value *result)
{
	struct buf out = { 0 };

	if (inv->format == FORMAT_JSON)
		return out_result(a, inv, *result);
	print_value(&out, "", 0, result);
	return out_buf(STDOUT_FILENO, &out) ? EXIT_SYSTEM : EXIT_DONE;
}

int engine_cmd_ask(struct arena *a, const struct invocation *inv)
{
	struct buf answer = { 0 };
	struct value *result = NULL;
	int r;

	if (!inv->control)
		return out_fail(a, inv, EXIT_USAGE, NULL, "engine %s needs --control PATH, as the engine was started with",
				inv->operands[0]);
	r = engine_ask(inv->control, inv->operands[0], NULL, &answer, NULL);
	if (r)
		r = out_fail(a, inv, EXIT_SYSTEM, NULL, "ask the engine at '%s': %s", inv->control, strerror(-r));
	else
		r = engine_read_answer(a, inv, (struct str){ answer.p, answer.len }, &result);
	if (!r && result)
		r = engine_show_result(a, inv, result);
	buf_fini(&answer);
	return r;
}
