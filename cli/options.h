#ifndef XRAT_CLI_OPTIONS_H
#define XRAT_CLI_OPTIONS_H
#include "cli/cli.h"
/* Options of single commands (the global ones are in cli.h). */
extern const struct option_row opt_strict, opt_exec, opt_raw, opt_target, opt_desired, opt_live, opt_output, opt_redact,
	opt_map, opt_exit_code, opt_from, opt_list, opt_dry_run, opt_wait, opt_to, opt_bundle_output, opt_with_secrets,
	opt_yes, opt_inbound, opt_network, opt_source, opt_user, opt_protocol, opt_resolve;
#endif
