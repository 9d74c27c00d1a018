/* LD_PRELOAD library of tests/fault/oom.sh: lets allocations fail, counted from the moment main is called.
 *   OOM_AT=n       the nth allocation fails (0: none)
 *   OOM_ON=1       and every one after it
 *   OOM_FROM=DIR   counted from the moment this directory is opened for listing by its name, in the main thread alone
 *   OOM_FROM_FD=DIR  the same, by a descriptor
 *   OOM_COUNT=FILE the number of allocations is written there when the program ends */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t align, size_t size);

static bool armed;
static unsigned long count, fail_at;
static bool fail_on;
static const char *from, *from_fd;
static int (*real_main)(int, char **, char **);

static bool oom_now(void)
{
	if (!armed || ((from || from_fd) && gettid() != getpid()))
		return false;
	count++;
	if (!fail_at || (fail_on ? count < fail_at : count != fail_at))
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return oom_now() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return oom_now() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return oom_now() ? NULL : __libc_realloc(p, size);
}

void *aligned_alloc(size_t align, size_t size)
{
	return oom_now() ? NULL : __libc_memalign(align, size);
}

int posix_memalign(void **ret, size_t align, size_t size)
{
	if (oom_now())
		return ENOMEM;
	*ret = __libc_memalign(align, size);
	return *ret ? 0 : ENOMEM;
}

static int main_armed(int argc, char **argv, char **envp)
{
	const char *at = getenv("OOM_AT");

	fail_at = at ? strtoul(at, NULL, 10) : 0;
	fail_on = getenv("OOM_ON") != NULL;
	from = getenv("OOM_FROM");
	from_fd = getenv("OOM_FROM_FD");
	armed = !from && !from_fd;
	return real_main(argc, argv, envp);
}

DIR *opendir(const char *name)
{
	static DIR *(*next)(const char *);

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "opendir");
	if (from && !strcmp(name, from))
		armed = true;
	return next(name);
}

DIR *fdopendir(int fd)
{
	static DIR *(*next)(int);
	struct stat wanted, is;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "fdopendir");
	if (from_fd && !stat(from_fd, &wanted) && !fstat(fd, &is) && wanted.st_ino == is.st_ino && wanted.st_dev == is.st_dev)
		armed = true;
	return next(fd);
}

/* What runs before main belongs to the C++ runtime, which ends the program when it gets no memory. */
int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void), void (*fini)(void),
		      void (*rtld_fini)(void), void *stack_end);
int __libc_start_main(int (*main)(int, char **, char **), int argc, char **argv, void (*init)(void), void (*fini)(void),
		      void (*rtld_fini)(void), void *stack_end)
{
	__typeof__(&__libc_start_main) next = (__typeof__(&__libc_start_main))dlsym(RTLD_NEXT, "__libc_start_main");

	real_main = main;
	return next(main_armed, argc, argv, init, fini, rtld_fini, stack_end);
}

__attribute__((destructor)) static void oom_report(void)
{
	const char *path = getenv("OOM_COUNT");
	char text[32];
	int fd;

	armed = false;
	if (!path || (fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
		return;
	snprintf(text, sizeof(text), "%lu\n", count);
	(void)!write(fd, text, strlen(text));
	close(fd);
}
