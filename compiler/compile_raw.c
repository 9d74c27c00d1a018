/* check --raw and the embedded engine: the stages behind merge, for one complete file. Apart from compile.c so that who needs
 * no more does not load what reads TOML. */
#include <errno.h>
#include <fcntl.h>

#include "compiler/compiler.h"

static int read_raw(struct arena *a, struct diag_sink *sink, const char *path, struct str bytes, struct compiled *c, struct err *e)
{
	struct value root = { 0 };
	uint32_t src;
	int r = bytes.p ? 0 : file_read(a, AT_FDCWD, path, JSON_MAX_BYTES, &bytes, e);

	if (r)
		return r;
	src = sources_add((struct sources *)diag_sources(sink), arena_strdup(a, path), bytes.p, (uint32_t)bytes.len);
	if (json_parse(a, sink, src, true, &root) > 1)
		return 0;
	xconf_from_value(a, &root, c->target, &c->merged.x);
	c->merged.x.at = (struct span){ src, 0, 0 };
	c->has_merged = true;
	c->has_checked = !validate(a, sink, &c->merged, &c->checked);
	return 0;
}

int compile_raw(struct arena *a, struct diag_sink *sink, const char *path, const struct compile_options *o,
		struct compiled *ret_c, struct err *e)
{
	jmp_buf oom, *volatile outer = arena_on_oom(a, NULL);
	int r;

	if (setjmp(oom)) {
		arena_on_oom(a, outer);
		return err_sys(e, -ENOMEM, "check '%s'", path);
	}
	arena_on_oom(a, &oom);
	*ret_c = (struct compiled){ .target = o->target ? target_find(str_of(o->target)) : target_default() };
	r = read_raw(a, sink, path, o->raw_bytes, ret_c, e);
	arena_on_oom(a, outer);
	return r;
}
