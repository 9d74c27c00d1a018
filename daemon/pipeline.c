/* The role pipeline of `watch`, run by the daemon: service/ on the daemon's loop. It holds service.lock, so there is either
 * a daemon or a `watch` for a root. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/frame.h"
#include "daemon/handover.h"

struct pipeline {
	struct service_options o;
	struct service *service;
	bool is_stopped;
};

static void on_stopped(void *ctx)
{
	struct daemon *d = ctx;

	d->pipeline->is_stopped = true;
	daemon_check(d);
}

int pipeline_start(struct daemon *d, struct err *e)
{
	struct pipeline *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return err_sys(e, -ENOMEM, "start the pipeline");
	d->pipeline = p;
	p->o = (struct service_options){ .root = d->root, .roles = d->o->roles, .target = d->o->target,
					 .quiet = d->o->quiet, .verbose = d->o->verbose, .json = d->o->json };
	r = service_open(&p->service, &d->loop, &p->o, handover_take_service_lock(d->handover), on_stopped, d, &d->holder, e);
	return r == SERVICE_BUSY ? DAEMON_BUSY : r;
}

/* The service reads config.toml by itself, with everything else. */
void pipeline_reloaded(struct daemon *d)
{
	service_reload(d->pipeline->service);
}

void pipeline_stop(struct daemon *d)
{
	service_stop(d->pipeline->service);
}

bool pipeline_is_stopped(const struct daemon *d)
{
	return d->pipeline->is_stopped;
}

bool pipeline_may_be_replaced(const struct daemon *d)
{
	return !service_is_working(d->pipeline->service);
}

int pipeline_lock_fd(const struct daemon *d)
{
	return d->pipeline && d->pipeline->service ? service_lock_fd(d->pipeline->service) : -1;
}

void pipeline_close(struct daemon *d)
{
	if (d->pipeline)
		service_close(d->pipeline->service);
}

void pipeline_free(struct daemon *d)
{
	if (!d->pipeline)
		return;
	service_free(d->pipeline->service);
	free(d->pipeline);
	d->pipeline = NULL;
}

/* --- ApplyRequest: into apply.request, where the service finds it --- */
struct asking {
	struct daemon *daemon;
	struct ipc_token token;
	unsigned roles; /* bits; in: asked for, 0 = all; out: those that were queued */
	char ids[ROLE__N][UUID_TEXT];
	char root[];
};

static int ask_role(struct arena *a, const struct state *s, enum role role, struct asking *ask, struct err *e)
{
	struct audit line = { .action = "request", .role = (int)role };
	char *id;
	int r = request_put(a, s, role, &id, e);

	if (r)
		return r;
	snprintf(ask->ids[role], UUID_TEXT, "%s", id);
	actor_self(a, "daemon", &line.actor);
	line.request_id = id;
	return audit_write(s, &line, e);
}

/* Descriptors are held meanwhile, so memory that runs out comes back here. */
static int ask_roles(struct arena *a, const struct state *s, struct asking *ask, struct err *e)
{
	jmp_buf oom, *outer = arena_on_oom(a, NULL);
	int r = 0;

	if (setjmp(oom)) {
		arena_on_oom(a, outer);
		return err_sys(e, -ENOMEM, "queue a request");
	}
	arena_on_oom(a, &oom);
	for (int role = 0; role < ROLE__N && !r; role++)
		if (ask->roles & 1u << role)
			r = ask_role(a, s, (enum role)role, ask, e);
	arena_on_oom(a, outer);
	return r;
}

static int run_asking(struct work *w, struct arena *a, void *ctx, struct err *e)
{
	struct asking *ask = ctx;
	struct state s;
	int root_fd = dir_open(ask->root, e), roles, r;

	(void)w;
	if (root_fd < 0)
		return root_fd;
	roles = load_roles(root_fd, e);
	r = roles < 0 ? roles : state_open(ask->root, root_fd, &s, e);
	if (!r) {
		ask->roles = (unsigned)roles & (ask->roles ? ask->roles : ~0u);
		r = ask_roles(a, &s, ask, e);
		state_close(&s);
	}
	close(root_fd);
	return r;
}

static void answer_asking(struct asking *ask, struct arena *a)
{
	struct ipc_reply reply;

	ipc_reply_init(&reply, IPC_APPLY_REQUEST);
	reply.apply.requests = value_array(SPAN_NONE);
	for (int role = 0; role < ROLE__N; role++) {
		struct value one = value_object(SPAN_NONE);

		if (!(ask->roles & 1u << role))
			continue;
		value_put_str(a, &one, "role", role_names[role]);
		value_put_str(a, &one, "request_id", ask->ids[role]);
		value_push(a, &reply.apply.requests, one);
	}
	ipc_answer(ask->daemon->ipc, ask->token, &reply);
}

static void on_asked(struct daemon *d, void *ctx, int r, struct err *e)
{
	struct asking *ask = ctx;
	struct arena *volatile a = arena_new();
	jmp_buf oom;

	if (r) {
		ipc_refuse(d->ipc, ask->token, IPC_INTERNAL, "%s", err_text(e));
	} else if (!ask->roles) {
		ipc_refuse(d->ipc, ask->token, IPC_NOT_FOUND, "there is no desired file of this role");
	} else if (!a || setjmp(oom)) {
		ipc_refuse(d->ipc, ask->token, IPC_INTERNAL, "queued, but memory is out");
	} else {
		arena_on_oom(a, &oom);
		answer_asking(ask, a);
	}
	arena_free(a);
	free(ask);
}

void pipeline_handle_apply(struct daemon *d, const struct ipc_request *q, struct ipc_token token)
{
	size_t len = strlen(d->root) + 1;
	struct asking *ask = calloc(1, sizeof(*ask) + len);
	struct work_spec spec = { .name = "apply request", .run = run_asking, .done = on_asked, .ctx = ask };
	int r = ask ? 0 : -ENOMEM;

	if (ask) {
		ask->daemon = d;
		ask->token = token;
		ask->roles = q->role >= 0 ? 1u << q->role : 0;
		memcpy(ask->root, d->root, len);
		r = work_start(d, &spec, NULL);
	}
	if (!r)
		return;
	free(ask);
	ipc_refuse(d->ipc, token, r == -EBUSY ? IPC_BUSY : IPC_INTERNAL, "apply request: %s", strerror(-r));
}

void pipeline_handle_status(struct daemon *d, const struct ipc_request *q, struct ipc_token token)
{
	struct arena *volatile a = arena_new();
	struct ipc_reply reply;
	struct value one;
	jmp_buf oom;

	if (!a || setjmp(oom)) {
		ipc_refuse(d->ipc, token, IPC_INTERNAL, "out of memory");
		arena_free(a);
		return;
	}
	arena_on_oom(a, &oom);
	ipc_reply_init(&reply, q->method);
	reply.apply_status.roles = value_array(SPAN_NONE);
	for (int role = 0; role < ROLE__N; role++)
		if ((q->role < 0 || q->role == role) &&
		    !service_role_status(d->pipeline->service, a, (enum role)role, &one))
			value_push(a, &reply.apply_status.roles, one);
	ipc_answer(d->ipc, token, &reply);
	arena_free(a);
}
