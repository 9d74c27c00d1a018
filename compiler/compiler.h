#ifndef XRAT_COMPILER_H
#define XRAT_COMPILER_H
/* load -> decode -> base -> merge -> validate -> render: the only driver of the pure stages. */
#include "links/links.h"
#include "merge/merge.h"
#include "model/model.h"
#include "render/render.h"
#include "validate/validate.h"

/* One file that the loader looked at: read, or found missing. */
struct input_file {
	const char *path; /* relative to CONFIG_ROOT, or absolute for a secret's file elsewhere */
	bool missing;     /* or unreadable: bytes are empty, id is zero */
	bool named;       /* a certificate or geodata file: looked for, never read */
	int fault;        /* why it could not be read: -errno */
	size_t max_bytes; /* the limit it was read with */
	struct str bytes;
	struct file_id id;
	struct input_file *next;
};
/* The snippet directory: a name that comes or goes counts, whether it is a snippet's or not. */
struct input_dir {
	const char *path; /* NULL: not looked at */
	int fault;        /* why it could not be listed: -errno */
	const char *const *names; /* sorted, all of them */
	size_t n;
};
struct input_log {
	struct input_file *first, *last;
	struct input_dir dir;
};

/* What load read: texts registered as sources, parsed trees, nothing decoded yet. */
struct inputs {
	const char *root;      /* as given */
	enum role role;
	struct value role_toml;   /* VAL_NONE when the file was refused */
	struct value config_toml; /* VAL_NONE when absent */
	bool has_config;
	struct snippet snippets[SNIPPET__N];
	struct input_log log; /* every file looked at, secret files and named files too */
};
struct load_options {
	bool missing_secret_is_warning; /* check */
};
/* Which role files exist below root_fd: bit 1 << ROLE_CLIENT, 1 << ROLE_SERVER; or -errno. */
int load_roles(int root_fd, struct err *e);
/* Reads and parses every input of a role (the snippet directory comes from the TOML's config_dir). Faults of the text
 * are diagnostics; 0, or -errno for what the system refused. */
int load_inputs(struct arena *a, struct diag_sink *sink, int root_fd, enum role role, struct inputs *ret_in,
		struct err *e);
/* Resolves { env } and { file } secrets after decoding (file paths: relative ones below root_fd). Missing ones are
 * diagnostics that name the key and the variable. */
void load_secrets(struct arena *a, struct diag_sink *sink, int root_fd, struct input_log *log,
		  const struct load_options *o, struct secret **secrets, uint32_t n);
/* Whether a file of the log is another one now, came or went, or a name in the snippet directory did: 1 yes, 0 no. What
 * cannot be looked at for want of memory counts as moved. */
int load_moved(int root_fd, const struct inputs *in);
/* The same, and which one: 1 and *ret_path, 0, -ENOMEM. */
int load_moved_file(int root_fd, const struct inputs *in, const char **ret_path);
enum { DIGEST_TEXT = 65 };
/* Lower-case hex SHA-256 over what was read: for each file that exists, sorted by path: length of the path (8 bytes,
 * little endian), path, length of the bytes, bytes. Certificates and geodata count by their name alone, without bytes, so
 * that one that is put in its place makes another digest. */
void load_digest(struct arena *a, const struct inputs *in, char ret_hex[DIGEST_TEXT]);
/* Whether certificate, key and asset files that the config names exist: warnings, or errors at apply. */
void load_check_files(struct arena *a, struct diag_sink *sink, struct input_log *log, const struct checked *c,
		      const struct desired *d, enum severity severity);

/* TOML trees to structs by the field tables; defaults filled in, every fault reported (XR15x). 0, or 1 when something
 * that later stages need is missing. */
int decode_role(struct arena *a, struct diag_sink *sink, const struct inputs *in, struct desired *ret_desired);
int decode_config(struct arena *a, struct diag_sink *sink, const struct value *toml, struct config *ret_config);
/* Any table into any struct (the building stone of the two above). */
int decode_table(struct arena *a, struct diag_sink *sink, const struct value *object, const struct table *t,
		 void *ret_struct, struct desired *secrets_owner);
/* Rules over several keys of config.toml (XR19x); decode_config calls it. Looks at no secret's text. */
void normalize_config(struct arena *a, struct diag_sink *sink, struct config *c);
/* After secrets: links into nodes, profiles into protocol/transport/security, default tags, cross-field rules (XR17x,
 * XR8xx). */
void normalize(struct arena *a, struct diag_sink *sink, struct desired *d, const struct target *t);

/* The managed base for a target (XR6xx for what it lacks). */
void base_build(struct arena *a, struct diag_sink *sink, const struct desired *d, const struct target *t,
		struct base *ret_base);

/* engine = "auto" for a machine: the target of the engine that would run here. Only who publishes knows the machine and
 * gives one; it may report. Never NULL. */
typedef const struct target *compile_auto_fn(void *ctx, struct arena *a, struct diag_sink *sink, const struct config *c);
struct compile_options {
	const char *target;             /* --target, or NULL */
	compile_auto_fn *on_auto;       /* NULL: auto is the default target */
	void *on_auto_ctx;
	bool missing_secret_is_warning; /* check */
	bool missing_file_is_error;     /* apply: the engine of this machine would not start */
	bool strict;                    /* for snapshot_take: warnings are errors */
	struct str raw_bytes;           /* compile_raw: of the file, which somebody else has read; p NULL: it is read */
};
struct compiled {
	struct inputs in;
	struct desired desired;
	struct config config;
	const struct target *target;
	struct merged merged;
	struct checked checked;
	bool has_merged, has_checked; /* checked only when the sink has no error */
	bool is_auto;                 /* on_auto chose the target */
};
/* Runs every stage as far as it can go, so that all faults are reported at once. 0 done (look at the sink and has_*),
 * -errno what the system refused, -ENOMEM. */
