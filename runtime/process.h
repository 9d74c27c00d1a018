#ifndef XRAT_RUNTIME_PROCESS_H
#define XRAT_RUNTIME_PROCESS_H
/* Who a process is, and whose a socket is. A pid alone is never trusted and never signalled: it can come round within a
 * minute. A process is named by pid, start time and boot, and held by a pidfd. */
#include "model/model.h"

enum { BOOT_ID_TEXT = 37 };
struct process_id {
	int pid;
	uint64_t start_ticks;     /* field 22 of /proc/PID/stat, since boot */
	char boot_id[BOOT_ID_TEXT];
	uint64_t exe_dev, exe_ino; /* of /proc/PID/exe; 0 0 = may not be read */
};
/* Describes a live process (a zombie is none). 0, -ESRCH, -errno. A program that replaces itself (a script, env) keeps its
 * pid and start and changes exe: describe it again when it is ready. */
int process_identify(int pid, struct process_id *ret_id);
/* The same for a child of ours, which may have ended already but is not reaped. */
int process_identify_child(int pid, struct process_id *ret_id);
/* A pidfd of exactly this process: opened, then compared (in that order, so a recycled pid cannot slip in); `file`, when
 * not NULL, must be one of its arguments. The descriptor; -ESRCH: gone, or another one has its pid; -errno. */
int process_open(const struct process_id *id, const char *file);
/* Signal through a pidfd: 0, -ESRCH, -errno. */
int process_signal(int pidfd, int signal);
/* Whether the process behind a pidfd has ended (a zombie has). */
bool process_ended(int pidfd);
/* The state letter of /proc/PID/stat: 'R', 'S', 'T' (stopped)…; 0 when it is not that process any more. */
char process_state(const struct process_id *id);
/* Its short name as the kernel knows it, for messages: "nginx"; "" when unknown. name_len at least 16. */
void process_name(int pid, char *ret_name, size_t name_len);

/* What `leader`, an engine that was spawned as leader of its session, has left or started: every other live process of
 * its session, and every child of ours (orphans come to us, PR_SET_CHILD_SUBREAPER) that carries `marker` ("NAME=VALUE",
 * NULL = none) in its environment, for engines that fork and leave the session. Zombies of these that are children of
 * ours are reaped on the way. Nothing is found when another process has the leader's pid. *ret_pidfds on the heap
 * (process_session_free). A caller that needs certainty does not reap the leader before: its pid, and with it the
 * session's number, is not given away until then. 0 or -errno. */
int process_session(const struct process_id *leader, const char *marker, int **ret_pidfds, size_t *ret_n);
/* Closes and frees. */
void process_session_free(int *pidfds, size_t n);

/* A TCP listener as /proc/net/tcp and tcp6 show it. */
struct listener {
	const char *address; /* "127.0.0.1", "::" */
	unsigned port;
	uint64_t inode;
};
/* All TCP listeners of this network namespace. 0, -ENOMEM, -errno; never jumps. */
int process_listeners(struct arena *a, struct listener **ret_listeners, size_t *ret_n);
enum { OWNER_OURS = 0, OWNER_NONE = 1, OWNER_OTHER = 2, OWNER_HIDDEN = 3 };
/* Whether the process (or one of its session) holds the listener that a connection to address:port would reach: the one
 * bound to this address, else to all addresses. A listener shared with a stranger (SO_REUSEPORT) is OWNER_OTHER.
 * OWNER_NONE: nobody listens there; OWNER_HIDDEN: /proc/PID/fd may not be read; -ESRCH; -errno. id->pid 0: any listener
 * is OWNER_OTHER. */
int process_owns(const struct process_id *id, const char *address, unsigned port);
/* For messages: "pid 77 ('nginx')" of who holds address:port, "another process" when it cannot be seen, "" when nobody
 * listens there. */
void process_holder(const char *address, unsigned port, char *ret_text, size_t text_len);
/* For messages: what the process listens on, "127.0.0.1:1999, [::]:53"; "" = nothing, or it cannot be seen. */
void process_listens(const struct process_id *id, char *ret_text, size_t text_len);

#endif
