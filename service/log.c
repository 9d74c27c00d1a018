/* Log lines of the service. Each is one write, so that lines of two processes do not mix. */
#include "service/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void add_json(struct buf *out, const char *level, const char *who, const char *text)
{
	char now[CLOCK_TEXT];

	clock_text(now);
	buf_printf(out, "{\"time\":\"%s\",\"level\":\"%s\"", now, level);
	if (who)
		buf_printf(out, ",\"role\":\"%s\"", who);
	buf_puts(out, ",\"message\":");
	json_write_string(out, str_of(text));
	buf_puts(out, "}\n");
}

void log_diagnostic(const struct log *l, const char *who, const struct value *diagnostic)
{
	struct buf out = { 0 };
	char now[CLOCK_TEXT];
	struct str severity = value_get_str(diagnostic, "severity");

	clock_text(now);
	buf_printf(&out, "{\"time\":\"%s\",\"level\":\"%.*s\",\"role\":\"%s\",\"message\":", now, (int)severity.len,
		   severity.p, who);
	json_write_string(&out, value_get_str(diagnostic, "message"));
	buf_puts(&out, ",\"diagnostic\":");
	json_write_compact(&out, diagnostic);
	buf_puts(&out, "}\n");
	if (l->json && !out.failed)
		(void)!write(STDERR_FILENO, out.p, out.len);
	buf_fini(&out);
}

static void add_text(struct buf *out, const char *level, const char *who, const char *text)
{
	buf_printf(out, "xrat: %s%s", who ? who : "", who ? ": " : "");
	if (!str_is(str_of(level), severity_name(SEV_NOTE)))
		buf_printf(out, "%s: ", level);
	for (; *text; text++)
		buf_putc(out, (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text);
	buf_putc(out, '\n');
}

static void put(const struct log *l, const char *level, const char *who, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));
static void put(const struct log *l, const char *level, const char *who, const char *fmt, va_list ap)
{
	struct buf out = { 0 };
	char *text = NULL;

	if (vasprintf(&text, fmt, ap) >= 0 && text)
		(l->json ? add_json : add_text)(&out, level, who, text);
	if (!out.failed && out.len)
		(void)!write(STDERR_FILENO, out.p, out.len);
	free(text);
	buf_fini(&out);
}

void log_line(const struct log *l, enum severity severity, const char *who, const char *fmt, ...)
{
	va_list ap;

	if (severity < l->from)
		return;
	va_start(ap, fmt);
	put(l, severity_name(severity), who, fmt, ap);
	va_end(ap);
}

void log_deep(const struct log *l, enum log_depth depth, const char *who, const char *fmt, ...)
{
	static const char *const names[] = { [LOG_PLAIN] = "note", [LOG_DEBUG] = "debug", [LOG_TRACE] = "trace" };
	va_list ap;

	if (depth > l->depth)
		return;
	va_start(ap, fmt);
	put(l, names[depth], who, fmt, ap);
	va_end(ap);
}
