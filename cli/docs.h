#ifndef XRAT_CLI_DOCS_H
#define XRAT_CLI_DOCS_H
#include "cli/cli.h"
/* Writes page "man" (mdoc), "diagnostics" or "engine" (Markdown). 0, or -EINVAL for an unknown page. */
int docs_write(struct buf *out, const char *page);
/* docs_engine.c */
void docs_engine(struct buf *out);
#endif
