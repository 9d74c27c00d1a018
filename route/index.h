#ifndef XRAT_ROUTE_INDEX_H
#define XRAT_ROUTE_INDEX_H
/* The inside of a table. Only route/ includes this.
 *
 * A rule becomes terms, one for each condition: dimension << 28 | number. Most dimensions are made of atoms: "the name
 * ends with .example.com", "the address is in geoip:cn", "the inbound is 'in'"; such a condition is the sequence of its
 * atoms and holds when one of them does. Ports are sequences of lo << 16 | hi, attributes pairs of an atom and a
 * regular expression, networks bits.
 *
 * What makes a question cheap: each rule is found through one of its conditions alone, the one that the fewest rules
 * share (its driver). The rest of its terms is a sequence too. Under an owner (an atom, or a node of a port tree) stand
 * entries { rule, rest } in the order of the rules, and of the rules with the same rest only the first: the others can
 * never win. So 100,000 rules for one inbound tag are one entry, and rules that differ in a name are found by it. A
 * question walks the owners that hold for the flow, in each up to the first entry that wins or comes too late.
 *
 * Atoms that cost more than a look-up (regular expressions, everything but a set of networks) are "lazy": asked only
 * when an entry under them could still win. */
#include "route/ac.h"
#include "route/dat.h"
#include "route/nets.h"
#include "route/stab.h"

enum dim {
	DIM_NETWORK, DIM_INBOUND, DIM_PROTOCOL, DIM_PORT, DIM_SOURCE_PORT, DIM_LOCAL_PORT, DIM_VLESS_ROUTE, DIM_USER,
	DIM_ATTRS, DIM_IP, DIM_SOURCE_IP, DIM_LOCAL_IP, DIM_DOMAIN, DIM_PROCESS, DIM__N
};
/* A rule that never matches has one term of dimension DIM__N. */
enum { TERM_SHIFT = 28, TERM_ID = (1u << TERM_SHIFT) - 1 };
#define ATOM_LAZY (1u << 31) /* in a sequence of atoms */
#define NO_ATOM UINT32_MAX
#define DIM_BIT(d) (1u << (d))
enum { PORT_DIMS = 4, IP_DIMS = 3 };

enum book_id {
	BOOK_INBOUND, BOOK_PROTOCOL, BOOK_USER, BOOK_PROCESS, BOOK_ATTR, BOOK_DOMAIN,
	BOOK_KEYWORD, BOOK_RX_DOMAIN, BOOK_RX_USER, BOOK_RX_ATTR, BOOK_NET, BOOK_NET_SOURCE, BOOK_NET_LOCAL,
	BOOK_LIST, BOOK_NOT, /* while building alone: lists of files, inverted sets */
	BOOK__N
};
enum { RX__N = 3 }; /* BOOK_RX_…: of names, users, attributes */
/* Kinds of a reference: where in a name the text has to stand. */
enum { NAME_FULL, NAME_DOMAIN, NAME_DOTTED };    /* BOOK_DOMAIN: whole; whole or behind a dot; behind a dot */
enum { WORD_PLAIN, WORD_DOTLESS };               /* BOOK_KEYWORD: of those, one for names without a dot */
enum { PROCESS_NAME, PROCESS_PATH, PROCESS_FOLDER };

struct entry {
	uint32_t rule, rest;
};
enum lazy_kind { LAZY_DOMAIN, LAZY_USER, LAZY_NOT };
struct lazy {
	uint32_t atom, first, n; /* in lazy_ids: regular expressions, or the atoms of the set */
	uint8_t kind, dim;
	bool has_v4, has_v6;     /* LAZY_NOT: without a part of its family an address never matches */
};
struct target_row {
	const char *outbound, *balancer;
};
struct route_table {
	const struct xconf *x;
	struct route_assets assets;
	struct diag_sink *sink;
	enum route_strategy strategy;
	uint32_t n_rules, n_atoms;
	uint32_t any_name, dotless_name; /* atoms that every name, every name without a dot makes true; NO_ATOM */

