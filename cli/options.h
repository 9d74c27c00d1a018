#ifndef XRAT_CLI_OPTIONS_H
#define XRAT_CLI_OPTIONS_H
#include "cli/cli.h"
/* Options of single commands (the global ones are in cli.h). */
extern const struct option_row opt_strict, opt_exec, opt_raw, opt_target, opt_desired, opt_live, opt_output, opt_redact,
	opt_map, opt_exit_code, opt_from, opt_list, opt_dry_run, opt_wait, opt_to, opt_bundle_output, opt_with_secrets,
	opt_yes, opt_config, opt_control, opt_workers, opt_engine_user, opt_no_seccomp, opt_log_file, opt_unit_user,
	opt_unit_system, opt_unit_start, opt_unit_dry_run, opt_id, opt_inbound, opt_network, opt_source, opt_user, opt_protocol, opt_resolve, opt_name,
	opt_user_agent, opt_lenient, opt_import_yes, opt_progress, opt_enabled_only, opt_deleted, opt_all, opt_subscription,
	opt_node_protocol, opt_sort, opt_limit, opt_show_secrets, opt_hard, opt_export_format, opt_export_output,
	opt_concurrency, opt_attempts, opt_timeout, opt_skip_tcp, opt_skip_delay, opt_url, opt_test_all;
/* The row of `engine`, in the table of xrat and in that of xrat-engine. */
#define OPTIONS_ENGINE_ROW(run, words) \
	{ "engine", "run|check|stats|status|reload", 1, 1, run, \
	  (const struct option_row *const[]){ &opt_config, &opt_control, &opt_workers, &opt_engine_user, &opt_no_seccomp, NULL }, \
	  words, "the embedded engine", \
	  "'run' is the engine in the foreground, 'check' tells what of a file it would not run: both refuse a file with any " \
	  "key outside of what the engine does, each with its place. SIGHUP makes it read the file again; connections that " \
	  "are open go on as they began, and a file that is refused changes nothing. SIGTERM stops it: no new connections, and " \
	  "3 seconds for those that are open. 'stats', 'status' and 'reload' ask a running one over its control socket. " \
	  "'reload -c FILE' also opens what the file needs and hands it over, for an engine that has given up root (--user)." }
#endif
