/* After a start: a session that had been under way begins anew. */
#include "daemon/session_impl.h"

static void begin_again(struct sessions *all, int64_t node_id);

static void on_again(struct daemon *d, void *ctx, const struct session_result *r)
{
	struct sessions *all = ctx;
	int64_t fallback_id = all->fallback_id;

	all->fallback_id = 0;
	if (r->outcome == SESSION_OK)
		return;
	daemon_log(d, SEV_WARNING, NULL, "what was under way cannot be done: %s", r->why);
	if (fallback_id && !all->stopping && r->outcome != SESSION_CANCELLED)
		begin_again(all, fallback_id);
}

static void begin_again(struct sessions *all, int64_t node_id)
{
	sessions_connect(all->daemon, node_id, SESSION_AGAIN, on_again, all);
}

void session_resume(struct sessions *all, int64_t node_id, int64_t fallback_id)
{
	all->fallback_id = fallback_id;
	begin_again(all, node_id);
}
