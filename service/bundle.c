/* The driver: gather, learn, mask, verify, pack, write. Nothing is written before everything was verified. */
#include "service/bundle.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "service/bundle_impl.h"
#include "service/hooks.h"
#include "store/store.h"

/* --- what only a compile knows ------------------------------------------------------------------------------------ */
static void learn_secrets(struct bundle *b, struct secret *const *v, uint32_t n)
{
	for (uint32_t i = 0; b->mask && i < n; i++)
		if (v[i]->set && !v[i]->missing && v[i]->s)
			mask_secret(b->mask, str_of(v[i]->s));
}

/* Which engine it is, and every secret with its value. However broken the configuration is. */
static void compile(struct bundle *b, enum role role, bool wanted)
{
	const struct compile_options options = { .missing_secret_is_warning = true, .on_auto = hook_auto };
	struct diag_sink *sink = diag_sink_new(b->a, sources_new(b->a));
	struct compiled *c = arena_new_of(b->a, struct compiled);
	struct err e = { 0 };
	char *engine;

	if (compile_root(b->a, sink, b->root_fd, b->o->root, role, &options, c, &e) && wanted)
		bundle_problem(b, role_names[role], "the configuration cannot be compiled: %s", err_text(&e));
	err_fini(&e);
	learn_secrets(b, c->desired.secrets, c->desired.n_secrets);
	learn_secrets(b, c->config.secrets, c->config.n_secrets);
	if (!b->engine && wanted && !hook_find_engine(b->a, c, diag_sources(sink), &engine, NULL))
		b->engine = engine;
}

/* --- stages ------------------------------------------------------------------------------------------------------- */
static void gather(struct bundle *b)
{
	bundle_progress(b, "files");
	for (int role = 0; role < ROLE__N; role++) {
		bool wanted = b->o->roles & 1u << role;

		if (wanted || b->mask)
			compile(b, (enum role)role, wanted);
		if (!wanted && b->mask)
			bundle_learn_role(b, (enum role)role);
	}
	bundle_learn_store(b);
	bundle_gather_common(b);
	for (int role = 0; role < ROLE__N; role++)
		if (b->o->roles & 1u << role) {
			bundle_gather_role(b, (enum role)role);
			bundle_gather_outputs(b, (enum role)role);
		}
	bundle_gather_store(b);
	bundle_gather_logs(b);
	bundle_gather_machine(b);
}

static int mask_member(struct bundle *b, struct bundle_member *m, struct err *e)
{
	int r = b->mask ? mask_apply(b->mask, m->bytes, &m->ranges, &m->done) : 0;

	if (!r && b->mask)
		r = mask_verify(b->mask, (struct str){ m->done.p, m->done.len });
	if (r == -EPERM)
		return err_set(e, r, "a secret was left in '%s' after masking; no archive is written", m->name);
	return r ? err_sys(e, r, "mask '%s'", m->name) : 0;
}

static int mask_members(struct bundle *b, struct err *e)
{
	int r = 0;

	bundle_progress(b, "masking");
	for (unsigned i = 0; i < b->n && !r; i++)
		r = mask_member(b, &b->v[i], e);
	return r;
}

static struct value list_members(struct bundle *b)
{
	struct value all = value_array(SPAN_NONE);

	for (unsigned i = 0; i < b->n; i++) {
		const struct bundle_member *m = &b->v[i];
		struct str bytes = b->mask ? (struct str){ m->done.p, m->done.len } : m->bytes;
		struct value one = value_object(SPAN_NONE);
		char *digest = arena_alloc(b->a, 65);

		sha256_hex(bytes, 32, digest);
		value_put_str(b->a, &one, "name", m->name);
		value_put_int(b->a, &one, "size_bytes", (int64_t)bytes.len);
		value_put_str(b->a, &one, "sha256", digest);
		if (m->note)
			value_put_str(b->a, &one, "note", m->note);
		value_push(b->a, &all, one);
	}
	return all;
}

static void put_secrets(struct bundle *b, struct value *manifest)
{
	value_put_bool(b->a, manifest, "masked", b->mask);
	if (!b->mask)
		return;
	value_put_int(b->a, manifest, "masked_values", mask_count(b->mask));
	value_put_int(b->a, manifest, "masked_short_values", mask_count_short(b->mask));
	value_put_str(b->a, manifest, "masking",
		      "<secret-N> stands for a secret, the same number for the same one; <comment> for a comment. Secrets "
		      "under 4 bytes are masked where their key stands, not by value");
}

/* The last member: it describes the others as they are in the archive. */
static int put_manifest(struct bundle *b, struct err *e)
{
	struct value v = value_object(SPAN_NONE), roles = value_array(SPAN_NONE);
	unsigned before = b->n;

	for (int role = 0; role < ROLE__N; role++)
		if (b->o->roles & 1u << role)
			value_push(b->a, &roles, value_string(role_names[role], SPAN_NONE));
	value_put_str(b->a, &v, "schema_version", "1");
	value_put_str(b->a, &v, "xrat", XRAT_VERSION);
	value_put(b->a, &v, "roles", roles);
	put_secrets(b, &v);
	value_put(b->a, &v, "files", list_members(b));
	value_put(b->a, &v, "commands", b->ran);
	value_put(b->a, &v, "problems", b->problems);
	b->total = 0; /* it goes in however full the archive is */
	bundle_put_json(b, "manifest.json", &v);
	return b->n > before ? mask_member(b, &b->v[before], e) : err_sys(e, -ENOMEM, "write the manifest");
}

static void finish(struct bundle *b, struct bundle_result *ret_result)
{
	const char **names = arena_array(b->a, const char *, b->n);

	for (unsigned i = 0; i < b->n; i++)
		names[i] = b->v[i].name;
	*ret_result = (struct bundle_result){ .names = names, .n = b->n, .problems = b->problems,
					      .secrets = b->mask ? mask_count(b->mask) : 0 };
}

static int make(struct bundle *b, const char *path, struct bundle_result *ret_result, struct err *e)
{
	int r;

	if (!b->o->with_secrets)
		b->mask = mask_new(b->a, bundle_resolve, b);
	gather(b);
	r = mask_members(b, e);
	if (!r)
		r = put_manifest(b, e);
	if (!r)
		r = bundle_zip(b, e);
	if (!r)
		finish(b, ret_result);
	bundle_progress(b, "writing");
	return r ? r : file_write_out(path, (struct str){ b->zip.p, b->zip.len }, 0600, e);
}

static void fini(struct bundle *b)
{
	for (unsigned i = 0; i < b->n; i++) {
		mask_ranges_fini(&b->v[i].ranges);
		buf_fini(&b->v[i].done);
	}
	mask_free(b->mask);
	store_close(b->store);
	buf_fini(&b->zip);
	close(b->root_fd);
}

int bundle_write(struct arena *a, const char *path, const struct bundle_options *o, struct bundle_result *ret_result,
		 struct err *e)
{
	struct bundle *b = arena_new_of(a, struct bundle);
	jmp_buf oom, *volatile outer = NULL;
	int r;

	*b = (struct bundle){ .a = a, .o = o, .problems = value_array(SPAN_NONE), .ran = value_array(SPAN_NONE) };
	b->root_fd = dir_open(o->root, e);
	if (b->root_fd < 0)
		return b->root_fd;
	outer = arena_on_oom(a, &oom);
	r = setjmp(oom) ? err_sys(e, -ENOMEM, "make the archive") : make(b, path, ret_result, e);
	arena_on_oom(a, outer);
	fini(b);
	return r;
}
