/* The driver of the pure stages. It goes as far as each stage lets it, so that one run reports every fault. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "compiler/compiler.h"
#include "compiler/pick.h"
#include "compiler/session_impl.h"

void compile_desired(struct arena *a, struct diag_sink *sink, const struct compile_options *o, struct compiled *c)
{
	struct base base = { 0 };
	unsigned told = diag_total(sink);

	base_build(a, sink, &c->desired, c->target, &base);
	if (merge_snippets(a, sink, &base, c->in.snippets, &c->desired.override, &c->merged))
		return;
	c->has_merged = true;
	validate(a, sink, &c->merged, &c->checked);
	load_check_files(a, sink, &c->in.log, &c->checked, &c->desired, o->missing_file_is_error ? SEV_ERROR : SEV_WARNING);
	diag_drop_repeats(sink, told);
	c->has_checked = !diag_count(sink, SEV_ERROR);
}

/* NULL after a diagnostic. */
static const struct target *choose(struct arena *a, struct diag_sink *sink, const struct compile_options *o,
				   struct compiled *c)
{
	c->is_auto = o->on_auto && pick_is_open(&c->config, o->target);
	return c->is_auto ? o->on_auto(o->on_auto_ctx, a, sink, &c->config) : pick_target(sink, &c->config, o->target);
}

static int compile_loaded(struct arena *a, struct diag_sink *sink, int root_fd, const struct compile_options *o,
			  struct compiled *c)
{
	const struct load_options load = { .missing_secret_is_warning = o->missing_secret_is_warning };
	const struct load_options machine = { .missing_secret_is_warning =
						      true }; /* sessions need them, a role does not */

	decode_config(a, sink, c->in.has_config ? &c->in.config_toml : NULL, &c->config);
	load_secrets(a, sink, root_fd, &c->in.log, &machine, c->config.secrets, c->config.n_secrets);
	c->target = choose(a, sink, o, c);
	if (!c->target) /* an error by now; the role's own faults are wanted all the same */
		c->target = target_default();
	if (!c->in.role_toml.kind || decode_role(a, sink, &c->in, &c->desired))
		return 0;
	load_secrets(a, sink, root_fd, &c->in.log, &load, c->desired.secrets, c->desired.n_secrets);
	normalize(a, sink, &c->desired, c->target);
	compile_desired(a, sink, o, c);
	return 0;
}

int compile_root(struct arena *a, struct diag_sink *sink, int root_fd, const char *root, enum role role,
		 const struct compile_options *o, struct compiled *ret_c, struct err *e)
{
	jmp_buf oom, *volatile outer = arena_on_oom(a, NULL);
	int r;

	if (setjmp(oom)) {
		arena_on_oom(a, outer);
		return err_sys(e, -ENOMEM, "compile the %s configuration", role_names[role]);
	}
	arena_on_oom(a, &oom);
	*ret_c = (struct compiled){ .in = { .root = root, .role = role }, .desired = { .role = role } };
	r = load_inputs(a, sink, root_fd, role, &ret_c->in, e);
	if (!r)
		r = compile_loaded(a, sink, root_fd, o, ret_c);
	arena_on_oom(a, outer);
	return r;
}
