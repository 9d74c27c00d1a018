/* The snippet directory: known names are read and parsed, others warned about, what editors leave behind passed
 * over. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "compiler/load_impl.h"

bool load_is_left_behind(struct str name)
{
	static const char *const endings[] = { "~", ".swp", ".tmp", ".bak" };

	if (str_starts(name, ".") || str_is(name, "4913") ||
	    (name.len > 1 && *name.p == '#' && name.p[name.len - 1] == '#'))
		return true;
	for (size_t i = 0; i < sizeof(endings) / sizeof(*endings); i++)
		if (str_ends_nocase(name, endings[i]))
			return true;
	return false;
}

static int kind_of(struct str name)
{
	for (int k = 0; k < SNIPPET__N; k++)
		if (str_is(name, snippet_file_names[k]))
			return k;
	return -1;
}

/* "outbound.append.json" and "outbounds.json" are nearer to one name than a third of their length. */
static void warn_name(struct diag_sink *sink, const char *path, const char *name)
{
	const char *near = str_nearest(str_of(name), snippet_file_names, SNIPPET__N);
	struct diag *d = diag_add(sink, DIAG_XR223, (struct span){ load_source(sink, path, str_of(NULL)), 0, 0 },
				  "not the name of a snippet; the file is not read");

	if (near)
		diag_help(sink, d, "did you mean '%s'", near);
	else
		diag_help(sink, d, "rename it to one of the eight snippet names, or move it away");
}

static int load_one(struct arena *a, struct diag_sink *sink, int root_fd, const char *path, enum snippet_kind kind,
		    struct inputs *in, struct err *e)
{
	struct snippet *snippet = &in->snippets[kind];
	struct str bytes;
	int r = load_read(a, &in->log, root_fd, path, JSON_MAX_BYTES, &bytes);

	if (load_is_system(r))
		return err_sys(e, r, "read '%s'", path);
	if (r) {
		load_report(sink, path, r, DIAG_XR211);
		return 0;
	}
	if (!json_parse(a, sink, load_source(sink, path, bytes), false, &snippet->root))
		snippet_check(sink, kind, &snippet->root);
	return 0;
}

static bool is_directory(int root_fd, const char *path)
{
	struct stat st;

	return !fstatat(root_fd, path, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode);
}

static int report_dir(struct diag_sink *sink, const char *dir, struct span at, int r)
{
	struct diag *d;

	if (r == -ENOENT && !at.src)
		return 0;
	if (!at.src)
		at.src = load_source(sink, dir, str_of(NULL));
	if (r == -ENOENT) {
		d = diag_add(sink, DIAG_XR230, at, "the snippet directory '%s' does not exist", dir);
		diag_help(sink, d, "create it below CONFIG_ROOT, or correct the name");
	} else if (r == -EXDEV) {
		d = diag_add(sink, DIAG_XR228, at, "the snippet directory '%s' is not inside CONFIG_ROOT", dir);
		diag_help(sink, d, "name a directory below CONFIG_ROOT, relative to it and without '..'");
	} else {
		d = diag_add(sink, DIAG_XR229, at, "the snippet directory '%s' cannot be read: %s", dir,
			     load_reason(r));
		diag_help(sink, d, "make it a directory that the user who runs xrat may read");
	}
	return 0;
}

/* Stays here when memory is out: the descriptor must not be left open. */
static int list_open(struct arena *a, int fd, const char ***ret_names, size_t *ret_n)
{
	jmp_buf oom, *outer = arena_on_oom(a, &oom);
	int r = setjmp(oom) ? -ENOMEM : dir_list(a, fd, ret_names, ret_n, NULL);

	arena_on_oom(a, outer);
	return r;
}

int load_list(struct arena *a, int root_fd, const char *dir, const char ***ret_names, size_t *ret_n)
{
	int fd = dir_open_beneath(root_fd, dir, NULL), r;

	if (fd < 0)
		return fd;
	r = list_open(a, fd, ret_names, ret_n);
	close(fd);
	return r;
}

int load_snippets(struct arena *a, struct diag_sink *sink, int root_fd, const char *dir, struct span at,
		  struct inputs *in, struct err *e)
{
	const char **names = NULL;
	size_t n = 0;
	int r = load_list(a, root_fd, dir, &names, &n);

	in->log.dir = (struct input_dir){ .path = dir, .fault = r, .names = names, .n = n };
	if (load_is_system(r))
		return err_sys(e, r, "list '%s'", dir);
	if (r)
		return report_dir(sink, dir, at, r);
	for (size_t i = 0; i < n && !r; i++) {
		struct str name = str_of(names[i]);
		const char *path = str_is(str_of(dir), ".") ? names[i] : arena_printf(a, "%s/%s", dir, names[i]);
		int kind = kind_of(name);

		if (kind >= 0)
			r = load_one(a, sink, root_fd, path, (enum snippet_kind)kind, in, e);
		else if (!load_is_left_behind(name) && !is_directory(root_fd, path))
			warn_name(sink, path, names[i]);
	}
	return r;
}
