/* The store's place in the frame. */
#include "store/store.h"

#include "daemon/frame.h"

int store_module_start(struct daemon *d, struct err *e)
{
	const struct store_options o = { .flags = STORE_CHECK };
	int r = store_open(d->root_fd, d->config->database.path.s, &o, &d->store, e);

	return r > 0 ? err_set(e, -ENOENT, "the database is missing") : r;
}

void store_module_free(struct daemon *d)
{
	store_close(d->store);
	d->store = NULL;
}
