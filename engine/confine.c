/* Privileges and system calls. The list of calls was made by tracing (tests/engine) and by reading what the C library uses
 * behind the functions that are called here. */
#include "engine/confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* --- another user --- */
static int become(const char *user, struct err *e)
{
	const struct passwd *pw;

	errno = 0;
	pw = getpwnam(user);
	if (!pw)
		return errno ? err_sys(e, -errno, "look up the user '%s'", user) :
			       err_set(e, -ENOENT, "there is no user '%s'", user);
	if (pw->pw_uid == geteuid())
		return 0;
	if (setgroups(1, &pw->pw_gid) || setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) ||
	    setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid))
		return err_sys(e, -errno, "become the user '%s'", user);
	return setuid(0) ? 0 : err_set(e, -EPERM, "become the user '%s': root's rights stayed", user);
}

int confine_user(const char *user, struct err *e)
{
	int r = user && *user ? become(user, e) : 0;

	if (r)
		return r;
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? err_sys(e, -errno, "give up new privileges") : 0;
}

/* --- system calls --- */
#if defined(__x86_64__)
#define CONFINE_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define CONFINE_ARCH AUDIT_ARCH_AARCH64
#endif

#ifdef CONFINE_ARCH
/* Those of the data path stand first: the filter goes through them in this order. */
static const uint16_t allowed[] = {
#ifdef __x86_64__
	__NR_epoll_wait,
#endif
	__NR_epoll_pwait, __NR_recvfrom, __NR_sendto, __NR_splice, __NR_read, __NR_write, __NR_epoll_ctl, __NR_accept4,
	__NR_connect, __NR_close, __NR_shutdown, __NR_setsockopt, __NR_getsockopt, __NR_recvmmsg, __NR_sendmmsg, __NR_recvmsg,
	__NR_sendmsg, __NR_futex, __NR_clock_gettime, __NR_getsockname, __NR_getpeername, __NR_readv, __NR_writev, __NR_pipe2,
	__NR_tee, __NR_socketpair,
	/* listening */
	__NR_bind, __NR_listen, __NR_eventfd2, __NR_epoll_create1, __NR_epoll_pwait2,
	/* memory */
	__NR_brk, __NR_mmap, __NR_munmap, __NR_mremap, __NR_mprotect, __NR_madvise,
	/* files: a reload, logs, Unix sockets, /etc/resolv.conf; qsort asks for the size of the memory */
	__NR_openat, __NR_openat2, __NR_fstat, __NR_newfstatat, __NR_statx, __NR_lseek, __NR_pread64, __NR_fcntl, __NR_dup3,
	__NR_unlinkat, __NR_umask, __NR_readlinkat, __NR_getcwd, __NR_faccessat, __NR_sysinfo,
	/* threads and the end of them, signals, time */
	__NR_exit, __NR_exit_group, __NR_rt_sigprocmask, __NR_rt_sigaction, __NR_rt_sigreturn, __NR_restart_syscall,
	__NR_sigaltstack, __NR_tgkill, __NR_gettid, __NR_getpid, __NR_getuid, __NR_geteuid, __NR_getgid, __NR_getegid, __NR_ppoll,
	__NR_sched_yield, __NR_sched_getaffinity, __NR_clock_nanosleep, __NR_nanosleep, __NR_gettimeofday, __NR_getrandom,
	__NR_set_robust_list, __NR_rseq, __NR_getrusage,
#ifdef __x86_64__
	__NR_poll, __NR_open, __NR_stat, __NR_lstat, __NR_access, __NR_unlink, __NR_readlink, __NR_time,
	__NR_epoll_create, __NR_dup2,
#endif
};
static const uint8_t families[] = { AF_INET, AF_INET6, AF_UNIX };

enum { N_ALLOWED = sizeof(allowed) / sizeof(*allowed), N_FAMILIES = sizeof(families) / sizeof(*families) };
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))
#define IF_IS(value, then, otherwise) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), (then), (otherwise))

/* Another ABI of the same machine has other numbers. Each allowed number is compared and, where it is the one, returned at once. */
static unsigned make_filter(struct sock_filter *f)
{
	const struct sock_filter head[] = {
		LOAD(arch), IF_IS(CONFINE_ARCH, 1, 0), RETURN(SECCOMP_RET_ERRNO | EPERM), LOAD(nr),
	};
	unsigned n = 0;

	for (size_t i = 0; i < sizeof(head) / sizeof(*head); i++)
		f[n++] = head[i];
	for (size_t i = 0; i < N_ALLOWED; i++) {
		f[n++] = (struct sock_filter)IF_IS(allowed[i], 0, 1);
		f[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	}
	f[n++] = (struct sock_filter)IF_IS(__NR_socket, 1, 0);
	f[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ERRNO | EPERM);
	f[n++] = (struct sock_filter)LOAD(args[0]); /* the lower half of it, on both machines */
	for (size_t i = 0; i < N_FAMILIES; i++) {
		f[n++] = (struct sock_filter)IF_IS(families[i], 0, 1);
		f[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ALLOW);
	}
	f[n++] = (struct sock_filter)RETURN(SECCOMP_RET_ERRNO | EPERM);
	return n;
}

int confine_calls(struct err *e)
{
	struct sock_filter filter[8 + 2 * (N_ALLOWED + N_FAMILIES)];
	struct sock_fprog program = { .filter = filter };
	unsigned long flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	long r;

	program.len = (unsigned short)make_filter(filter);
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	if (!r)
		return 0;
	return r > 0 ? err_set(e, -EBUSY, "a thread has another filter of system calls") :
		       err_sys(e, -errno, "filter system calls (--no-seccomp leaves that out)");
}
#else
int confine_calls(struct err *e)
{
	return err_set(e, -ENOSYS, "no list of system calls is known for this machine; use --no-seccomp");
}
#endif
