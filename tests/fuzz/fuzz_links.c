/* link: links model lib */
/* Any text as a share link: no crash, and what is read survives writing and reading again. */
#include <stdlib.h>
#include <string.h>

#include "links/links.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	struct sources *sources = sources_new(a);
	struct diag_sink *sink = diag_sink_new(a, sources);
	char *text = arena_memdup(a, data, size);
	uint32_t src = sources_add(sources, "link", text, (uint32_t)size);
	struct span at = { src, 0, (uint32_t)size };
	struct node one, two;

	if (!link_parse(a, sink, (struct str){ text, size }, at, &one)) {
		char *first = link_write(a, &one);
		if (!first || link_parse(a, sink, str_of(first), at, &two))
			abort();
		char *second = link_write(a, &two);
		if (!second || strcmp(first, second))
			abort();
	}
	arena_free(a);
	return 0;
}
