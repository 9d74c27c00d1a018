/* The loader: every input of a role, read beneath the root once, registered and parsed. It decides nothing about
 * content. A file that cannot be used is one diagnostic and the rest is read all the same. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "compiler/load_impl.h"
#include "compiler/session_impl.h"

static const char *const role_files[ROLE__N] = {
	[ROLE_CLIENT] = "xp2p-client.toml", [ROLE_SERVER] = "xp2p-server.toml"
};
static const char *const default_dirs[ROLE__N] = { [ROLE_CLIENT] = "config-client", [ROLE_SERVER] = "config-server" };

uint32_t load_source(struct diag_sink *sink, const char *path, struct str bytes)
{
	/* The sink only reads its sources; the compile that owns both adds to them. */
	struct sources *sources = (struct sources *)diag_sources(sink);

	return sources_add(sources, path, bytes.p ? bytes.p : "", (uint32_t)bytes.len);
}

bool load_is_system(int r)
{
	return r == -ENOMEM || r == -EMFILE || r == -ENFILE;
}

struct reason {
	int r;
	const char *text;
};
static const struct reason reasons[] = {
	{ -EACCES, "permission denied" }, { -EPERM, "permission denied" },
	{ -ENOENT, "no such file" },      { -ELOOP, "a symbolic link leads in a circle, or may not be followed" },
	{ -EIO, "input/output error" },   { -ENOTDIR, "not a directory" },
	{ -EISDIR, "it is a directory" }, { -ENOTSUP, "it is a FIFO, a socket or a device" },
	{ -EXDEV, "it leads out of CONFIG_ROOT" }, { -EFBIG, "it is too large" },
	{ -ENAMETOOLONG, "the name is too long" },
};

const char *load_reason(int r)
{
	const char *known = strerrordesc_np(-r);

	for (size_t i = 0; i < sizeof(reasons) / sizeof(*reasons); i++)
		if (reasons[i].r == r)
			return reasons[i].text;
	return known ? known : "unknown error";
}

void load_report(struct diag_sink *sink, const char *path, int r, enum diag_code too_large)
{
	struct span at = { load_source(sink, path, str_of(NULL)), 0, 0 };
	struct diag *d;

	if (r == -EFBIG) {
		d = diag_add(sink, too_large, at, "the file is larger than %d MiB",
			     (too_large == DIAG_XR103 ? TOML_MAX_BYTES : JSON_MAX_BYTES) >> 20);
		diag_help(sink, d, "move long lists into a geoip or geosite file, or into networks");
	} else if (r == -EISDIR || r == -ENOTSUP) {
		d = diag_add(sink, DIAG_XR221, at, "not a regular file: %s", load_reason(r));
		diag_help(sink, d, "put a regular file in its place, or remove it");
	} else if (r == -EXDEV) {
		d = diag_add(sink, DIAG_XR222, at, "a symbolic link leads out of CONFIG_ROOT");
		diag_help(sink, d, "copy the file into CONFIG_ROOT");
	} else if (r == -ENOENT || r == -ELOOP) {
		d = diag_add(sink, DIAG_XR220, at, "cannot be read: %s",
			     r == -ENOENT ? "a symbolic link to nothing" : load_reason(r));
		diag_help(sink, d, "put a regular file in its place, or remove it");
	} else {
		d = diag_add(sink, DIAG_XR220, at, "cannot be read: %s", load_reason(r));
		diag_help(sink, d, "make it readable for the user who runs xrat");
	}
}

int load_roles(int root_fd, struct err *e)
{
	struct stat st;
	int roles = 0;

	for (unsigned role = 0; role < ROLE__N; role++) {
		if (!fstatat(root_fd, role_files[role], &st, AT_SYMLINK_NOFOLLOW))
			roles |= 1 << role;
		else if (errno != ENOENT)
			return err_sys(e, -errno, "look for '%s'", role_files[role]);
	}
	return roles;
}

static bool exists(int root_fd, const char *path)
{
	struct stat st;

	return !fstatat(root_fd, path, &st, AT_SYMLINK_NOFOLLOW);
}

/* 0 (parsed, or refused with diagnostics and *ret_value untouched); -ENOENT; -errno of the system. */
static int load_toml(struct arena *a, struct diag_sink *sink, int root_fd, const char *path, struct input_log *log,
		     struct value *ret_value, struct err *e)
{
	struct str bytes;
	int r = load_read(a, log, root_fd, path, TOML_MAX_BYTES, &bytes);

	if (load_is_system(r) || (r == -ENOENT && !exists(root_fd, path)))
		return err_sys(e, r, "read '%s'", path);
	if (r) {
		load_report(sink, path, r, DIAG_XR103);
		return 0;
	}
	r = toml_parse(a, sink, load_source(sink, path, bytes), ret_value);
	return r < 0 ? err_sys(e, r, "read '%s'", path) : 0;
}

/* Where the snippets are: config_dir of the role's table. Anything but a plain text is the decoder's to report. */
static const char *snippet_dir(struct arena *a, const struct inputs *in, struct span *ret_at)
{
	const struct value *dir = value_get(value_get(&in->role_toml, role_names[in->role]), "config_dir");
	struct str text = dir && dir->kind == VAL_STRING ? value_str(dir) : str_of(NULL);

	*ret_at = SPAN_NONE;
	if (!dir || !text.len || memchr(text.p, 0, text.len))
		return default_dirs[in->role];
	*ret_at = dir->span;
	while (text.len > 1 && text.p[text.len - 1] == '/')
		text.len--;
	return arena_memdup(a, text.p, text.len);
}

int load_config(struct arena *a, struct diag_sink *sink, int root_fd, struct inputs *in, struct err *e)
{
	struct err mine = { 0 };
	int r = load_toml(a, sink, root_fd, "config.toml", &in->log, &in->config_toml, &mine);

	in->has_config = in->config_toml.kind != VAL_NONE;
	err_fini(&mine);
	return r && r != -ENOENT ? err_sys(e, r, "read 'config.toml'") : 0;
}

int load_inputs(struct arena *a, struct diag_sink *sink, int root_fd, enum role role, struct inputs *ret_in,
		struct err *e)
{
	struct inputs in = { .root = ret_in->root, .role = role };
	struct span at;
	const char *dir;
	int r = load_toml(a, sink, root_fd, role_files[role], &in.log, &in.role_toml, e);

	if (!r)
		r = load_config(a, sink, root_fd, &in, e);
	if (r)
		return r;
	dir = snippet_dir(a, &in, &at);
	r = load_snippets(a, sink, root_fd, dir, at, &in, e);
	if (!r)
		*ret_in = in;
	return r;
}
