#ifndef XRAT_LINKS_IMPORT_H
#define XRAT_LINKS_IMPORT_H
/* Entries of JSON and YAML inputs, read key by key from tables. Most keys are a link parameter under another name, so
 * what a value means is decided in params.c alone. */
#include "links/params.h"

struct import_table;
struct import {
	struct link_reader r;
	const char *prefix;  /* of the keys being read: "streamSettings.", for messages */
	struct value tuning; /* members of the transport's settings that have no parameter of their own */
};
struct import_key {
	const char *name;
	unsigned protocols; /* 1 << enum node_protocol, 0 = all; the first row that fits counts */
	void (*read)(struct import *im, const struct value *v, const struct import_key *key);
	const char *param; /* for `read` */
	const struct import_table *sub;
};
struct import_table {
	const struct import_key *keys;
	size_t n;
};
#define IMPORT_TABLE(name) \
	static const struct import_table name##_table = { name##_keys, sizeof(name##_keys) / sizeof(*name##_keys) }
#define FOR(protocol) (1u << NODE_##protocol)

/* Every member of an object by its row; null counts as absent, a key without a row is a doubt (XR805). */
void import_walk(struct import *im, const struct value *object, const struct import_table *t);
/* The same below "name.": prefix for messages. */
void import_walk_in(struct import *im, const struct value *object, const struct import_table *t, const char *name);
bool import_knows(const struct import *im, const struct import_table *t, struct str name);
/* A member by name, null being absent: NULL. */
const struct value *import_get(const struct value *object, const char *name);
/* "true" of a boolean, a text, a number that is not 0. */
bool import_is_true(const struct value *v);
/* The text of a scalar; false and XR803 or XR808 when there is none. */
bool import_scalar(struct import *im, const struct value *v, struct str *ret_text);
/* A parameter whose text was put together from parts that nobody checked. */
void import_plain(struct import *im, const char *param, struct str text);
/* Not known: XR805, kept when lenient. */
void import_unknown(struct import *im, const char *name, const struct value *v);

/* Values of import_key.read. `param` is the parameter's name. */
#define IMPORT_READER(name) void name(struct import *im, const struct value *v, const struct import_key *key)
IMPORT_READER(import_param);  /* a scalar */
IMPORT_READER(import_list);   /* a list of scalars, or one; joined by commas */
IMPORT_READER(import_object); /* JSON */
IMPORT_READER(import_ignore); /* a local preference, or read elsewhere */
IMPORT_READER(import_off);    /* known, and only harmless when empty, 0 or false */
IMPORT_READER(import_sub);    /* an object read by key->sub */
IMPORT_READER(import_one);    /* a list of at most one object, read by key->sub */
IMPORT_READER(import_tuning); /* kept in im->tuning */
IMPORT_READER(import_name);
IMPORT_READER(import_address);
IMPORT_READER(import_port);
IMPORT_READER(import_uuid);
IMPORT_READER(import_password);
IMPORT_READER(import_user);
IMPORT_READER(import_method);
/* An object of header fields: "Host" is the parameter host, the others node.headers. */
void import_headers(struct import *im, const struct value *headers);

void import_begin(struct import *im, struct arena *a, struct diag_sink *sink, struct span at, bool lenient,
		  const char *noun, struct node *n);
void import_protocol(struct import *im, enum node_protocol p);
/* Tuning into node.extra, defaults, and whether server and credential are there. 0, or 1 with the faults reported. */
int import_end(struct import *im);
/* XR862: a proxy of a kind that is not known; returns 1. */
int import_no_kind(struct diag_sink *sink, struct span at, const char *noun);
/* One of n names, without case. */
bool import_is_one_of(struct str s, const char *const *names, size_t n);

/* What the forms have in common: one entry. 0: *ret_node; 1: refused, reported; 2: no proxy, nothing to read. */
typedef int import_entry(struct arena *a, struct diag_sink *sink, const struct value *v, bool lenient,
			 struct node *ret_node);
import_entry import_xray, import_clash, import_sip008, import_node;

#endif
