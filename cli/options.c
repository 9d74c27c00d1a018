/* The option rows: parsing, help, man page and completion read them. */
#include <stddef.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "route/route.h"

#define AT(field) offsetof(struct invocation, field)

static const char *const role_choices[] = { "client", "server", NULL };
static const char *const format_choices[] = { "text", "json", NULL };
static const char *const network_choices[] = { "tcp", "udp", NULL };
static const char *const color_choices[] = { "auto", "always", "never", NULL };

const struct option_row global_options[] = {
	{ "root", 0, OPT_TEXT, AT(root), "DIR", NULL, 0,
	  "CONFIG_ROOT; default $XRAT_ROOT, $XP2P_CONFIG_ROOT, /etc/xrat for root, ~/.config/xrat otherwise" },
	{ "role", 0, OPT_CHOICE, AT(role), NULL, role_choices, ROLE_CLIENT,
	  "which role; default the one whose TOML exists" },
	{ "format", 0, OPT_CHOICE, AT(format), NULL, format_choices, FORMAT_TEXT, "form of results and diagnostics" },
	{ "color", 0, OPT_CHOICE, AT(color), NULL, color_choices, COLOR_AUTO,
	  "colour in diagnostics; NO_COLOR is honoured" },
	{ "quiet", 'q', OPT_COUNT, AT(quiet), NULL, NULL, 0, "less on stderr: once errors alone, twice nothing" },
	{ "verbose", 'v', OPT_COUNT, AT(verbose), NULL, NULL, 0, "more on stderr: notes too" },
	{ "help", 'h', OPT_FLAG, AT(help), NULL, NULL, 0, "show help and exit" },
	{ "version", 0, OPT_FLAG, AT(version), NULL, NULL, 0, "show the version and exit" },
};
const size_t global_options_n = sizeof(global_options) / sizeof(*global_options);

const struct option_row opt_strict = { "strict", 0, OPT_FLAG, AT(strict), NULL, NULL, 0, "turn warnings into errors" };
const struct option_row opt_exec = { "exec", 0, OPT_FLAG, AT(exec), NULL, NULL, 0,
				     "also ask the engine's own checker, run as a process" };
const struct option_row opt_raw = { "raw", 0, OPT_TEXT, AT(raw), "FILE", NULL, 0,
				    "check one complete xray.json instead of the desired files" };
const struct option_row opt_target = { "target", 0, OPT_TEXT, AT(target), "TARGET", NULL, 0,
				       "engine and version to compile for; default from config.toml, else xray-26.7" };
const struct option_row opt_desired = { "desired", 0, OPT_FLAG, AT(desired), NULL, NULL, 0,
					"compile the desired files" };
const struct option_row opt_live = { "live", 0, OPT_FLAG, AT(live), NULL, NULL, 0, "the published file" };
const struct option_row opt_output = { "output", 0, OPT_TEXT, AT(output), "FILE", NULL, 0,
				       "write here, atomically and with mode 0600; - is stdout" };
const struct option_row opt_redact = { "redact", 0, OPT_FLAG, AT(redact), NULL, NULL, 0, "mask every secret" };
const struct option_row opt_map = { "map", 0, OPT_TEXT, AT(map), "FILE", NULL, 0,
				    "also write the origin of every object, as JSON" };
const struct option_row opt_exit_code = { "exit-code", 0, OPT_FLAG, AT(exit_code), NULL, NULL, 0,
					  "exit with 8 when something differs" };
const struct option_row opt_from = { "from", 0, OPT_TEXT, AT(from), "LINK", NULL, 0,
				     "a share link that becomes the first endpoint; - reads it from stdin" };
const struct option_row opt_list = { "list", 0, OPT_FLAG, AT(list), NULL, NULL, 0, "list all of them" };
const struct option_row opt_dry_run = { "dry-run", 0, OPT_FLAG, AT(dry_run), NULL, NULL, 0,
					"show what would change and publish nothing" };
const struct option_row opt_wait = { "wait", 0, OPT_SECONDS, AT(wait), "SECONDS", NULL, 60,
				     "where a service holds the root: wait for its verdict, at most so long (60)" };
const struct option_row opt_to = { "to", 0, OPT_NUMBER, AT(to), "GENERATION", NULL, 0,
				   "a kept generation, as history lists them" };
const struct option_row opt_bundle_output = { "output", 0, OPT_TEXT, AT(output), "FILE", NULL, 0,
					      "the archive to write (zip, mode 0600)" };
const struct option_row opt_with_secrets = { "with-secrets", 0, OPT_FLAG, AT(with_secrets), NULL, NULL, 0,
					     "mask nothing; asks first on a terminal" };
const struct option_row opt_yes = { "yes", 'y', OPT_FLAG, AT(yes), NULL, NULL, 0, "do not ask" };
const struct option_row opt_inbound = { "inbound", 0, OPT_TEXT, AT(inbound), "TAG", NULL, 0,
					"the inbound that the flow comes in by" };
const struct option_row opt_network = { "network", 0, OPT_CHOICE, AT(network), NULL, network_choices, ROUTE_TCP,
					"the flow's network; default tcp" };
const struct option_row opt_source = { "source", 0, OPT_TEXT, AT(source), "IP", NULL, 0, "the address it comes from" };
const struct option_row opt_user = { "user", 0, OPT_TEXT, AT(user), "NAME", NULL, 0, "the user (e-mail) it belongs to" };
const struct option_row opt_protocol = { "protocol", 0, OPT_TEXT, AT(protocol), "P", NULL, 0,
					 "what is sniffed in it: http, tls, quic, bittorrent" };
const struct option_row opt_resolve = { "resolve", 0, OPT_TEXT, AT(resolve), "IP", NULL, 0,
					"the addresses of the name, with commas, as the engine's DNS would answer" };
const struct option_row opt_config = { "config", 'c', OPT_TEXT, AT(config), "FILE", NULL, 0, "run, check: the xray.json" };
const struct option_row opt_control = { "control", 0, OPT_TEXT, AT(control), "PATH", NULL, 0,
					"the control socket; run makes it (default: none), mode 0600" };
const struct option_row opt_workers = { "workers", 0, OPT_NUMBER, AT(workers), "N", NULL, 0,
					"run: threads; default one for each core" };
const struct option_row opt_engine_user = { "user", 0, OPT_TEXT, AT(user), "NAME", NULL, 0,
					    "run: the user to become when the listeners are open" };
const struct option_row opt_no_seccomp = { "no-seccomp", 0, OPT_FLAG, AT(no_seccomp), NULL, NULL, 0,
					   "run: leave system calls unfiltered" };
