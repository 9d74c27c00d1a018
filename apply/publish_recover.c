/* What a killed publish left. Every step can itself be killed and done again: leftovers are swept by name, a generation is
 * given a leftover's name before it goes, and the end line, which makes all of this unnecessary, comes last. */
#include <errno.h>

#include "apply/publish_impl.h"

struct job {
	struct arena *a;
	const struct state *s;
	enum role role;
	unsigned swept;
};

static int sweep_links(struct job *j, struct err *e)
{
	const char *name = generation_link_names[j->role];
	int live = link_sweep(j->s->live_fd, name, e), lkg = live < 0 ? 0 : link_sweep(j->s->lkg_fd, name, e);

	if (live < 0 || lkg < 0)
		return live < 0 ? live : lkg;
	j->swept += (unsigned)(live + lkg);
	return 0;
}

static int sweep_staging(struct job *j, struct err *e)
{
	int dir = j->s->generations_fd[j->role], r;
	const char **names = NULL;
	size_t n = 0;

	r = dir_list(j->a, dir, &names, &n, e);
	for (size_t i = 0; !r && i < n; i++) {
		if (!str_starts(str_of(names[i]), PUBLISH_STAGING))
			continue;
		r = tree_remove(dir, names[i], e);
		j->swept++;
	}
	return r;
}

/* Live leads to it. Whether its link is durable nobody knows (its fsync may be what failed), so it is made once more. */
static int complete(struct job *j, uint64_t generation, struct err *e)
{
	char target[GENERATION_TARGET];

	generation_target(j->role, generation, target);
	return link_switch(j->s->live_fd, target, generation_link_names[j->role], NULL, e);
}

/* It never went live. A kept one that a rollback was about to take stays. */
static int abandon(struct job *j, const struct audit *begun, bool foreign_live, struct err *e)
{
	uint64_t lkg;
	bool foreign_lkg;
	int r = generation_of_link_or_none(j->s, j->role, LINK_LKG, &lkg, &foreign_lkg, e);

	if (r || !begun->is_new || lkg == begun->generation || foreign_live || foreign_lkg)
		return r;
	r = publish_retire(j->s, j->role, begun->generation, e);
	/* Before the end line, which would let it stand if a power cut brought it back. */
	return r ? r : dir_sync(j->s->generations_fd[j->role], role_names[j->role], e);
}

static int finish(struct job *j, struct audit *begun, struct err *e)
{
	uint64_t live;
	bool foreign;
	int r = generation_of_link_or_none(j->s, j->role, LINK_LIVE, &live, &foreign, e);

	if (r)
		return r;
	begun->result = live == begun->generation ? "recovered" : "aborted";
	r = live == begun->generation ? complete(j, live, e) : abandon(j, begun, foreign, e);
	if (r)
		return r;
	begun->phase = "end";
	begun->is_new = false;
	actor_self(j->a, "recover", &begun->actor);
	j->swept++;
	return audit_write(j->s, begun, e);
}

static int finish_begun(struct job *j, struct err *e)
{
	struct audit last;
	int r = audit_last(j->a, j->s, j->role, &last, e);

	if (r)
		return r < 0 ? r : 0;
	return str_is(str_of(last.phase), "begin") ? finish(j, &last, e) : 0;
}

/* We never make a live link that leads nowhere; the next publish replaces it, until then it is only told. */
static int tell_dangling(struct job *j, struct err *e)
{
	struct audit line = { .action = "recover", .role = (int)j->role, .result = "live leads to nothing" };
	bool foreign;
	int r = generation_of_link_or_none(j->s, j->role, LINK_LIVE, &line.generation, &foreign, e);

	if (r)
		return r;
	if (foreign)
		line.result = "live is not a link to a generation";
	else if (!line.generation || generation_exists(j->s, j->role, line.generation) != -ENOENT)
		return 0;
	actor_self(j->a, "recover", &line.actor);
	return audit_write(j->s, &line, e);
}

int publish_recover(struct arena *a, const struct state *s, enum role role, unsigned *ret_swept, struct err *e)
{
	struct job j = { .a = a, .s = s, .role = role };
	int r = sweep_links(&j, e);

	*ret_swept = 0;
	if (!r)
		r = file_sweep(a, s->state_fd, &j.swept, e);
	if (!r)
		r = sweep_staging(&j, e);
	if (!r)
		r = finish_begun(&j, e);
	if (!r)
		r = tell_dangling(&j, e);
	if (r)
		err_wrap(e, "recover the %s", role_names[role]);
	else
		*ret_swept = j.swept;
	return r;
}
