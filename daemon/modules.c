/* The parts of the daemon, in the order in which they start. */
#include "daemon/frame.h"

const struct daemon_module daemon_modules[] = {
	{ .name = "store", .start = store_module_start, .free = store_module_free },
	{ .name = "pipeline", .start = pipeline_start, .reloaded = pipeline_reloaded, .stop = pipeline_stop,
	  .is_stopped = pipeline_is_stopped, .may_be_replaced = pipeline_may_be_replaced,
	  .close = pipeline_close, .free = pipeline_free },
};
const size_t daemon_modules_n = sizeof(daemon_modules) / sizeof(*daemon_modules);
