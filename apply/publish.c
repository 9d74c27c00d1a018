/* The publisher: build aside, make durable, have it checked, write down what will be done, one rename, write down that
 * it was done. Before that rename everything is undone on a failure; behind it nothing is. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apply/publish_impl.h"

enum { DIR_MODE = 0700, FILE_MODE = 0600 };

struct work {
	struct arena *a;
	const struct state *s;
	const struct publication *p;
	struct published *out;
	int dir; /* generations/ROLE */
	uint64_t number, lkg;
	bool foreign_lkg, foreign_live;
	uint64_t *kept;
	size_t kept_n;
	char name[GENERATION_NAME], staging[GENERATION_NAME + 8];
	bool begun, renamed; /* what there is to undo */
	struct audit line;
};

int publish_retire(const struct state *s, enum role role, uint64_t generation, struct err *e)
{
	char name[GENERATION_NAME], doomed[GENERATION_NAME + 8];
	int dir = s->generations_fd[role], r;

	generation_name(generation, name);
	generation_staging(generation, doomed);
	r = tree_remove(dir, doomed, e);
	if (r)
		return r;
	if (renameat(dir, name, dir, doomed) < 0)
		return errno == ENOENT ? 0 : err_sys(e, -errno, "rename generation %s away", name);
	return tree_remove(dir, doomed, e);
}

/* --- before anything is written --- */

/* Digest of what is live, for the audit; NULL when it cannot be told. */
static const char *digest_of(struct arena *a, const struct state *s, enum role role, uint64_t generation)
{
	struct meta m;

	return generation && !generation_meta(a, s, role, generation, &m, NULL) ? m.rendered_digest : NULL;
}

/* The next number, and everything that takes memory: behind the switch nothing may run out of it. */
static int look(struct work *w, struct err *e)
{
	enum role role = w->p->role;
	uint64_t highest;
	int r = generation_list(w->a, w->s, role, &w->kept, &w->kept_n, e);

	if (!r)
		r = generation_of_link_or_none(w->s, role, LINK_LIVE, &w->out->previous, &w->foreign_live, e);
	if (!r)
		r = generation_of_link_or_none(w->s, role, LINK_LKG, &w->lkg, &w->foreign_lkg, e);
	if (r)
		return r;
	highest = w->kept_n ? w->kept[w->kept_n - 1] : 0;
	highest = highest > w->out->previous ? highest : w->out->previous;
	w->number = w->out->generation = 1 + (highest > w->lkg ? highest : w->lkg);
	generation_name(w->number, w->name);
	generation_staging(w->number, w->staging);
	w->line = (struct audit){
		.action = w->p->action, .role = (int)role, .actor = w->p->actor, .generation = w->number,
		.request_id = w->p->meta->request_id, .new_digest = w->p->meta->rendered_digest,
		.old_digest = digest_of(w->a, w->s, role, w->out->previous),
	};
	return 0;
}

/* --- the generation --- */

