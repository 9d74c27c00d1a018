/* The parts of the daemon, in the order in which they start. */
#include "daemon/sessions.h"

const struct daemon_module daemon_modules[] = {
	{ .name = "store", .start = store_module_start, .reloaded = store_module_reloaded, .stop = store_module_stop,
	  .is_stopped = store_module_is_stopped, .may_be_replaced = store_module_may_be_replaced,
	  .close = store_module_close, .free = store_module_free },
	{ .name = "pipeline", .start = pipeline_start, .reloaded = pipeline_reloaded, .stop = pipeline_stop,
	  .is_stopped = pipeline_is_stopped, .may_be_replaced = pipeline_may_be_replaced,
	  .close = pipeline_close, .free = pipeline_free },
	{ .name = "sessions", .start = sessions_start, .reconcile = sessions_reconcile, .reloaded = sessions_reloaded,
	  .stop = sessions_stop, .is_stopped = sessions_is_stopped, .may_be_replaced = sessions_may_be_replaced,
	  .close = sessions_close, .free = sessions_free },
	{ .name = "health", .start = health_start, .reloaded = health_reloaded, .close = health_close, .free = health_free },
	{ .name = "rotation", .start = rotation_start, .reconcile = rotation_reconcile, .reloaded = rotation_reloaded,
	  .may_be_replaced = rotation_may_be_replaced, .close = rotation_close, .free = rotation_free },
};
const size_t daemon_modules_n = sizeof(daemon_modules) / sizeof(*daemon_modules);
