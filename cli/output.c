/* What goes to stdout and stderr. Data on stdout, diagnostics and progress on stderr. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

static const char *const error_codes[] = {
	[EXIT_DONE] = "none",
	[EXIT_CONFIG] = "invalid_configuration",
	[EXIT_USAGE] = "invalid_argument",
	[EXIT_SYSTEM] = "system_refused",
	[EXIT_BUSY] = "busy",
	[EXIT_ROLLED_BACK] = "rolled_back",
	[EXIT_NO_DAEMON] = "daemon_unreachable",
	[EXIT_NOT_FOUND] = "not_found",
	[EXIT_DIFFERENT] = "different",
	[EXIT_INTERRUPTED] = "interrupted",
};

int out_write(int fd, struct str bytes)
{
	while (bytes.len) {
		ssize_t n = write(fd, bytes.p, bytes.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes = str_skip(bytes, (size_t)n);
	}
	return 0;
}

int out_buf(int fd, struct buf *b)
{
	int r = b->failed ? -ENOMEM : out_write(fd, (struct str){ b->p, b->len });

	buf_fini(b);
	if (r == -ENOMEM) /* said without memory, because nothing else may be able to */
		out_write(STDERR_FILENO, STR("xrat: out of memory\n"));
	return r;
}

int out_result(struct arena *a, const struct invocation *inv, struct value result)
{
	struct value doc = value_object(SPAN_NONE);
	struct buf out = { 0 };
	int r;

	value_put_str(a, &doc, "schema_version", "1");
	value_put_str(a, &doc, "command", inv->command->name);
	value_put(a, &doc, "result", result);
	json_write(&out, &doc);
	r = out_buf(STDOUT_FILENO, &out);
	return r ? out_fail(a, inv, EXIT_SYSTEM, NULL, "write to stdout: %s", strerror(-r)) : EXIT_DONE;
}

/* The code, or EXIT_SYSTEM when the document did not get out. */
int out_fail_with(struct arena *a, const struct invocation *inv, enum exit_code code, struct value diagnostics,
		  struct value details, const char *msg)
{
	struct value doc = value_object(SPAN_NONE), error = value_object(SPAN_NONE);
	struct buf out = { 0 };

	value_put_str(a, &error, "code", error_codes[code]);
	value_put_str(a, &error, "message", msg);
	value_put(a, &error, "diagnostics", diagnostics);
	for (uint32_t i = 0; i < details.n_members; i++)
		value_put(a, &error, details.members[i].key, details.members[i].value);
	value_put_str(a, &doc, "schema_version", "1");
	value_put_str(a, &doc, "command", inv->command ? inv->command->name : "");
	value_put(a, &doc, "error", error);
	json_write(&out, &doc);
	return out_buf(STDERR_FILENO, &out) ? EXIT_SYSTEM : (int)code;
}

int out_fail_all(struct arena *a, const struct invocation *inv, enum exit_code code, const struct diag_sink *first,
		 const struct diag_sink *second)
{
	unsigned errors = diag_count(first, SEV_ERROR) + (second ? diag_count(second, SEV_ERROR) : 0);
	struct value all = diag_json(first, a), more = second ? diag_json(second, a) : value_array(SPAN_NONE);

	for (unsigned i = 0; i < more.n; i++)
		value_push(a, &all, more.items[i]);
	return out_fail_with(a, inv, code, all, (struct value){ 0 },
			 arena_printf(a, "the configuration has %u error%s", errors, errors == 1 ? "" : "s"));
}

int out_fail(struct arena *a, const struct invocation *inv, enum exit_code code, const struct diag_sink *sink,
	     const char *fmt, ...)
{
	va_list ap;
	char *msg;

	va_start(ap, fmt);
	msg = arena_vprintf(a, fmt, ap);
	va_end(ap);
	if (inv->format == FORMAT_JSON)
		return out_fail_with(a, inv, code, sink ? diag_json(sink, a) : value_array(SPAN_NONE),
				     (struct value){ 0 }, msg);
	if (inv->quiet > 1)
		return code;
	out_write(STDERR_FILENO, STR("xrat: "));
	out_write(STDERR_FILENO, str_of(msg));
	out_write(STDERR_FILENO, STR("\n"));
	return code;
}

bool out_color(const struct invocation *inv)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	if (inv->color != COLOR_AUTO)
		return inv->color == COLOR_ALWAYS;
	return (!no || !*no) && term && strcmp(term, "dumb") != 0 && isatty(STDERR_FILENO);
}

int out_diags(const struct invocation *inv, const struct diag_sink *sink)
{
	struct buf out = { 0 };

	if (inv->format == FORMAT_JSON || inv->quiet > 1)
		return EXIT_DONE;
	diag_print(sink, out_color(inv), inv->quiet ? SEV_ERROR : inv->verbose ? SEV_NOTE : SEV_WARNING, &out);
	return out_buf(STDERR_FILENO, &out) ? EXIT_SYSTEM : EXIT_DONE;
}
