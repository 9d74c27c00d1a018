#ifndef XRAT_CLI_OPTIONS_H
#define XRAT_CLI_OPTIONS_H
#include "cli/cli.h"
/* Options of single commands (the global ones are in cli.h). */
extern const struct option_row opt_strict, opt_exec, opt_raw, opt_target, opt_desired, opt_live, opt_output, opt_redact,
	opt_map, opt_exit_code, opt_from, opt_list, opt_dry_run, opt_wait, opt_to, opt_bundle_output, opt_with_secrets,
	opt_yes, opt_config, opt_control, opt_workers, opt_engine_user, opt_no_seccomp, opt_inbound, opt_network, opt_source, opt_user, opt_protocol, opt_resolve;
/* The row of `engine`, in the table of xrat and in that of xrat-engine. */
#define OPTIONS_ENGINE_ROW(run, words) \
	{ "engine", "run|check|stats|status|reload", 1, 1, run, \
	  (const struct option_row *const[]){ &opt_config, &opt_control, &opt_workers, &opt_engine_user, &opt_no_seccomp, NULL }, \
	  words, "the embedded engine", \
	  "'run' is the engine in the foreground, 'check' tells what of a file it would not run: both refuse a file with any " \
	  "key outside of what the engine does, each with its place. SIGHUP makes it read the file again; connections that " \
	  "are open go on as they began, and a file that is refused changes nothing. SIGTERM stops it: no new connections, and " \
	  "3 seconds for those that are open. 'stats', 'status' and 'reload' ask a running one over its control socket." }
#endif
