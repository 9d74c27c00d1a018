/* What every pipeline command starts with: the root, its roles, one compile. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/report.h"

const char *default_root(struct arena *a)
{
	static const char *const variables[] = { "XRAT_ROOT", "XP2P_CONFIG_ROOT" };
	const char *base;

	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
		base = getenv(variables[i]);
		if (base && *base)
			return base;
	}
	if (!geteuid())
		return "/etc/xrat";
	base = getenv("XDG_CONFIG_HOME");
	if (base && *base)
		return arena_printf(a, "%s/xrat", base);
	base = getenv("HOME");
	return arena_printf(a, "%s/.config/xrat", base ? base : "");
}

int workspace_no_role(struct arena *a, const struct invocation *inv, const char *root)
{
	if (inv->role != ROLE_AUTO)
		return out_fail(a, inv, EXIT_CONFIG, NULL,
				"'%s/xp2p-%s.toml' does not exist; 'xrat --root %s --role %s init' makes one", root,
				role_names[inv->role], root, role_names[inv->role]);
	return out_fail(a, inv, EXIT_CONFIG, NULL,
			"'%s' has neither xp2p-client.toml nor xp2p-server.toml; 'xrat --root %s init' makes a starter",
			root, root);
}

static unsigned live_roles(int root_fd)
{
	static const char *const links[ROLE__N] = { [ROLE_CLIENT] = ".state/live/config-client",
						    [ROLE_SERVER] = ".state/live/config-server" };
	struct stat st;
	unsigned roles = 0;

	for (unsigned role = 0; role < ROLE__N; role++)
		if (!fstatat(root_fd, links[role], &st, AT_SYMLINK_NOFOLLOW))
			roles |= 1u << role;
	return roles;
}

/* Also where there is no role. */
static int open_with(struct arena *a, const struct invocation *inv, unsigned (*more)(int root_fd),
		     struct workspace *ret_ws)
{
	struct err e = { 0 };
	int roles, r;

	ret_ws->root = inv->root ? inv->root : default_root(a);
	ret_ws->root_fd = dir_open(ret_ws->root, &e);
	if (ret_ws->root_fd == -ENOENT) {
		err_fini(&e);
		return workspace_no_role(a, inv, ret_ws->root);
	}
	roles = ret_ws->root_fd < 0 ? ret_ws->root_fd : load_roles(ret_ws->root_fd, &e);
	if (roles < 0) {
		r = out_fail(a, inv, EXIT_SYSTEM, NULL, "%s", err_text(&e));
		err_fini(&e);
		return r;
	}
	ret_ws->roles = (unsigned)roles;
	if (more)
		ret_ws->roles |= more(ret_ws->root_fd);
	if (inv->role != ROLE_AUTO)
		ret_ws->roles &= 1u << inv->role;
	return EXIT_DONE;
}

static int need_role(struct arena *a, const struct invocation *inv, const struct workspace *ws, int r)
{
	return r || ws->roles ? r : workspace_no_role(a, inv, ws->root);
}

int workspace_open(struct arena *a, const struct invocation *inv, struct workspace *ret_ws)
{
	return need_role(a, inv, ret_ws, open_with(a, inv, NULL, ret_ws));
}

int workspace_open_any(struct arena *a, const struct invocation *inv, struct workspace *ret_ws)
{
	return open_with(a, inv, live_roles, ret_ws);
}

int workspace_open_live(struct arena *a, const struct invocation *inv, struct workspace *ret_ws)
{
	return need_role(a, inv, ret_ws, workspace_open_any(a, inv, ret_ws));
}

void workspace_close(struct workspace *ws)
{
	if (ws->root_fd >= 0)
		close(ws->root_fd);
}

int workspace_one_role(struct arena *a, const struct invocation *inv, const struct workspace *ws, enum role *ret_role)
{
	if (ws->roles & (ws->roles - 1))
		return out_fail(a, inv, EXIT_USAGE, NULL,
				"both roles have a TOML file here; say which: 'xrat --role client %s' or --role server",
				inv->command->name);
	*ret_role = ws->roles & 1u << ROLE_SERVER ? ROLE_SERVER : ROLE_CLIENT;
	return EXIT_DONE;
}

int workspace_compile(struct arena *a, const struct invocation *inv, const struct workspace *ws, enum role role,
		      const struct compile_options *o, struct diag_sink **ret_sink, struct compiled *ret_c)
{
	struct diag_sink *sink = diag_sink_new(a, sources_new(a));
	struct err e = { 0 };
	int r = compile_root(a, sink, ws->root_fd, ws->root, role, o, ret_c, &e);

	if (r) {
		r = out_fail(a, inv, EXIT_SYSTEM, NULL, "%s", err_text(&e));
		err_fini(&e);
		return r;
	}
	diag_finish(sink, inv->strict);
	*ret_sink = sink;
	if (out_diags(inv, sink))
		return EXIT_SYSTEM;
	return diag_count(sink, SEV_ERROR) ? EXIT_CONFIG : EXIT_DONE;
}

int workspace_state(struct arena *a, const struct invocation *inv, const struct workspace *ws, bool writes,
		    struct state *ret_state)
{
	struct err e = { 0 };
	int r = writes ? state_open(ws->root, ws->root_fd, ret_state, &e) :
			 state_open_read(ws->root, ws->root_fd, ret_state, &e);

	if (!r)
		return EXIT_DONE;
	r = out_fail(a, inv, EXIT_SYSTEM, NULL, "%s", err_text(&e));
	err_fini(&e);
	return r;
}
