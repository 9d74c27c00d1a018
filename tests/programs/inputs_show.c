/* link: links model lib */
/* Reads a text that holds nodes as `xrat import` would and prints its diagnostics: tests/inputs_show FILE. */
#include <fcntl.h>
#include <stdio.h>

#include "links/links.h"

static int count(void *data, const struct input_entry *entry)
{
	(void)entry;
	++*(unsigned *)data;
	return 0;
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new();
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	unsigned n = 0;
	struct input_options o = { .name = argc > 1 ? argv[1] : "", .yaml = inputs_yaml, .visit = count, .data = &n };
	struct input_summary summary;
	struct buf out = { 0 };
	struct err e = { 0 };
	struct str text;
	int errors = 0;

	if (argc != 2 || file_read(a, AT_FDCWD, argv[1], INPUT_MAX_BYTES, &text, &e)) {
		fprintf(stderr, "%s\n", argc != 2 ? "one file" : err_text(&e));
		return 2;
	}
	if (inputs_read(a, sink, sources, text, &o, &summary) < 0)
		return 2;
	diag_finish(sink, false);
	diag_print(sink, false, SEV_NOTE, &out);
	errors = (int)diag_count(sink, SEV_ERROR);
	fprintf(stderr, "%.*s", (int)out.len, out.p ? out.p : "");
	printf("%u nodes\n", n);
	buf_fini(&out);
	arena_free(a);
	return errors ? 1 : 0;
}
