/* The store's place in the frame. */
#include <errno.h>

#include "daemon/ledger.h"

enum { START_PATIENCE_MS = 30 * 1000 };

/* Only a database that is made, or brought up to this version, has to be written: a daemon that ended for that would leave its
 * engines alone. */
static int open_store(struct daemon *d, struct err *e)
{
	const struct store_options o = { .flags = STORE_CHECK };
	int64_t until = clock_mono_ms() + START_PATIENCE_MS;
	int r;

	for (;;) {
		r = store_open(d->root_fd, d->database, &o, &d->store, e);
		if (r != -EBUSY || clock_mono_ms() >= until)
			return r;
		daemon_log(d, SEV_WARNING, "store", "%s; the daemon waits for it", err_text(e));
		err_fini(e);
		*e = (struct err){ 0 };
	}
}

int store_module_start(struct daemon *d, struct err *e)
{
	int r;

	d->database = arena_strdup(d->a, d->config->database.path.s);
	r = open_store(d, e);
	if (r)
		return r > 0 ? err_set(e, -ENOENT, "the database is missing") : r;
	store_set_busy(d->store, 0); /* the loop waits for nobody; ledger.h */
	store_leave_log(d->store);
	r = ledger_open(d);
	return r ? err_sys(e, r, "open the database") : 0;
}

void store_module_reloaded(struct daemon *d)
{
	if (!str_is(str_of(d->database), d->config->database.path.s))
		daemon_log(d, SEV_NOTE, NULL, "another database counts from the daemon's next start; until then it is '%s'", d->database);
}

void store_module_stop(struct daemon *d)
{
	ledger_stop(d, LEDGER_PATIENCE_MS);
}

bool store_module_is_stopped(const struct daemon *d)
{
	return ledger_is_empty(d);
}

bool store_module_may_be_replaced(const struct daemon *d)
{
	return ledger_is_empty(d);
}

void store_module_close(struct daemon *d)
{
	ledger_close(d);
}

void store_module_free(struct daemon *d)
{
	ledger_free(d);
	store_close(d->store);
	d->store = NULL;
}
