#ifndef XRAT_RENDER_H
#define XRAT_RENDER_H
/* Canonical bytes of a checked config, where each object came from, and what differs between two of them. */
#include "model/model.h"

/* Canonical bytes; same input, same bytes, on every machine. out is the caller's (buf_fini). */
void render_xray(struct arena *a, const struct checked *c, struct buf *out);
/* The same with every value whose key is marked SECRET in the key table masked as "<redacted>". */
void render_xray_redacted(struct arena *a, const struct checked *c, struct buf *out);

/* The origin map: object {"schema_version", "objects":[{pointer, tag?, rule_tag?, owner|null, slot?, file|null, line,
 * column, end_line, end_column}]} for every section, inbound, outbound, rule, balancer. */
struct value render_map(struct arena *a, const struct checked *c, const struct sources *sources);

/* Where a tag, ruleTag or JSON pointer of the rendered file comes from. Returns an array of origins like render_map's,
 * each with the object itself redacted under "value"; n = 0 when nothing has that name. A pointer deeper than an object
 * gives the nearest value with a place of its own. */
struct value render_why(struct arena *a, const struct checked *c, const struct sources *sources, struct str name);

/* Semantic difference between two complete configs, by tag and ruleTag: array of {change: added|removed|moved|changed,
 * kind: inbound|outbound|rule|balancer|section, name, field?, before?, after?, pointer, restart: bool}, secrets masked.
 * Order of the second document; removals last. */
struct value render_diff(struct arena *a, const struct value *before, const struct value *after);

#endif
