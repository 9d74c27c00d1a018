/* gen DIR: writes what the field tables make below DIR: schemas, starter TOML files and docs/configuration.md. */
#include "tools/gen.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/ipc.h"

static const struct gen_file files[] = {
	{ "xp2p-client", "The client role: where traffic goes.", &table_client_file },
	{ "xp2p-server", "The server role: what it accepts.", &table_server_file },
	{ "config", "Settings of this machine: engine, sessions, rotation, publishing.", &table_config_file },
};
enum { FILES_N = sizeof(files) / sizeof(files[0]) };

struct value gen_default(struct arena *a, const struct field *f)
{
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	struct value v = { .kind = VAL_NONE };

	/* Defaults are TOML texts that are JSON too: strings, numbers, booleans and lists of them. */
	if (f->def && json_parse(a, sink, sources_add(sources, f->name, f->def, (uint32_t)strlen(f->def)), false, &v))
		fprintf(stderr, "gen: default of '%s' cannot be read: %s\n", f->name, f->def);
	return v;
}

static int write_file(const char *dir, const char *folder, const char *name, struct buf *text)
{
	struct err e = { 0 };
	char path[4096];
	int r;

	snprintf(path, sizeof(path), "%s/%s", dir, folder);
	mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/%s/%s", dir, folder, name);
	r = file_write_atomic(AT_FDCWD, path, (struct str){ text->p, text->len }, 0644, &e);
	if (r)
		fprintf(stderr, "gen: %s\n", err_text(&e));
	err_fini(&e);
	buf_fini(text);
	*text = (struct buf){ 0 };
	return r;
}

static int write_xray_schema(struct arena *a, const char *dir, struct buf *out)
{
	struct value schema;

	xkeys_schema(a, &schema);
	json_write(out, &schema);
	return write_file(dir, "schemas", "xray.schema.json", out);
}

static int write_ipc_schema(struct arena *a, const char *dir, struct buf *out)
{
	struct value schema;

	ipc_schema(a, &schema);
	json_write(out, &schema);
	return write_file(dir, "schemas", "ipc.schema.json", out);
}

static int write_all(struct arena *a, const char *dir)
{
	struct buf out = { 0 };
	int r = 0;

	for (size_t i = 0; !r && i < FILES_N; i++) {
		gen_schema(a, &files[i], &out);
		r = write_file(dir, "schemas", arena_printf(a, "%s.schema.json", files[i].name), &out);
		if (r)
			break;
		gen_starter(a, &files[i], &out);
		r = write_file(dir, "templates", arena_printf(a, "%s.toml", files[i].name), &out);
	}
	if (!r)
		r = write_xray_schema(a, dir, &out);
	if (!r)
		r = write_ipc_schema(a, dir, &out);
	if (r)
		return r;
	buf_puts(&out,
		 "# Configuration files\n\nMade from the field tables in `model/`; do not edit.\n\n"
		 "A port may be an integer or a string of digits. Words are compared without case. A secret is a text, "
		 "`\"env:NAME\"`,\n`{ env = \"NAME\" }` or `{ file = \"PATH\" }`. A key set to zero or `\"\"` means "
		 "zero or "
		 "`\"\"`, never \"take the default\".\n");
	for (size_t i = 0; i < FILES_N; i++)
		gen_docs(a, &files[i], &out);
	return write_file(dir, "docs", "configuration.md", &out);
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new();
	int r;

	if (argc != 2 || !a) {
		fprintf(stderr, "usage: gen DIR\n");
		return 2;
	}
	r = write_all(a, argv[1]);
	arena_free(a);
	return r ? 1 : 0;
}
