/* Geodata files for the router. */
#include "cli/asset_files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { ASSET_MAX_BYTES = 512 * 1024 * 1024 };

struct asset_seen {
	struct route_dat *dat; /* NULL: there is none, or it cannot be read */
};
struct asset_files {
	struct arena *a;
	const char *dirs[4]; /* NULL-terminated */
	struct map *seen;    /* by name: struct asset_seen */
};

struct asset_files *asset_files_new(struct arena *a, const struct target *t)
{
	static const char *const variables[] = { "V2RAY_LOCATION_ASSET", "XRAY_LOCATION_ASSET" };
	bool v2ray = t && t->family == ENGINE_V2RAY;
	const char *family = engine_family_name(v2ray ? ENGINE_V2RAY : ENGINE_XRAY);
	struct asset_files *f = arena_new_of(a, struct asset_files);

	f->a = a;
	f->seen = map_new(a, 8);
	for (unsigned i = v2ray ? 0 : 1; i < 2; i++) {
		const char *dir = getenv(variables[i]);
		if (!dir || !*dir)
			continue;
		f->dirs[0] = arena_strdup(a, dir);
		return f;
	}
	f->dirs[0] = arena_printf(a, "/usr/local/share/%s", family);
	f->dirs[1] = arena_printf(a, "/usr/share/%s", family);
	return f;
}

static struct route_dat *read_file(struct asset_files *f, const char *name)
{
	struct route_dat *dat = NULL;
	const char *why;

	for (unsigned i = 0; !dat && f->dirs[i]; i++) {
		struct err e = { 0 };
		struct str bytes;

		if (!file_read(f->a, AT_FDCWD, arena_printf(f->a, "%s/%s", f->dirs[i], name), ASSET_MAX_BYTES, &bytes, &e))
			route_dat_open(f->a, bytes, &dat, &why); /* a damaged one is told where a rule names it */
		err_fini(&e);
	}
	return dat;
}

static struct route_dat *get(void *ctx, const char *name)
{
	struct asset_files *f = ctx;
	struct str key = { arena_strdup(f->a, name), strlen(name) };
	struct asset_seen *file = map_get(f->seen, key);

	if (!file) {
		file = arena_new_of(f->a, struct asset_seen);
		file->dat = read_file(f, name);
		map_put(f->seen, key, file);
	}
	return file->dat;
}

struct route_assets asset_files_for_route(struct asset_files *f)
{
	return (struct route_assets){ .get = get, .ctx = f };
}
