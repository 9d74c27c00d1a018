#ifndef XRAT_CLI_H
#define XRAT_CLI_H
/* The command line: tables of options and commands, from which parsing, help, man page and completion are made. */
#include "compiler/compiler.h"

enum exit_code {
	EXIT_DONE = 0,
	EXIT_CONFIG = 1,
	EXIT_USAGE = 2,
	EXIT_SYSTEM = 3,
	EXIT_BUSY = 4,
	EXIT_ROLLED_BACK = 5,
	EXIT_NO_DAEMON = 6,
	EXIT_NOT_FOUND = 7,
	EXIT_DIFFERENT = 8,
	EXIT_INTERRUPTED = 130, /* by SIGINT or SIGTERM; what was done until then is kept */
};

enum { ROLE_AUTO = -1 };
enum cli_format { FORMAT_TEXT, FORMAT_JSON };
enum color_mode { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };
enum { MAX_OPERANDS = 256, DIGITS_OF_REF = 4 /* so many digits may be the beginning of a ref */ };

/* Everything one command line says. Options of commands that it did not give are zero or NULL. */
struct invocation {
	const struct command *command;
	const char *root;
	int role; /* enum role or ROLE_AUTO */
	int format, color;
	unsigned quiet, verbose;
	bool help, version;
	bool strict, exec, desired, live, redact, exit_code, list, dry_run, with_secrets, yes;
	const char *raw, *output, *target, *map, *from;
	int wait, to; /* seconds, generation; -1 = not given */
	const char *inbound, *source, *user, *protocol, *resolve; /* of a flow */
	int network; /* enum route_network; 0 = not given */
	bool is_user, is_system, start; /* of daemon install */
	const char *log_file, *id;      /* of the daemon, of proxy rotate */
	const char *config, *control; /* of the engine */
	int workers;                  /* 0 = not given */
	bool no_seccomp;
	const char *name, *user_agent, *subscription, *url; /* of nodes and subscriptions */
	bool lenient, progress, enabled_only, deleted, all, show_secrets, hard, skip_tcp, skip_delay;
	int sort;          /* enum store_sort + 1; 0 = not given */
	int export_format; /* enum export_format + 1; 0 = not given */
	int limit, concurrency, attempts, timeout_ms; /* 0 = not given */
	char *const *argv; /* the command line itself, for the program that does the work */
	const char *operands[MAX_OPERANDS];
	unsigned n_operands;
};

enum option_kind { OPT_FLAG, OPT_COUNT, OPT_TEXT, OPT_CHOICE, OPT_NUMBER, OPT_SECONDS /* the number may be left out */ };
struct option_row {
	const char *name; /* without the dashes */
	char letter;      /* 0 = none */
	enum option_kind kind;
	size_t offset;              /* into struct invocation */
	const char *arg;            /* name of the argument: FILE, DIR… */
	const char *const *choices; /* OPT_CHOICE: NULL-terminated */
	int first;                  /* OPT_CHOICE: the value of choices[0]; OPT_SECONDS: without a number */
	const char *help;
};

typedef int command_fn(struct arena *a, const struct invocation *inv);
struct command {
	const char *name;
	const char *operands; /* "[A B]", "" when there are none */
	unsigned min_operands, max_operands;
	command_fn *run; /* returns an enum exit_code */
	const struct option_row *const *options; /* NULL-terminated; the global ones go with every command */
	const char *const *operand_choices;      /* NULL-terminated, for completion; NULL = files or free text */
	const char *summary;
	const char *text; /* paragraph for the man page */
};
extern const struct command commands[];
extern const size_t commands_n;
extern const struct option_row global_options[];
extern const size_t global_options_n;
const struct command *command_find(const char *name);

/* main of every program: argv parsed, the command run by `dispatch`, memory and output faults handled. */
int cli_main(int argc, char **argv, int (*dispatch)(struct arena *a, const struct invocation *inv));

/* Fills ret_inv from argv. 0, or EXIT_USAGE after saying on stderr what is wrong. */
int args_parse(struct arena *a, int argc, char *const *argv, struct invocation *ret_inv);

