#ifndef XRAT_TOOLS_GEN_H
#define XRAT_TOOLS_GEN_H
/* What the generator makes from the field tables. */
#include "model/model.h"

/* The desired files, in the order of the docs. */
struct gen_file {
	const char *name;  /* "xp2p-client" */
	const char *about; /* one sentence */
	const struct table *table;
};
/* Text of a default as a value; VAL_NONE when there is none. */
struct value gen_default(struct arena *a, const struct field *f);
/* draft-07 schema of a file. */
void gen_schema(struct arena *a, const struct gen_file *file, struct buf *out);
/* Starter file: every key as a comment with its default. */
void gen_starter(struct arena *a, const struct gen_file *file, struct buf *out);
/* One chapter of docs/configuration.md. */
void gen_docs(struct arena *a, const struct gen_file *file, struct buf *out);

#endif