	/* what a flow is looked up in */
	struct book books[BOOK__N];
	struct ac ac;
	struct nets nets[IP_DIMS];
	struct stab ports[PORT_DIMS];
	struct regex **rx[RX__N];
	struct regex_set *rx_set; /* of names; NULL when there are few */
	struct lazy *lazies;      /* by atom */
	uint32_t *lazy_ids, n_lazies;

	/* what it leads to */
	struct seqs conds, rests; /* a rest is a sequence of terms, a term names a condition */
	uint32_t port_owner[PORT_DIMS]; /* owner of node 0; atoms own themselves */
	uint32_t network_owner;         /* of ROUTE_TCP; ROUTE_UDP follows */
	uint32_t always_owner, n_owners;
	uint32_t *first;                /* n_owners + 1 */
	struct entry *entries;
	uint32_t driven;                /* bits of the dimensions that drive a rule */
	uint32_t *driving;              /* lazies with entries, by the first rule of them */
	uint32_t n_driving;
	struct entry *asking;           /* rules with 'ip', and what Xray tests before it: when a name is resolved */
	uint32_t n_asking;

	struct target_row *targets;
	uint32_t *target_of;            /* of a rule */
	const char **rule_tags;         /* of a rule; NULL when no rule has one */
	size_t bytes;
};

/* --- building (build.c and what it calls) --- */
struct builder {
	struct arena *a, *tmp;
	struct diag_sink *sink;
	const struct xconf *x;
	const struct route_assets *assets;
	struct route_table *t;
	struct book_maker books[BOOK__N];
	struct seqs conds, rests;
	struct words terms, first;   /* of all rules; first has one more */
	struct words cond;           /* the condition being read */
	struct words lazy_ids;
	unsigned cap_lazies, cap_rx[RX__N];
	struct words list_marks;     /* of each text of BOOK_LIST */
	char *lower;                 /* a buffer */
	unsigned cap_lower;
	bool dead;                   /* the rule being read never matches */
	bool failed;
	struct map *files;           /* name -> struct asset */
	struct book_maker targets;   /* "o" or "b" and the tag */
	unsigned cap_targets;
};
uint32_t index_new_atom(struct builder *b);
/* The atom of a text, and of a text and a kind where a text has several. */
uint32_t index_atom(struct builder *b, enum book_id book, struct str text, unsigned kind);
struct str index_lower(struct builder *b, struct str s); /* in a buffer that the next call overwrites */
struct str index_marked(struct builder *b, char mark, struct str s); /* the mark and s, in the same buffer */
/* The number of a regular expression; NO_ATOM when it does not compile. */
uint32_t index_regex(struct builder *b, enum book_id book, struct str pattern);
/* Notes a lazy atom that has lazy_ids from `first` on. */
struct lazy *index_lazy(struct builder *b, uint32_t atom, enum lazy_kind kind, enum dim dim, uint32_t first);
/* The file of a list and a walk over it; false after a diagnostic. */
struct list_name {
	struct str file, code, attrs;
	struct span at;
};
enum { LIST_V4 = 1, LIST_V6 = 2, LIST_LAZY = 4 };
/* The atom of a list in a dimension, and its marks (LIST_…), which the caller keeps. When it is new and the file has it,
 * *ret_new is set and the walk stands at its entries. */
uint32_t index_list(struct builder *b, enum dim dim, const struct list_name *name, struct dat_walk *ret_walk,
		    bool *ret_new, uint32_t **ret_marks);
void index_list_damaged(struct builder *b, const struct list_name *name, const struct dat_walk *w);
/* Atoms of the items of a list into b->cond. */
void names_read(struct builder *b, const struct value *list);
void addrs_read(struct builder *b, const struct value *list, enum dim dim);
/* All conditions of one rule into b->terms. */
void terms_read(struct builder *b, const struct value *const keys[RF__N]);
/* Drivers, entries and port trees from the terms. */
void drive_build(struct builder *b);

#endif