int compile_root(struct arena *a, struct diag_sink *sink, int root_fd, const char *root, enum role role,
		 const struct compile_options *o, struct compiled *ret_compiled, struct err *e);
/* --- sessions: config.toml and nodes instead of a role file --------------------------------------------------------- */
/* One node of a session. Its own places (node->…at) are not looked at: diagnostics point into a made source whose name is
 * "node 7 (NAME)", and whose text shows no secret. */
struct session_node {
	int64_t id; /* of its row; 0: not stored */
	const struct node *node;
};
struct session_options {
	const struct target *target; /* resolved by the caller; NULL: what config.toml says */
	int64_t node_id;             /* for diagnostics; 0: not stored */
	/* A start beside a running session: ports of its own (0 = as configured; a disabled listener stays off), and all of
	 * them on 127.0.0.1. */
	uint16_t socks_port, http_port, shadowsocks_port;
	bool on_loopback;
	/* One more SOCKS inbound, 'probe-in' on 127.0.0.1, whose traffic goes through the node whatever [routing] says;
	 * 0: none. It asks for the account when probe_user is given, and a session reachable by others should give one. */
	uint16_t probe_port;
	const char *probe_user, *probe_password;
	/* Log files of the engine, "<dir>/<log_name>.access.log" and ".error.log"; NULL: no files, errors go to stderr. */
	const char *log_name;
	bool missing_secret_is_warning; /* a look, not a start */
	bool missing_file_is_error;     /* the engine of this machine would not start (geoip.dat and the like) */
};
/* Tags of a session's objects, as the engine's log and counters name them. */
#define SESSION_TAG_NODE "proxy"
#define SESSION_TAG_SOCKS "socks-in"
#define SESSION_TAG_HTTP "http-in"
#define SESSION_TAG_SHADOWSOCKS "shadowsocks-in"
#define SESSION_TAG_PROBE "probe-in"

/* The session that config.toml and one node make: desired -> base -> merge -> validate. root: CONFIG_ROOT as log paths
 * shall have it (absolute). *ret_compiled has config, target and, when the sink has no error, checked for render_xray.
 * 0 done (look at the sink and has_checked), -errno what the system refused, -ENOMEM. No config.toml: defaults. */
int compile_session(struct arena *a, struct diag_sink *sink, int root_fd, const char *root, const struct node *node,
		    const struct session_options *o, struct compiled *ret_compiled, struct err *e);

/* One node of a test: its own SOCKS inbound on 127.0.0.1 with its own port. */
struct session_test {
	struct session_node node;
	uint16_t port;
	const char *refused; /* out: why it is not in the config ("XR601: …"); NULL: it is */
};
/* One config for many nodes: inbound 'test-N-in' (N from 1) leads to outbound 'test-N' and nowhere else; of config.toml
 * mux, fragment and dns count, its listeners and lists do not. A node that the target or its own fields rule out is left
 * out, with its reason in `refused`, and the others are compiled. Of the options target, probe_user and probe_password
 * (the account of every inbound) and the two missing_* count. has_checked is false when no node is left or config.toml has
 * a fault. Returns as above. */
int compile_test(struct arena *a, struct diag_sink *sink, int root_fd, const char *root, struct session_test *tests,
		 size_t n, const struct session_options *o, struct compiled *ret_compiled, struct err *e);

/* The nodes as a list of outbound objects, for export. Tags are the nodes' names where they are given and differ, else
 * "node-ID", "node-N". What the target lacks is a diagnostic, and the node is left out. */
struct value compile_outbounds(struct arena *a, struct diag_sink *sink, const struct session_node *nodes, size_t n,
			       const struct target *t);

/* The same in sing-box's words, as a preview: {"outbounds": […]}. What sing-box lacks, or xrat does not say in its words
 * (wireguard, plugins, ECH, certificate pins), is a diagnostic, and the node is left out. */
struct value compile_singbox(struct arena *a, struct diag_sink *sink, const struct session_node *nodes, size_t n);

/* config.toml alone (absent: defaults), with its own rules checked; no secret is resolved. Same returns. in->log notes the
 * file. */
int compile_config(struct arena *a, struct diag_sink *sink, int root_fd, const char *root, struct compiled *ret_compiled,
		   struct err *e);
/* Where the engine's log files of sessions go: [runtime.log] dir, below root when it is relative. */
const char *session_log_dir(struct arena *a, const char *root, const struct config *c);
/* The directory may be one for several roots, which all count their sessions from 1: the mark, made of the path of CONFIG_ROOT
 * (absolute, links resolved), tells whose log files they are. log_name is "session-<id>-<mark>". */
enum { SESSION_MARK_TEXT = 9 };
void session_log_mark(const char *root, char ret_mark[SESSION_MARK_TEXT]);
/* "<dir>/<log_name>.access.log" and ".error.log" (kind "access", "error"). */
const char *session_log_file(struct arena *a, const char *root, const struct config *c, const char *log_name,
			     const char *kind);

/* check --raw: one complete xray.json. */
int compile_raw(struct arena *a, struct diag_sink *sink, const char *path, const struct compile_options *o,
		struct compiled *ret_compiled, struct err *e);

#endif
