/* The command table. */
#include "cli/cli.h"
#include "cli/options.h"

#define OPTIONS(...) (const struct option_row *const[]){ __VA_ARGS__, NULL }

static const struct option_row *const no_options[] = { NULL };
static const char *const render_operands[] = { "xray", NULL };
static const char *const debug_operands[] = { "bundle", NULL };
static const char *const daemon_operands[] = { "start", "stop", "restart", "status", "install", "uninstall", "run-server",
						 NULL };
static const char *const list_operands[] = { "nodes", "subscriptions", NULL };
static const char *const kind_operands[] = { "node", "subscription", NULL };
static const char *const proxy_operands[] = { "start", "stop", "status", "rotate", NULL };
static const char *const rotate_operands[] = { "enable", "disable", "status", "now", NULL };
static const char *const shells[] = { "bash", "zsh", "fish", NULL };
static const char *const engine_operands[] = { "run", "check", "stats", "status", "reload", NULL };
static const char *const doc_pages[] = { "man", "diagnostics", "engine", NULL };

const struct command commands[] = {
	{ "init", "", 0, 0, cmd_init, OPTIONS(&opt_from), NULL, "write a starter tree",
	  "Writes the starter TOML with every option commented, blank snippets and their directories below "
	  "CONFIG_ROOT. Directories get mode 0700 and files 0600. A file that exists is never overwritten. With --from "
	  "a share link becomes the first endpoint." },
	{ "check", "", 0, 0, cmd_check, OPTIONS(&opt_strict, &opt_exec, &opt_raw, &opt_target), NULL,
	  "compile everything, print every diagnostic, write nothing",
	  "Compiles the desired files of every role that has one and reports all faults in one run, each with file, "
	  "line and column of the operator's own text. A secret whose variable or file is missing is a warning here "
	  "and an error for render." },
	{ "render", "xray", 1, 1, cmd_render,
	  OPTIONS(&opt_desired, &opt_live, &opt_output, &opt_target, &opt_redact, &opt_map), render_operands,
	  "print the exact bytes the engine would get, or has",
	  "Exactly one of --desired and --live says which. The result is always the plain Xray JSON, whatever "
	  "--format." },
	{ "diff", "[A B]", 0, 2, cmd_diff, OPTIONS(&opt_exit_code, &opt_target), NULL,
	  "what would change, by tag and ruleTag",
	  "Compares the published file with the desired one, or two complete files, and tells whether the change needs "
	  "a restart of the engine." },
	{ "why", "TAG|RULETAG|/POINTER", 1, 1, cmd_why, OPTIONS(&opt_target), NULL,
	  "where an object of the final file comes from",
	  "Names the file and line that an inbound, outbound, routing rule, balancer or section comes from." },
	{ "route", "DEST[:PORT]", 1, 1, cmd_route,
	  OPTIONS(&opt_inbound, &opt_network, &opt_source, &opt_user, &opt_protocol, &opt_resolve, &opt_target), NULL,
	  "which rule takes a flow, and why the earlier ones do not",
	  "Asks the rules of the desired files about one flow, as the engine would; no traffic is sent, and no name is "
	  "resolved: give addresses with --resolve where domainStrategy would ask for them. Geodata files are read from "
	  "where the engine looks for them. The reasons of 20 earlier rules are shown, with -v those of all." },
	{ "apply", "", 0, 0, cmd_apply, OPTIONS(&opt_dry_run, &opt_wait, &opt_strict, &opt_target), NULL,
	  "compile, check and publish atomically",
	  "Publishes itself when no service holds CONFIG_ROOT; else it queues a request for the service, and with --wait "
	  "returns the service's verdict. An unchanged result is reported as unchanged, and nothing is touched. With "
	  "--format json the result has 'changed', true or false. Where [runtime] engine is 'auto' it compiles for the "
	  "engine of this machine: xray, else v2ray, else builtin, which comes with xrat; so does watch." },
	{ "rollback", "", 0, 0, cmd_rollback, OPTIONS(&opt_to), NULL, "back to the last known good or a kept generation",
	  "What it leaves is not applied again until the desired files change or somebody asks for it with apply." },
	{ "history", "", 0, 0, cmd_history, no_options, NULL, "list the kept generations",
	  "Each with its time, who published it, and marks for live and last known good." },
	{ "watch", "", 0, 0, cmd_in_service, OPTIONS(&opt_target), NULL, "the service in the foreground",
	  "Watches the desired files, applies what settles, keeps the engine running, and goes back to the last known "
	  "good when a new one does not live. A broken edit never stops the engine." },
	{ "status", "", 0, 0, cmd_status, no_options, NULL, "what is desired, live and running",
	  "Read from the status files of the service; the engine's state is the last one a service saw." },
	{ "add", "LINK...|-", 1, MAX_OPERANDS, cmd_in_service, OPTIONS(&opt_lenient), NULL, "put in nodes by hand",
	  "Share links become nodes that no update takes away. A link on a command line can be read by others in the list of "
	  "processes; with - links are read from stdin. All links go in, or none when one of them cannot be read." },
	{ "import", "INPUT...", 1, MAX_OPERANDS, cmd_in_service,
	  OPTIONS(&opt_name, &opt_user_agent, &opt_lenient, &opt_import_yes, &opt_progress), NULL,
	  "put in what a subscription, a file or a text holds",
	  "INPUT is a URL, a file, - for stdin, or links themselves. It holds share links, base64 of them, SIP008, Xray JSON, "
	  "Clash YAML or what 'export --format json' wrote. A URL or a file becomes a subscription that 'update' reads again; "
	  "stdin and links do with --name alone, else their nodes are put in by hand. Entries that cannot be read are shown and "
	  "counted. Nodes that are there already are not put in twice." },
	{ "update", "[SUB...]", 0, MAX_OPERANDS, cmd_in_service, OPTIONS(&opt_lenient, &opt_import_yes, &opt_progress), NULL,
	  "fetch subscriptions again",
	  "All of them, or those that are named. Nodes that a subscription has no more are removed, those that are back are restored, "
	  "an empty answer removes nothing, and what would lose more than half of the nodes needs --yes. One that fails "
	  "does not stop the others; the exit code is the worst one." },
	{ "list", "[nodes|subscriptions]", 0, 1, cmd_in_service,
	  OPTIONS(&opt_enabled_only, &opt_deleted, &opt_all, &opt_subscription, &opt_node_protocol, &opt_sort, &opt_limit),
	  list_operands, "list nodes or subscriptions", "No secret is among what is shown. On a terminal the columns are made to fit." },
	{ "show", "[node|subscription] ID", 1, 2, cmd_in_service, OPTIONS(&opt_show_secrets), kind_operands,
	  "everything about a node or a subscription",
	  "ID is a number or the beginning of a ref. Without the word before it a node is meant, else a subscription." },
	{ "enable", "ID...", 1, MAX_OPERANDS, cmd_in_service, no_options, NULL, "let nodes be used again",
	  "By number or beginning of the ref. All of them, or none when one is not there." },
	{ "disable", "ID...", 1, MAX_OPERANDS, cmd_in_service, no_options, NULL, "keep nodes from being used",
	  "A disabled node is not tested, not connected to and no candidate of rotation; a session that runs on it goes on." },
	{ "remove", "[node|subscription] ID...", 1, MAX_OPERANDS, cmd_in_service, OPTIONS(&opt_hard, &opt_yes), kind_operands,
	  "remove nodes or subscriptions",
	  "A removed node is hidden until 'restore'; no update brings it back, 'add' and 'import' do. A "
	  "subscription is removed for good, and nodes that nobody else holds are removed with it. That and --hard ask first, or need --yes." },
	{ "restore", "ID...", 1, MAX_OPERANDS, cmd_in_service, no_options, NULL, "undo remove", "Of nodes that were not removed with --hard." },
	{ "purge", "", 0, 0, cmd_in_service, OPTIONS(&opt_yes), NULL, "remove for good what is removed",
	  "Asks first, or needs --yes. A node that a session runs on stays." },
	{ "export", "[ID...]", 0, MAX_OPERANDS, cmd_in_service,
	  OPTIONS(&opt_export_format, &opt_export_output, &opt_enabled_only, &opt_subscription, &opt_node_protocol, &opt_target),
	  NULL, "write nodes as links or configuration, with their secrets",
	  "All nodes, or those that are named. What links, base64 and json write 'import' reads back without a loss; xray and "
	  "sing-box write outbounds. Nodes that the form cannot hold are named on stderr and left out, and the exit code is 1." },
	{ "test", "[ID...]", 0, MAX_OPERANDS, cmd_in_service,
	  OPTIONS(&opt_concurrency, &opt_attempts, &opt_timeout, &opt_skip_tcp, &opt_skip_delay, &opt_url, &opt_test_all,
		  &opt_subscription, &opt_node_protocol, &opt_sort, &opt_target, &opt_progress), NULL,
	  "measure nodes: TCP connection, and a request through them",
	  "All enabled nodes, or those that are named. Results are stored as they come, also when it is stopped with Ctrl-C, "
	  "which is exit code 130. The table is in order of delay; P50 and P95 are the middle and the 95th percentile of the attempts. "
	  "Many nodes share one engine, which listens on 127.0.0.1 with an account made for this test." },
	{ "connect", "ID", 1, 1, cmd_in_service, no_options, NULL, "use a node, by number or beginning of its ref",
	  "The daemon starts an engine with this node and says where it listens. A session that runs already is replaced once "
	  "the new one is proved, unless [runtime] replace_active_session is false." },
	{ "disconnect", "", 0, 0, cmd_in_service, no_options, NULL, "end the session", "Its engine is stopped, within 5 s. A connect that is under way is cancelled." },
	{ "proxy", "start|stop|status|rotate", 1, 1, cmd_in_service, OPTIONS(&opt_id), proxy_operands,
	  "change nodes by timer and health, or now",
	  "'start' and 'stop' turn rotation on and off, 'status' tells how it stands, 'rotate' goes to the best other node, or "
	  "to the one of --id, when that has proved itself." },
	{ "rotate", "enable|disable|status|now", 1, 1, cmd_in_service, OPTIONS(&opt_id), rotate_operands,
	  "the same as proxy, by other names", "enable is start, disable is stop, now is rotate." },
	{ "daemon", "start|stop|restart|status|install|uninstall|run-server", 1, 1, cmd_in_service,
	  OPTIONS(&opt_log_file, &opt_target, &opt_unit_user, &opt_unit_system, &opt_unit_start, &opt_unit_dry_run),
	  daemon_operands, "the process behind connect, proxy and status",
	  "'start' checks config.toml and the local ports, starts the daemon and waits until it answers; 'run-server' is the daemon in the "
	  "foreground. It also does what 'watch' does for the desired files, so there is one or the other for a "
	  "CONFIG_ROOT. 'stop' ends the session and the engines with it; 'restart' (and SIGUSR2) replaces the daemon by the program that is "
	  "installed now, in the same process, and what runs goes on. SIGHUP reads config.toml again. 'install' writes a unit "
	  "for systemd." },
	{ "debug", "bundle", 1, 1, cmd_in_service, OPTIONS(&opt_bundle_output, &opt_with_secrets, &opt_yes), debug_operands,
	  "write a support archive",
	  "Desired files, state, nodes, sessions, logs, check and diff output, versions and sockets in one zip, secrets masked. It is "
	  "written even when the configuration is broken. With both roles and no --role there is one for each: "
	  "FILE-client.zip and FILE-server.zip." },
	OPTIONS_ENGINE_ROW(cmd_in_engine, engine_operands),
	{ "explain", "[CODE]", 0, 1, cmd_explain, OPTIONS(&opt_list), NULL, "what a diagnostic code means",
	  "Tells what a code means, an example that causes it, and how to fix it." },
	{ "schema", "[NAME]", 0, 1, cmd_schema, no_options, NULL, "print a JSON Schema, or their names",
	  "The schemas are generated from the tables that the decoder and the checker read." },
	{ "completion", "bash|zsh|fish", 1, 1, cmd_completion, no_options, shells, "print a completion script",
	  "For example: xrat completion bash > ~/.local/share/bash-completion/completions/xrat" },
	{ "docs", "man|diagnostics|engine", 1, 1, cmd_docs, no_options, doc_pages, "print a reference page",
	  "The manual page in mdoc, or in Markdown the list of diagnostic codes or the keys that the embedded engine reads." },
	{ "version", "", 0, 0, cmd_version, no_options, NULL, "print version and known targets",
	  "The targets are the engines and versions that xrat can compile for." },
	{ "help", "[COMMAND]", 0, 1, cmd_help, no_options, NULL, "print help", "Help for all commands, or for one." },
};
const size_t commands_n = sizeof(commands) / sizeof(*commands);

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < commands_n; i++)
		if (str_is(str_of(name), commands[i].name))
			return &commands[i];
	return NULL;
}
