#ifndef XRAT_ENGINE_ASSETS_H
#define XRAT_ENGINE_ASSETS_H
/* The .dat files that rules name: mapped read-only when a rule first asks, for the making of one configuration. The tables copy
 * what they need, so that a file that is replaced in place later harms nobody. */
#include "route/route.h"

struct assets;
/* dirs: searched in order, NULL-terminated, copied; NULL = none. NULL when memory is out. */
struct assets *assets_new(const char *const *dirs);
void assets_free(struct assets *s); /* unmaps; NULL is fine */
/* Gives the file of that name by a descriptor, instead of by the directories (which an engine that has dropped its
 * privileges may not be able to read). The descriptor stays the caller's. 0 or -errno. */
int assets_give(struct assets *s, const char *file, int fd);
/* Opens those files in the directories that were of use: take owns each descriptor. 0, or what take returned, or -errno. */
int assets_open_used(const struct assets *s, int (*take)(void *ctx, const char *file, int fd), void *ctx);
/* For route_build. Entries are allocated in a. */
struct route_assets assets_for(struct assets *s, struct arena *a);
/* What was wrong with files that are there: calls fault for each. */
void assets_faults(const struct assets *s, void (*fault)(void *ctx, const char *file, const char *why), void *ctx);

#endif
