/* The store's place in the frame. */
#include "store/store.h"

#include "daemon/frame.h"

int store_module_start(struct daemon *d, struct err *e)
{
	const struct store_options o = { .flags = STORE_CHECK };
	int r;

	d->database = arena_strdup(d->a, d->config->database.path.s);
	r = store_open(d->root_fd, d->database, &o, &d->store, e);
	return r > 0 ? err_set(e, -ENOENT, "the database is missing") : r;
}

void store_module_reloaded(struct daemon *d)
{
	if (!str_is(str_of(d->database), d->config->database.path.s))
		daemon_log(d, SEV_NOTE, NULL, "another database counts from the daemon's next start; until then it is '%s'", d->database);
}

void store_module_free(struct daemon *d)
{
	store_close(d->store);
	d->store = NULL;
}
