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

/* file_read that notes in the log what it found; path must live as long as the log. An absolute path is read as it
 * stands. The outcomes of file_read. */
int load_read(struct arena *a, struct input_log *log, int root_fd, const char *path, size_t max_bytes,
	      struct str *ret_bytes);
/* Whether a file is there; noted too. */
bool load_look(struct arena *a, struct input_log *log, const char *path);
/* Sorted names of a directory below the root; memory that runs out is -ENOMEM here. */
int load_list(struct arena *a, int root_fd, const char *dir, const char ***ret_names, size_t *ret_n);
/* Whether a name in the snippet directory is an editor's leaving, passed over in silence. */
bool load_is_left_behind(struct str name);

/* The snippets of the directory dir (relative to the root, as written at `at`; at.src 0: the default) into in->snippets. */
int load_snippets(struct arena *a, struct diag_sink *sink, int root_fd, const char *dir, struct span at,
		  struct inputs *in, struct err *e);

#endif
