/* Which process a live row has. The same process is the pid with its start time, boot and program, which runs our file; a
 * pid alone says nothing. An engine that was started right before its row could say so is told by its file and its mark. */
#include <string.h>
#include <unistd.h>

#include "daemon/session_impl.h"

static void reject(struct session_verdict *v, const char *code, const char *why)
{
	v->code = code;
	v->why = why;
}

static bool is_other_boot(const struct store_session *row)
{
	struct process_id self;

	return !row->boot_id || process_identify(getpid(), &self) || !str_is(str_of(self.boot_id), row->boot_id);
}

/* What is at that pid now. */
static void explain(struct session_verdict *v)
{
	const struct store_session *row = v->row;
	struct process_id now;

	if (!row->process_id)
		reject(v, "daemon_restart_not_started", "the daemon ended before its engine was started");
	else if ((v->is_other_boot = is_other_boot(row)))
		reject(v, "daemon_restart_other_boot", "the machine was started anew");
	else if (process_identify(row->process_id, &now))
		reject(v, "daemon_restart_reattach_rejected_pid_missing", "its engine ended while no daemon ran");
	else if (now.start_ticks != row->process_start_ticks)
		reject(v, "daemon_restart_reattach_rejected_pid_reused",
		       "its engine ended while no daemon ran, and its pid is another process's by now");
	else
		reject(v, "daemon_restart_reattach_rejected_mismatch",
		       "the process with its pid is another program, or runs another file");
}

static bool same_process(const struct process_id *id, const struct store_session *row)
{
	return id->pid == row->process_id && id->start_ticks == row->process_start_ticks;
}

/* Marks the engines that are accounted for. */
static bool find_unrecorded(struct session_verdict *v, struct session_engine *engines, size_t n)
{
	const struct store_session *row = v->row;

	for (size_t i = 0; i < n && row->status == STORE_STARTING && !row->process_id && row->engine_config_path; i++)
		if (!engines[i].used && str_is(str_of(engines[i].file), row->engine_config_path)) {
			engines[i].used = true;
			v->id = engines[i].id;
			return true;
		}
	return false;
}

static bool is_recorded(struct session_verdict *v, struct session_engine *engines, size_t n)
{
	const struct store_session *row = v->row;
	struct process_id id = { .pid = row->process_id, .start_ticks = row->process_start_ticks,
				 .exe_dev = row->executable_dev, .exe_ino = row->executable_inode };
	int fd;

	if (!row->process_id || !row->engine_config_path || !row->boot_id || strlen(row->boot_id) >= BOOT_ID_TEXT)
		return false;
	memcpy(id.boot_id, row->boot_id, strlen(row->boot_id));
	fd = process_open(&id, row->engine_config_path);
	if (fd < 0)
		return false;
	close(fd);
	for (size_t i = 0; i < n; i++)
		if (same_process(&engines[i].id, row))
			engines[i].used = true;
	v->id = id;
	return true;
}

void session_judge(struct store_session *row, struct session_engine *engines, size_t n, struct session_verdict *ret)
{
	*ret = (struct session_verdict){ .row = row };
	ret->is_proved = is_recorded(ret, engines, n) || find_unrecorded(ret, engines, n);
	if (!ret->is_proved)
		explain(ret);
}
