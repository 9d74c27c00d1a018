/* The parent's side of a reload: opens what an engine that has given up root may not. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/engine_impl.h"
#include "engine/listen.h"
#include "engine/parcel.h"
#include "engine/sock.h"

static int take_running(struct engine *en, const struct value *running)
{
	const struct value *list = value_get(running, "listeners"), *n = value_get(running, "workers");
	int64_t workers = 0;
	int r = !n || value_int(n, &workers) || workers < 1 || workers > UINT16_MAX || !list || list->kind != VAL_ARRAY ? -EPROTO : 0;

	en->n_workers = (unsigned)workers;
	for (uint32_t i = 0; !r && i < list->n; i++) {
		struct str network = value_get_str(&list->items[i], "network"), address = value_get_str(&list->items[i], "address");

		r = network.p && address.p ? listen_stub(en, network, address) : -EPROTO;
	}
	return r;
}

static int pack_file(struct parcel *p, const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), r = fd < 0 ? -errno : parcel_add(p, "file", "", fd);

	return r ? err_sys(e, r, "read '%s'", path) : 0;
}

/* The engine checks all of it again. */
static int pack(struct engine *en, const char *path, const struct value *running, struct parcel *p, struct err *e)
{
	const char *why;
	int r = take_running(en, running);

	if (r)
		return err_sys(e, r, "read the engine's status");
	r = pack_file(p, path, e);
	if (!r)
		r = engine_load(en, &en->conf, &why, e);
	if (!r)
		r = listen_prepare(en, en->conf, e);
	if (r)
		return r;
	r = listen_pack(en, p);
	return r ? err_sys(e, r, "pack the listeners") : 0;
}

int engine_pack(const struct engine_options *o, const char *path, const struct value *running, struct parcel **ret_parcel,
		struct err *e)
{
	struct parcel *p = calloc(1, sizeof(*p));
	struct engine en = { .o = o, .packing = p };
	int r = p ? pack(&en, path, running, p, e) : err_sys(e, -ENOMEM, "pack the reload");

	listen_pack(&en, &(struct parcel){ .n = PARCEL_MOST }); /* what is left: without room, it is closed */
	if (en.conf)
		conf_drop(en.conf);
	free(en.text);
	if (r)
		engine_free_parcel(p, ENGINE_PARCEL_UNSENT);
	else
		*ret_parcel = p;
	return r;
}

int engine_send_parcel(const struct parcel *p, int fd)
{
	return parcel_send(p, fd);
}

static void remove_socket(const char *text, enum engine_parcel fate)
{
	struct str name = str_of(text);

	if (str_is(str_cut(&name, ':'), "unix") && name.len && *name.p != '@' &&
	    (fate == ENGINE_PARCEL_UNSENT || sock_is_dead(name.p)))
		unlink(name.p);
}

void engine_free_parcel(struct parcel *p, enum engine_parcel fate)
{
	if (!p)
		return;
	for (unsigned i = 0; i < p->n; i++) { /* while we have them, somebody listens */
		if (p->fds[i] >= 0)
			close(p->fds[i]);
		p->fds[i] = -1;
	}
	for (unsigned i = 0; i < p->n && fate != ENGINE_PARCEL_TAKEN; i++)
		remove_socket(p->names[i], fate);
	parcel_fini(p);
	free(p);
}
