/* The option rows: parsing, help, man page and completion read them. */
#include <stddef.h>

#include "cli/cli.h"
#include "cli/options.h"
#include "route/route.h"

#define AT(field) offsetof(struct invocation, field)

static const char *const role_choices[] = { "client", "server", NULL };
static const char *const format_choices[] = { "text", "json", NULL };
static const char *const network_choices[] = { "tcp", "udp", NULL };
static const char *const sort_choices[] = { "id", "name", "address", "protocol", "delay", "download", "tested", NULL };
static const char *const export_choices[] = { "links", "base64", "xray", "json", "sing-box", NULL };
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
const struct option_row opt_log_file = { "log-file", 0, OPT_TEXT, AT(log_file), "FILE", NULL, 0,
					 "start, run-server: log here; default stderr, and for start CONFIG_ROOT/logs/daemon.log "
					 "unless stderr is a file" };
const struct option_row opt_unit_user = { "user", 0, OPT_FLAG, AT(is_user), NULL, NULL, 0,
					  "install, uninstall: for this user; the default for all but root" };
const struct option_row opt_unit_system = { "system", 0, OPT_FLAG, AT(is_system), NULL, NULL, 0,
					    "install, uninstall: for the system; the default for root" };
const struct option_row opt_unit_start = { "start", 0, OPT_FLAG, AT(start), NULL, NULL, 0, "install: start it too" };
const struct option_row opt_unit_dry_run = { "dry-run", 0, OPT_FLAG, AT(dry_run), NULL, NULL, 0,
					     "install, uninstall: show what would be done" };
const struct option_row opt_id = { "id", 0, OPT_TEXT, AT(id), "ID", NULL, 0,
				   "rotate, now: the node to go to, by number or beginning of its ref" };
const struct option_row opt_config = { "config", 'c', OPT_TEXT, AT(config), "FILE", NULL, 0, "run, check, reload: the xray.json" };
const struct option_row opt_control = { "control", 0, OPT_TEXT, AT(control), "PATH", NULL, 0,
					"the control socket; run makes it (default: none), mode 0600" };
const struct option_row opt_workers = { "workers", 0, OPT_NUMBER, AT(workers), "N", NULL, 0,
					"run: threads; default one for each core" };
const struct option_row opt_engine_user = { "user", 0, OPT_TEXT, AT(user), "NAME", NULL, 0,
					    "run: the user to become when the listeners are open" };
const struct option_row opt_no_seccomp = { "no-seccomp", 0, OPT_FLAG, AT(no_seccomp), NULL, NULL, 0,
					   "run: leave system calls unfiltered" };

/* --- nodes --- */
const struct option_row opt_name = { "name", 0, OPT_TEXT, AT(name), "NAME", NULL, 0, "the subscription's name" };
const struct option_row opt_user_agent = { "user-agent", 0, OPT_TEXT, AT(user_agent), "TEXT", NULL, 0,
					   "what to say to the server, now and at every update" };
const struct option_row opt_lenient = { "lenient", 0, OPT_FLAG, AT(lenient), NULL, NULL, 0,
					"keep parameters that are not understood, with a warning" };
const struct option_row opt_import_yes = { "yes", 'y', OPT_FLAG, AT(yes), NULL, NULL, 0,
					   "do not ask, also when more than half of a subscription's nodes would be lost" };
const struct option_row opt_progress = { "progress", 0, OPT_FLAG, AT(progress), NULL, NULL, 0,
					 "show progress on stderr, also where that is no terminal" };
const struct option_row opt_enabled_only = { "enabled-only", 0, OPT_FLAG, AT(enabled_only), NULL, NULL, 0,
					     "leave out what is disabled" };
const struct option_row opt_deleted = { "deleted", 0, OPT_FLAG, AT(deleted), NULL, NULL, 0, "the removed ones" };
const struct option_row opt_all = { "all", 0, OPT_FLAG, AT(all), NULL, NULL, 0, "the removed ones too" };
const struct option_row opt_subscription = { "subscription", 0, OPT_TEXT, AT(subscription), "SUB", NULL, 0,
					     "nodes of this subscription, by number or beginning of its ref" };
const struct option_row opt_node_protocol = { "protocol", 0, OPT_TEXT, AT(protocol), "P", NULL, 0,
					      "nodes of this protocol: vless, vmess, trojan, shadowsocks, socks, http, "
					      "hysteria2, wireguard" };
const struct option_row opt_sort = { "sort", 0, OPT_CHOICE, AT(sort), NULL, sort_choices, 1, "the order" };
const struct option_row opt_limit = { "limit", 0, OPT_NUMBER, AT(limit), "N", NULL, 0, "at most so many; 0 is all" };
const struct option_row opt_show_secrets = { "show-secrets", 0, OPT_FLAG, AT(show_secrets), NULL, NULL, 0,
					     "show passwords, keys, the link and the URL" };
const struct option_row opt_hard = { "hard", 0, OPT_FLAG, AT(hard), NULL, NULL, 0, "for good, with the results of tests" };
const struct option_row opt_export_format = { "format", 0, OPT_CHOICE, AT(export_format), NULL, export_choices, 1,
					      "the form; default links. sing-box is a preview" };
const struct option_row opt_export_output = { "output", 0, OPT_TEXT, AT(output), "FILE", NULL, 0,
					      "write here, atomically and with mode 0600; - is stdout" };
const struct option_row opt_concurrency = { "concurrency", 0, OPT_NUMBER, AT(concurrency), "N", NULL, 0,
					    "so many nodes at a time; default 16, at most 256" };
const struct option_row opt_attempts = { "attempts", 0, OPT_NUMBER, AT(attempts), "N", NULL, 0,
					 "try each node so often; default 1" };
const struct option_row opt_timeout = { "timeout", 0, OPT_NUMBER, AT(timeout_ms), "MS", NULL, 0,
					"for each connection and each request; default 5000 and 10000" };
const struct option_row opt_skip_tcp = { "skip-tcp", 0, OPT_FLAG, AT(skip_tcp), NULL, NULL, 0,
					 "go through the node at once, without a TCP connection to it before" };
const struct option_row opt_skip_delay = { "skip-delay", 0, OPT_FLAG, AT(skip_delay), NULL, NULL, 0,
					   "TCP connections alone; needs no engine" };
const struct option_row opt_url = { "url", 0, OPT_TEXT, AT(url), "URL", NULL, 0,
				    "what to fetch through each node; default [runtime.rotation] probe_url" };
const struct option_row opt_test_all = { "all", 0, OPT_FLAG, AT(all), NULL, NULL, 0, "disabled nodes too" };
