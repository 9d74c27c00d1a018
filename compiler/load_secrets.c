/* Secrets from the environment and from files. No secret ever stands in a message, and none is ever empty. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "compiler/load_impl.h"

enum { SECRET_MAX_BYTES = 64 * 1024 };

static bool is_key_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* The key whose value begins at p: "key = " before it. */
static struct str key_before(const char *begin, const char *p)
{
	const char *end;

	while (p > begin && memchr(" \t=\"'", p[-1], 5))
		p--;
	for (end = p; p > begin && is_key_char(p[-1]); p--)
		;
	return (struct str){ p, (size_t)(end - p) };
}

/* The decoder keeps the place alone; the operator's own text has the name. */
static struct str key_of(const struct diag_sink *sink, const struct secret *s)
{
	const struct source *src = sources_get(diag_sources(sink), s->at.src);

	return src && s->at.begin <= src->len ? key_before(src->bytes, src->bytes + s->at.begin) : str_of(NULL);
}

struct resolver {
	struct arena *a;
	struct diag_sink *sink;
	int root_fd;
	struct input_log *log;
	bool missing_is_warning;
};

static struct diag *complain(struct resolver *r, enum diag_code code, const struct secret *s, const char *source,
			     const char *why)
{
	struct str key = key_of(r->sink, s);
	const char *name = arena_printf(r->a, "%.*s%.*s%.*s", key.len > 0, "'", (int)key.len, key.len ? key.p : "",
					key.len > 0, "'");
	struct diag *d = diag_add(r->sink, code, s->at, "%s comes from %s '%s', which %s", *name ? name : "this secret",
				  source, s->ref, why);

	if (r->missing_is_warning && (code == DIAG_XR231 || code == DIAG_XR232))
		d->severity = SEV_WARNING;
	return d;
}

static const char *content_fault(struct str text)
{
	size_t bad;

	if (!text.len)
		return "is empty";
	if (memchr(text.p, 0, text.len))
		return "holds a NUL byte";
	return str_is_utf8(text, &bad) ? NULL : "is not UTF-8 text";
}

static bool resolve_env(struct resolver *r, struct secret *s)
{
	const char *value = getenv(s->ref), *fault = value ? content_fault(str_of(value)) : "is not set";

	if (fault) {
		diag_help(r->sink, complain(r, DIAG_XR231, s, "the environment variable", fault),
			  "set it in the environment of xrat, or use { file = \"PATH\" }");
		return false;
	}
	s->s = arena_strdup(r->a, value);
	return true;
}

static struct str without_line_end(struct str text)
{
	if (text.len && text.p[text.len - 1] == '\n')
		text.len--;
	else
		return text;
	if (text.len && text.p[text.len - 1] == '\r')
		text.len--;
	return text;
}

static void warn_open(struct resolver *r, const struct secret *s, int dir_fd)
{
	struct stat st;

	if (fstatat(dir_fd, s->ref, &st, 0) || !(st.st_mode & (S_IROTH | S_IWOTH)))
		return;
	diag_help(r->sink, complain(r, DIAG_XR234, s, "the file", "every user of this machine may open"),
		  "chmod 600 '%s'", s->ref);
}

static bool resolve_file(struct resolver *r, struct secret *s)
{
	int dir_fd = *s->ref == '/' ? AT_FDCWD : r->root_fd;
	const char *fault;
	struct str bytes;
	int got = load_read(r->a, r->log, r->root_fd, s->ref, SECRET_MAX_BYTES, &bytes);

	if (got && got != -EFBIG) {
		fault = got == -ENOENT ? "does not exist" : arena_printf(r->a, "cannot be read: %s", load_reason(got));
		diag_help(r->sink, complain(r, DIAG_XR232, s, "the file", fault), "%s",
			  *s->ref == '/' ? "create it, readable for the user who runs xrat alone"
					 : "create it below CONFIG_ROOT, readable for the user who runs xrat alone");
		return false;
	}
	if (!got)
		bytes = without_line_end(bytes);
	fault = got ? "is larger than 64 KiB" : content_fault(bytes);
	if (fault) {
		diag_help(r->sink, complain(r, DIAG_XR233, s, "the file", fault),
			  "write the secret alone into the file");
		return false;
	}
	warn_open(r, s, dir_fd);
	s->s = arena_memdup(r->a, bytes.p, bytes.len);
	return true;
}

void load_secrets(struct arena *a, struct diag_sink *sink, int root_fd, struct input_log *log,
		  const struct load_options *o, struct secret **secrets, uint32_t n)
{
	struct resolver r = { a, sink, root_fd, log, o->missing_secret_is_warning };

	for (uint32_t i = 0; i < n; i++) {
		struct secret *s = secrets[i];

		if (s->kind == SECRET_LITERAL)
			continue;
		s->missing = s->kind == SECRET_ENV ? !resolve_env(&r, s) : !resolve_file(&r, s);
		/* A stand-in for each, of a form that any credential has: no later stage complains about it. */
		if (s->missing)
			s->s = arena_printf(a, "00000000-0000-4000-8000-%012x", i);
	}
}
