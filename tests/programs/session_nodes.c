/* link: store links model lib */
/* Puts nodes into a database: tests/session_nodes DB LINK… Prints the id of each. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "links/links.h"
#include "store/store.h"

static int add(struct store *s, struct arena *a, const char *link, struct err *e)
{
	struct diag_sink *sink = diag_sink_new(a, sources_new(a));
	enum store_row_outcome outcome;
	struct node node;
	int64_t id = 0;
	int r = link_parse(a, sink, str_of(link), SPAN_NONE, &node) ? err_set(e, -EINVAL, "the link is refused") : 0;

	if (!r)
		r = store_node_add(s, &node, str_of(link), (int64_t)time(NULL) * 1000, &id, &outcome, e);
	if (!r)
		printf("%lld\n", (long long)id);
	return r;
}

int main(int argc, char **argv)
{
	struct arena *a = arena_new();
	struct err e = { 0 };
	struct store *s;
	int r;

	if (argc < 3 || !a)
		return 2;
	r = store_open(AT_FDCWD, argv[1], NULL, &s, &e);
	for (int i = 2; !r && i < argc; i++)
		r = add(s, a, argv[i], &e);
	if (r)
		fprintf(stderr, "%s\n", err_text(&e));
	else
		store_close(s);
	err_fini(&e);
	arena_free(a);
	return r ? 1 : 0;
}
