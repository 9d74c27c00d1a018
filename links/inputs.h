#ifndef XRAT_LINKS_INPUTS_H
#define XRAT_LINKS_INPUTS_H
/* Texts that hold nodes (pure): a link, a list of links, base64 of either, SIP008 JSON, Xray JSON, Clash YAML or JSON,
 * and the list of node objects that xrat exports. The form is found from the text alone, first rule that fits:
 *   1. a UTF-8 BOM, white space and comment lines before the text are taken off; nothing left: refused
 *   2. '<' first: a web page, refused
 *   3. '{' or '[' first: JSON. An object with "outbounds" is an Xray config, with "link" a node object, with "protocol" a
 *      bare Xray outbound, with "proxies" Clash, with "servers" SIP008, with "server_port" one SIP008 server, in this
 *      order; an array holds any of these. sing-box JSON (outbounds with "type") is refused.
 *   4. a line that begins with "proxies:" (or "Proxy:"): Clash YAML
 *   5. "://" somewhere: a list of links, one a line; blank lines and lines that begin with '#', ';' or "//" are skipped
 *   6. characters of base64 (both alphabets, padding optional, white space anywhere) alone: decoded once, then rules 1
 *      to 5
 *   7. anything else: refused
 * Limits, whatever the text is: INPUT_MAX_BYTES, INPUT_MAX_VALUES values of a JSON or YAML document (aliases count as
 * what they stand for), 64 levels deep. Text of an input never appears in a message: diagnostics name lines, entries
 * and keys, and the source lines are hidden. */
#include "links/links.h"

enum { INPUT_MAX_BYTES = 16 * 1024 * 1024, INPUT_MAX_VALUES = 2 * 1000 * 1000, INPUT_MAX_REPORTS = 20 };

enum input_format { INPUT_NONE, INPUT_LINKS, INPUT_SIP008, INPUT_XRAY, INPUT_CLASH, INPUT_NODES, INPUT_FORMAT__N };
extern const char *const input_format_names[]; /* "nothing", "links", "SIP008", "Xray", "Clash", "nodes" */

/* One node of an input. */
struct input_entry {
	uint32_t number; /* from 1, bad ones counted too */
	uint32_t line;   /* of the text, or of what its base64 held */
	struct str link; /* as it was written; empty where the form is not links */
	const struct node *node;
};
/* Called for each good entry in the order of the text; what it points to is gone when the call returns. 0: go on;
 * negative: stop, inputs_read returns it. Must not jump over inputs_read; may use arenas that have a place of their own
 * to jump to. */
typedef int input_visit(void *data, const struct input_entry *entry);

/* A reader of YAML into a tree; inputs_yaml below is the one there is. 0, or 1: refused, *ret_why says why (a literal)
 * and *ret_at where. */
typedef int input_yaml(struct arena *a, struct str text, uint32_t src, struct value *ret_value, const char **ret_why,
		       struct span *ret_at);
/* Through libyaml; in a file of its own so that only who names it links that library. Takes the first document; a
 * mapping's "<<" keys are merged. */
input_yaml inputs_yaml;

struct input_options {
	const char *name;     /* of the text, for people: a file name, a URL without its secrets, "-" */
	bool lenient;         /* as link_options */
	unsigned max_reports; /* entries whose faults become diagnostics; 0 = INPUT_MAX_REPORTS. The rest is only counted */
	input_yaml *yaml;     /* NULL: Clash YAML is refused with XR860 */
	input_visit *visit;
	void *data;
};
struct input_summary {
	enum input_format format; /* INPUT_NONE when the text was refused */
	bool base64;              /* it came in base64 */
	uint32_t parsed, failed;  /* entries */
	uint32_t skipped;         /* outbounds that are no proxy: freedom, blackhole, dns, loopback; Clash: direct, … */
	uint32_t reported;        /* of the failed ones, those that have diagnostics */
};
/* Reads a whole text. `text` and what base64 held (in `a`) must live as long as `sources`. Faults of entries are diagnostics at their line (XR80x,
 * XR862) and do not stop the read; the text itself is registered in sources and hidden. 0: read, *ret_summary says how
 * much of it (nothing parsed is not a fault of its own); 1: refused as a whole (XR860 no known form, XR861 damaged or
 * too big), *ret_summary written; negative: what visit returned. */
int inputs_read(struct arena *a, struct diag_sink *sink, struct sources *sources, struct str text,
		const struct input_options *o, struct input_summary *ret_summary);

/* The same for few nodes: they stay in the arena. o->visit is not called. */
struct input_node {
	uint32_t number, line;
	struct str link;
	struct node node;
};
struct input_list {
	struct input_node *v;
	uint32_t n;
};
int inputs_collect(struct arena *a, struct diag_sink *sink, struct sources *sources, struct str text,
		   const struct input_options *o, struct input_list *ret_list, struct input_summary *ret_summary);

/* Writing. Xray JSON is the compiler's to render. */
enum output_format { OUTPUT_LINKS, OUTPUT_BASE64, OUTPUT_JSON, OUTPUT_FORMAT__N };
extern const char *const output_format_names[]; /* "links", "base64", "json" */
/* Appends the nodes: a link a line; that in base64 (standard alphabet, one line); an array of node objects. What each
 * writes inputs_read reads back to equal nodes. Returns how many nodes have no link form (they are left out of links and
 * base64, and have no "link" in json); out->failed tells of missing memory. Secrets are written as they are. */
uint32_t inputs_write(struct arena *a, enum output_format format, const struct node *const *nodes, uint32_t n,
		      struct buf *out);
/* One node as a JSON object: "link" when it has one, then every field that is set under its name in node_fields,
 * enums by name. */
struct value inputs_node_json(struct arena *a, const struct node *n);

#endif
