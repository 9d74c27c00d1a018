/* What the loop commits stands in the database's log; moving it from there into the database reads, writes and syncs far more than
 * a commit does, so it is work. Whoever else commits does that for itself. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/ledger_impl.h"

enum { MOVED_EVERY = 1000 }; /* pages */

struct checkpoint {
	struct ledger_log *log;
	int root_fd;
	char database[];
};

static int run(struct work *w, struct arena *a, void *ctx, struct err *e)
{
	const struct checkpoint *c = ctx;
	const struct store_options o = { .flags = STORE_NO_CREATE };
	struct store *s;
	int r = store_open(c->root_fd, c->database, &o, &s, e);

	(void)w;
	(void)a;
	if (r)
		return r;
	r = store_checkpoint(s, e);
	store_close(s);
	return r;
}

static void on_done(struct daemon *d, void *ctx, int r, struct err *e)
{
	struct checkpoint *c = ctx;

	c->log->is_moving = false;
	if (r < 0 && r != -EBUSY && r != -ECANCELED)
		daemon_log(d, SEV_WARNING, "store", "%s", err_text(e));
	free(c);
}

/* Where a reader keeps the log from beginning anew, it is moved again when it has grown as much again. */
void ledger_checkpoint(struct daemon *d, struct ledger_log *log)
{
	struct work_spec spec = { .name = "checkpoint", .run = run, .done = on_done };
	unsigned pages = store_log_pages(d->store);
	size_t len = strlen(d->database) + 1;
	struct checkpoint *c;

	if (pages < log->moved)
		log->moved = 0;
	if (log->is_moving || pages < log->moved + MOVED_EVERY || d->phase != DAEMON_READY)
		return;
	c = malloc(sizeof(*c) + len);
	if (!c)
		return;
	*c = (struct checkpoint){ log, d->root_fd };
	memcpy(c->database, d->database, len);
	spec.ctx = c;
	if (work_start(d, &spec, NULL)) {
		free(c);
		return;
	}
	log->is_moving = true;
	log->moved = pages;
}
