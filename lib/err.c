/* System errors. The text is on the heap; when even that fails, the code alone speaks. */
#include "lib/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_text(struct err *e, char *text)
{
	free(e->text);
	e->text = text;
}

__attribute__((format(printf, 1, 0))) static char *format(const char *fmt, va_list ap)
{
	char *s = NULL;

	return vasprintf(&s, fmt, ap) < 0 ? NULL : s;
}

/* "head: tail" in a new string; takes head. */
static char *join(char *head, const char *tail)
{
	char *s = NULL;

	if (head && asprintf(&s, "%s: %s", head, tail) < 0)
		s = NULL;
	free(head);
	return s;
}

int err_sys(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return code;
	va_start(ap, fmt);
	put_text(e, join(format(fmt, ap), strerrordesc_np(-code)));
	va_end(ap);
	e->code = code;
	return code;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return code;
	va_start(ap, fmt);
	put_text(e, format(fmt, ap));
	va_end(ap);
	e->code = code;
	return code;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return 0;
	va_start(ap, fmt);
	put_text(e, join(format(fmt, ap), err_text(e)));
	va_end(ap);
	return e->code;
}

const char *err_text(const struct err *e)
{
	const char *known = e->code ? strerrordesc_np(-e->code) : NULL;

	return e->text ? e->text : known ? known : "unknown error";
}

void err_fini(struct err *e)
{
	free(e->text);
	*e = (struct err){ 0 };
}
