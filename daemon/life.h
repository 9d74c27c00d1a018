#ifndef XRAT_DAEMON_LIFE_H
#define XRAT_DAEMON_LIFE_H
/* From ready to the end: signals, timers, stopping, being replaced. */
#include "daemon/frame.h"

/* Handles of it are on the loop from here on. 0 or -errno. */
int life_open(struct daemon *d, struct err *e);
/* So many modules, from the first on, have to be stopped at the end. */
void life_set_started(struct daemon *d, size_t n);
/* Everything has started: tells systemd, and lets signals through. */
void life_ready(struct daemon *d);
void life_close(struct daemon *d);
void life_free(struct daemon *d);

/* config.toml into an arena of its own; its faults go to the log. 0; DAEMON_INVALID; -errno. */
int life_read_config(struct daemon *d, struct arena **ret_arena, const struct config **ret_config, struct err *e);

/* logfile.c: stderr becomes this file, which is made when it is missing (0600; its directory 0700). 0 or -errno. */
int logfile_open(const char *path, struct err *e);
/* When it has outgrown 8 MiB it becomes PATH.1 and a new one is begun. */
void logfile_cap(const char *path);

#endif
