#ifndef XRAT_COMPILER_LOAD_IMPL_H
#define XRAT_COMPILER_LOAD_IMPL_H
/* What the files of the loader share. */
#include "compiler/compiler.h"

/* Registers a text in the sink's sources; bytes NULL: a file that was not read, only named. */
uint32_t load_source(struct diag_sink *sink, const char *path, struct str bytes);
/* Whether file_read's verdict is the machine's trouble (memory, descriptors) and not the operator's. */
bool load_is_system(int r);
/* One diagnostic for a file that could not be read; too_large is the code of the reader whose limit was passed. */
void load_report(struct diag_sink *sink, const char *path, int r, enum diag_code too_large);
/* "permission denied" */
const char *load_reason(int r);

/* The snippets of the directory dir (relative to the root, as written at `at`; at.src 0: the default). */
int load_snippets(struct arena *a, struct diag_sink *sink, int root_fd, const char *dir, struct span at,
		  struct snippet *snippets, struct err *e);

#endif