static int make_staging(struct work *w, int *ret_fd, struct err *e)
{
	int r = tree_remove(w->dir, w->staging, e), fd;

	if (r)
		return r;
	if (mkdirat(w->dir, w->staging, DIR_MODE) < 0)
		return err_sys(e, -errno, "make directory '%s'", w->staging);
	fd = dir_open_own(w->dir, w->staging, e);
	if (fd < 0)
		return fd;
	if (fchmod(fd, DIR_MODE) < 0) {
		r = err_sys(e, -errno, "set the mode of '%s'", w->staging);
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static int fill(int fd, struct str xray, struct str meta, struct str map, struct err *e)
{
	int r = file_create_in(fd, PUBLISH_FILE, xray, FILE_MODE, e);

	if (!r)
		r = file_create_in(fd, "meta.json", meta, FILE_MODE, e);
	if (!r)
		r = file_create_in(fd, "map.json", map, FILE_MODE, e);
	return r ? r : dir_sync(fd, "the new generation", e);
}

static int stage(struct work *w, struct err *e)
{
	char now[CLOCK_TEXT];
	struct meta m = *w->p->meta;
	struct str text;
	int fd = -1, r;

	clock_text(now);
	m.generation = w->number;
	m.role = w->p->role;
	m.time = now;
	r = meta_text(w->a, &m, &text, e);
	if (!r)
		r = make_staging(w, &fd, e);
	if (r)
		return r;
	r = fill(fd, w->p->xray, text, w->p->map, e);
	close(fd);
	return r;
}

/* 0, PUBLISH_REFUSED, -errno. */
static int ask_engine(struct work *w, struct err *e)
{
	const struct target *t = target_find(str_of(w->p->meta->target));
	char *file = generation_file_path(w->a, w->s, w->p->role, w->staging, PUBLISH_FILE);
	int r;

	if (!t)
		return err_set(e, -EINVAL, "target '%s' is unknown", w->p->meta->target);
	r = w->p->check ? w->p->check(w->p->check_ctx, w->a, t, file, &w->out->words, e) : 2;
	w->out->no_engine = r == 2;
	return r < 0 ? r : r == 1 ? PUBLISH_REFUSED : 0;
}

/* --- the switch --- */

static int write_line(struct work *w, const char *phase, const char *result, const char *detail, struct err *e)
{
	struct audit line = w->line;

	line.phase = phase;
	line.result = result;
	line.detail = detail;
	line.is_new = !result;
	return audit_write(w->s, &line, e);
}

static int begin(struct work *w, struct err *e)
{
	const char *const *name = w->p->overrides;
	struct audit line = w->line;
	struct buf names = { 0 };
	int r = write_line(w, "begin", NULL, NULL, e);

	w->begun = !r;
	if (r || !name || !*name)
		return r;
	for (; *name; name++)
		buf_printf(&names, "%s%s", names.len ? ", " : "", *name);
	buf_putc(&names, 0);
	line.action = "override";
	line.detail = names.p;
	r = names.failed ? err_sys(e, -ENOMEM, "write 'audit.log'") : audit_write(w->s, &line, e);
	buf_fini(&names);
	return r;
}

/* The first live link of a role: the directories above it may have been made by a process that was killed before it had
 * synced them. From then on they are durable. */
static int sync_above(const struct state *s, struct err *e)
{
	int fd = dir_open_own(s->state_fd, "generations", e), r;

	if (fd < 0)
		return fd;
	r = dir_sync(fd, "generations", e);
	close(fd);
	if (!r)
		r = dir_sync(s->state_fd, ".state", e);
	return r ? r : dir_sync(s->root_fd, s->root, e);
}

static int name_generation(struct work *w, struct err *e)
{
	int r;

	w->renamed = true; /* even when the answer is an error it may have happened */
	if (renameat(w->dir, w->staging, w->dir, w->name) < 0)
		return err_sys(e, -errno, "rename '%s' to '%s'", w->staging, w->name);
	r = dir_sync(w->dir, role_names[w->p->role], e);
	return r || w->out->previous ? r : sync_above(w->s, e);
}

static int switch_live(const struct state *s, enum role role, uint64_t generation, bool *ret_switched, struct err *e)
{
	char target[GENERATION_TARGET];
	int r;

	generation_target(role, generation, target);
	r = link_switch(s->live_fd, target, generation_link_names[role], ret_switched, e);
	if (r && *ret_switched)
		err_wrap(e, "live leads to generation %04llu now, but a power cut could still undo that",
			 (unsigned long long)generation);
	return r;
}

static int go_live(struct work *w, struct err *e)
{
	int r = begin(w, e);

	if (!r)
		r = name_generation(w, e);
	/* The point of no return. */
	return r ? r : switch_live(w->s, w->p->role, w->number, &w->out->switched, e);
}

/* --- afterwards --- */

/* 1, 0, -errno. */
static int leads_to(const struct state *s, enum role role, enum which_link which, uint64_t generation)
{
	uint64_t to;
	bool foreign;
	int r = generation_of_link_or_none(s, role, which, &to, &foreign, NULL);

	return r ? r : to == generation;
}

/* The same of both links. A rename whose answer was an error can have happened all the same, and what a link leads to is
 * never removed. */
static int is_linked(const struct work *w)
{
	int r = leads_to(w->s, w->p->role, LINK_LIVE, w->number);

	return r ? r : leads_to(w->s, w->p->role, LINK_LKG, w->number);
}

/* What cannot be undone stays for publish_recover; the begin line then stays open. */
static void undo(struct work *w, const char *why)
{
	int r = w->renamed && !w->out->switched ? is_linked(w) : 0;

	if (r > 0)
		w->out->switched = true;
	if (r || w->out->switched)
		return;
	if (w->renamed)
		r = publish_retire(w->s, w->p->role, w->number, NULL) || dir_sync(w->dir, w->name, NULL);
	if (!r)
		r = tree_remove(w->dir, w->staging, NULL);
	if (!r && w->begun)
		write_line(w, "end", "failed", why, NULL);
}

/* Generations beyond those to keep, oldest first. A fault leaves one too many, which the next publish tries again. */
static void prune(const struct work *w)
{
	size_t others = 0;

	if (w->foreign_lkg)
		return;
	for (size_t i = 0; i < w->kept_n; i++)
		others += w->kept[i] != w->lkg;
	for (size_t i = 0; i < w->kept_n && others > w->p->keep; i++)
		if (w->kept[i] != w->lkg) {
			publish_retire(w->s, w->p->role, w->kept[i], NULL);
			others--;
		}
}

int publish(struct arena *a, const struct state *s, const struct publication *p, struct published *ret_published,
	    struct err *e)
{
	struct work w = { .a = a, .s = s, .p = p, .out = ret_published, .dir = s->generations_fd[p->role] };
	int r;

	*ret_published = (struct published){ 0 };
	r = look(&w, e);
	if (r)
		return r;
	r = stage(&w, e);
	if (!r)
		r = ask_engine(&w, e);
	if (!r)
		r = go_live(&w, e);
	if (r) {
		undo(&w, e && r < 0 ? err_text(e) : NULL);
		if (r < 0)
			err_wrap(e, "publish generation %s", w.name);
		return r;
	}
	ret_published->audit_incomplete = write_line(&w, "end", "published", NULL, NULL) != 0;
	prune(&w);
	return 0;
}

/* --- links to what is there already --- */

/* A kept generation whose bytes are those that were published: 0, -ENOENT, -EINVAL, -errno. */
static int verify(struct arena *a, const struct state *s, enum role role, uint64_t generation, struct meta *ret_meta,
		  struct err *e)
{
	char digest[DIGEST_TEXT];
	struct str bytes;
	int r = generation_meta(a, s, role, generation, ret_meta, e);

	if (!r)
		r = generation_bytes(a, s, role, generation, &bytes, e);
	if (r)
		return r;
	sha256_hex(bytes, 32, digest);
	if (!str_is(str_of(ret_meta->rendered_digest), digest))
		return err_set(e, -EINVAL, "generation %llu of the %s is damaged: its bytes are not those that were published",
			       (unsigned long long)generation, role_names[role]);
	return 0;
}

int publish_switch(struct arena *a, const struct state *s, enum role role, uint64_t generation, const char *action,
		   const struct actor *actor, const char *request_id, bool *ret_audit_incomplete, struct err *e)
{
	struct audit line = { .phase = "begin", .action = action, .role = (int)role, .actor = *actor,
			      .request_id = request_id, .generation = generation };
	uint64_t previous;
	bool foreign, switched = false, incomplete = false;
	struct meta m;
	int r = verify(a, s, role, generation, &m, e);

	if (!r)
		r = generation_of_link_or_none(s, role, LINK_LIVE, &previous, &foreign, e);
	if (r)
		return r;
	line.old_digest = digest_of(a, s, role, previous);
	line.new_digest = m.rendered_digest;
	r = audit_write(s, &line, e);
	if (r)
		return r;
	r = switch_live(s, role, generation, &switched, e);
	line.phase = "end";
	line.result = r ? "failed" : "switched";
	/* Switched but perhaps not durable: recovery switches again and writes the line. */
	if (!r || (!switched && !leads_to(s, role, LINK_LIVE, generation)))
		incomplete = audit_write(s, &line, NULL) != 0;
	if (ret_audit_incomplete)
		*ret_audit_incomplete = incomplete;
	return r;
}

int publish_promote(const struct state *s, enum role role, uint64_t generation, struct err *e)
{
	const struct audit line = { .action = "promote", .role = (int)role, .generation = generation,
				    .result = "last known good",
				    .actor = { .uid = getuid(), .program = "service" } };
	char target[GENERATION_TARGET];
	uint64_t lkg;
	bool foreign;
	int r = generation_of_link_or_none(s, role, LINK_LKG, &lkg, &foreign, e);

	if (r || lkg == generation)
		return r;
	r = generation_exists(s, role, generation);
	if (r)
		return err_sys(e, r, "promote generation %llu of the %s", (unsigned long long)generation,
			       role_names[role]);
	if (!lkg)
		r = dir_sync(s->state_fd, ".state", e);
	generation_target(role, generation, target);
	if (!r)
		r = link_switch(s->lkg_fd, target, generation_link_names[role], NULL, e);
	return r ? r : audit_write(s, &line, e);
}
