#ifndef XRAT_CLI_TEMPLATES_H
#define XRAT_CLI_TEMPLATES_H
/* The files of templates/ and schemas/, put into the program by the build (tools/embed.c). */
#include <stddef.h>

struct template_file {
	const char *path; /* below templates/ or schemas/ */
	const char *bytes; /* NUL-terminated besides */
	size_t len;
};
/* Sorted by path. */
extern const struct template_file template_files[];
extern const size_t template_files_n;
extern const struct template_file schema_files[];
extern const size_t schema_files_n;

#endif