/* --- output (output.c) --- */
/* Writes all of it to a descriptor; 0 or -errno (a closed pipe is an error like any other). */
int out_write(int fd, struct str bytes);
/* The same for a buffer, which it frees. Out of memory is told on stderr. */
int out_buf(int fd, struct buf *b);
/* stdout: the success document {"schema_version","command","result"}. Returns EXIT_DONE or EXIT_SYSTEM. */
int out_result(struct arena *a, const struct invocation *inv, struct value result);
/* A failure: "xrat: message" or the JSON error document on stderr; returns code. sink may be NULL. */
int out_fail(struct arena *a, const struct invocation *inv, enum exit_code code, const struct diag_sink *sink,
	     const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* The failure document of one or two compiles (second may be NULL), with the diagnostics of both; returns code. */
int out_fail_all(struct arena *a, const struct invocation *inv, enum exit_code code, const struct diag_sink *first,
		 const struct diag_sink *second);
/* The same with diagnostics that are JSON already; details is an object whose members stand beside them, or VAL_NONE. */
int out_fail_with(struct arena *a, const struct invocation *inv, enum exit_code code, struct value diagnostics,
		  struct value details, const char *msg);
/* Diagnostics as text on stderr, as -q, -v and --color say; nothing with --format json. EXIT_DONE or EXIT_SYSTEM. */
int out_diags(const struct invocation *inv, const struct diag_sink *sink);
bool out_color(const struct invocation *inv);

/* --- shared by commands (workspace.c) --- */
/* One compile for a command: an open root, sources and a sink. */
struct workspace {
	const char *root;
	int root_fd;
	unsigned roles; /* bits 1 << enum role */
};
/* Opens CONFIG_ROOT and finds the roles the command works on. EXIT_DONE or the exit code after telling why. */
int workspace_open(struct arena *a, const struct invocation *inv, struct workspace *ret_ws);
/* The same for commands about what is live: a role that has no file any more counts too. */
int workspace_open_live(struct arena *a, const struct invocation *inv, struct workspace *ret_ws);
/* The same where there may be no role at all (roles 0). */
int workspace_open_any(struct arena *a, const struct invocation *inv, struct workspace *ret_ws);
/* Says that there is none: EXIT_CONFIG. */
int workspace_no_role(struct arena *a, const struct invocation *inv, const char *root);
void workspace_close(struct workspace *ws);
/* The only role, or EXIT_USAGE when there are two and none was named. */
int workspace_one_role(struct arena *a, const struct invocation *inv, const struct workspace *ws, enum role *ret_role);
/* Compiles one role, diagnostics finished and printed. EXIT_DONE, EXIT_CONFIG or EXIT_SYSTEM. */
int workspace_compile(struct arena *a, const struct invocation *inv, const struct workspace *ws, enum role role,
		      const struct compile_options *o, struct diag_sink **ret_sink, struct compiled *ret_c);
/* Default CONFIG_ROOT from the environment. */
const char *default_root(struct arena *a);

/* Replace this program by xrat-service, xrat-engine, with the same command line. Return only when that failed. */
command_fn cmd_in_service, cmd_in_engine;
command_fn cmd_apply, cmd_rollback, cmd_history, cmd_status, cmd_watch, cmd_bundle;
command_fn cmd_add, cmd_import, cmd_update, cmd_list, cmd_show, cmd_enable, cmd_disable, cmd_remove, cmd_restore, cmd_purge,
	cmd_export, cmd_test;
command_fn cmd_daemon, cmd_connect, cmd_disconnect, cmd_proxy;
command_fn cmd_check, cmd_render, cmd_init, cmd_diff, cmd_why, cmd_route, cmd_explain, cmd_schema, cmd_completion, cmd_version,
	cmd_docs, cmd_help;

/* --- text made from the tables (help.c, completion.c, docs.c) --- */
void help_command(struct buf *out, const struct command *c);
void help_all(struct buf *out);
/* 0, or -EINVAL for an unknown shell. */
int completion_write(struct buf *out, const char *shell);

#endif
