#ifndef XRAT_CLI_DOCS_H
#define XRAT_CLI_DOCS_H
#include "cli/cli.h"
/* Writes page "man" (mdoc) or "diagnostics" (Markdown). 0, or -EINVAL for an unknown page. */
int docs_write(struct buf *out, const char *page);
#endif
