/* Opening. SQLite opens by name and follows what it finds, so the place is looked at first: the directory is opened by
 * descriptor without following a link, the files in it are regular files of ours, the database is made here with its
 * mode (SQLite gives its -wal and -shm the same), and SQLite gets the directory's true path with SQLITE_OPEN_NOFOLLOW.
 *
 * Until the file is known to be ours and sound, nothing may be written to it, not even by closing: SQLite would move the
 * -wal of a killed process into it. The files are looked at through O_PATH or fstatat alone: closing any other descriptor
 * of a database would drop the locks that this process holds on it. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "store/sql.h"

enum { BUSY_MS = 5000, CHECK_MAX_MIB = 256, PROC_PATH = 40 };

struct place {
	const char *path; /* as given */
	int dir;
	const char *name; /* of the file in it */
	bool is_new;      /* there is no database, or an empty one */
	bool has_wal;     /* a killed process left something there */
	bool read_only;   /* the file system is */
};

/* --- the place ---------------------------------------------------------------------------------------------------- */

/* Opens the directory part of path, whose last component may be missing but no link. */
static int open_parent(int dir_fd, const char *dir, bool create, struct err *e)
{
	char *up = strdup(dir), *slash = up ? strrchr(up, '/') : NULL;
	const char *last = slash ? slash + 1 : up;
	int fd, base;

	if (!up)
		return err_sys(e, -ENOMEM, "directory '%s'", dir);
	if (slash)
		*slash = '\0';
	base = slash ? openat(dir_fd, up[0] ? up : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : dir_fd;
	if (base < 0 && slash)
		fd = err_sys(e, -errno, "open directory '%s'", up);
	else
		fd = create ? dir_make(base, last, 0700, e) : dir_open_own(base, last, e);
	if (slash && base >= 0)
		close(base);
	free(up);
	return fd;
}

static int open_dir(int dir_fd, struct place *p, bool create, struct err *e)
{
	const char *slash = strrchr(p->path, '/');
	char *dir;

	p->name = slash ? slash + 1 : p->path;
	if (!p->name[0] || str_is(str_of(p->name), ".") || str_is(str_of(p->name), ".."))
		return err_set(e, -EISDIR, "database '%s': this names a directory; name a file", p->path);
	if (!slash || slash == p->path) {
		p->dir = openat(dir_fd, slash ? "/" : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return p->dir < 0 ? err_sys(e, -errno, "open the directory of database '%s'", p->path) : 0;
	}
	dir = strndup(p->path, (size_t)(slash - p->path));
	p->dir = dir ? open_parent(dir_fd, dir, create, e) : err_sys(e, -ENOMEM, "open its directory");
	free(dir);
	return p->dir < 0 ? err_wrap(e, "database '%s'", p->path), p->dir : 0;
}

/* Nobody else may put files there while we look. */
static int check_dir(struct place *p, struct err *e)
{
	struct statvfs fs;
	struct stat st;
	uid_t me = geteuid();

	if (fstat(p->dir, &st) < 0 || fstatvfs(p->dir, &fs) < 0)
		return err_sys(e, -errno, "look at the directory of database '%s'", p->path);
	p->read_only = fs.f_flag & ST_RDONLY;
	if (me && st.st_uid && st.st_uid != me)
		return err_set(e, -EPERM, "database '%s': its directory belongs to another user", p->path);
	if ((st.st_mode & S_IWOTH) && !(st.st_mode & S_ISVTX))
		return err_set(e, -EPERM, "database '%s': everybody may write to its directory; chmod o-w it", p->path);
	return 0;
}

/* O_PATH: the mode of a file that nobody may read is mended too. */
static void tighten(const struct place *p, const struct stat *st)
{
	char link[PROC_PATH];
	int fd;

	if (!(st->st_mode & 077) || p->read_only)
		return;
	fd = openat(p->dir, p->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (chmod(link, 0600) < 0)
		errno = 0; /* not ours; SQLite says what is wrong when it matters */
	close(fd);
}

/* 1: there, *ret_st set; 0: not there. */
static int look(const struct place *p, const char *suffix, struct stat *ret_st, struct err *e)
{
	char name[NAME_MAX + 1];

	if (snprintf(name, sizeof(name), "%s%s", p->name, suffix) > NAME_MAX)
		return err_sys(e, -ENAMETOOLONG, "database '%s'", p->path);
	if (fstatat(p->dir, name, ret_st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, -errno, "look at database '%s%s'", p->path, suffix);
	if (S_ISLNK(ret_st->st_mode))
		return err_set(e, -ELOOP, "database '%s%s': a symbolic link stands in its place", p->path, suffix);
	if (!S_ISREG(ret_st->st_mode))
		return err_set(e, -ENOTSUP, "database '%s%s': this is not a regular file", p->path, suffix);
	return 1;
}

static int check_files(struct place *p, bool *ret_there, struct err *e)
{
	static const char *const others[] = { "-shm", "-journal", "-wal" };
	struct stat main, other = { 0 };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < sizeof(others) / sizeof(*others); i++)
		r = look(p, others[i], &other, e);
	p->has_wal = r > 0 && other.st_size;
	if (r >= 0) /* last: who makes one now fills it before its -wal */
		r = look(p, "", &main, e);
	if (r < 0)
		return r;
	*ret_there = r > 0;
	p->is_new = !r || !main.st_size;
	/* SQLite would throw away the only thing that is left. */
	if (p->is_new && p->has_wal)
		return err_set(e, -EUCLEAN, "database '%s' is damaged: it is empty, but its '-wal' is not; put a copy in its "
			"place, or move both away to begin anew", p->path);
	if (*ret_there)
		tighten(p, &main);
	return 0;
}

/* An empty file; somebody else may be quicker. */
static int make_file(const struct place *p, struct err *e)
{
	int fd = openat(p->dir, p->name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600), r = 0;

	if (fd < 0)
		return errno == EEXIST ? 0 : err_sys(e, -errno, "make database '%s'", p->path);
	if (fchmod(fd, 0600) < 0)
		r = err_sys(e, -errno, "set the mode of database '%s'", p->path);
	close(fd);
	if (!r && (r = dir_sync(p->dir, p->name, e)))
		err_wrap(e, "database '%s'", p->path);
	return r;
}

/* --- SQLite ------------------------------------------------------------------------------------------------------- */

static void add_percent(struct buf *out, const char *s)
{
	for (; *s; s++)
		if (strchr("%?#", *s))
			buf_printf(out, "%%%02x", (unsigned char)*s);
		else
			buf_putc(out, *s);
}

/* The true path of the database: the directory's as the kernel knows it. What stands on a read-only file system and has
 * no -wal cannot change, and SQLite must know that, as it cannot make its -shm there. */
static int true_path(const struct place *p, struct buf *out, struct err *e)
{
	char link[PROC_PATH], dir[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", p->dir);
	n = readlink(link, dir, sizeof(dir) - 1);
	if (n < 0)
		return err_sys(e, -errno, "find the directory of database '%s'", p->path);
	dir[n] = '\0';
	buf_puts(out, "file:");
	add_percent(out, dir);
	buf_putc(out, '/');
	add_percent(out, p->name);
	buf_puts(out, p->read_only && !p->has_wal ? "?immutable=1" : "");
	return out->failed ? err_sys(e, -ENOMEM, "database '%s'", p->path) : 0;
}

static int connect_file(struct store *s, const struct place *p, const struct store_options *o, struct err *e)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW |
		    SQLITE_OPEN_EXRESCODE;
	struct buf path = { 0 };
	int r = true_path(p, &path, e), code;

	if (!r) {
		code = sqlite3_open_v2(path.p, &s->db, flags, NULL);
		r = code == SQLITE_OK ? 0 : sql_fault(s, code, e);
	}
	buf_fini(&path);
	if (r)
		return r;
	sqlite3_busy_timeout(s->db, o && o->busy_ms ? (int)o->busy_ms : BUSY_MS);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, (int)p->has_wal, NULL);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	s->durable = true; /* what SQLite begins with */
	return sql_exec(s, "PRAGMA foreign_keys=ON", e);
}

/* Every page, but not of a file that would take many seconds. */
static int check_pages(struct store *s, struct err *e)
{
	sqlite3_stmt *st;
	int64_t pages = 0, size = 0;
	bool sound;
	int r = sql_int(s, SQL_PAGE_COUNT, NULL, 0, &pages, e);

	if (!r)
		r = sql_int(s, SQL_PAGE_SIZE, NULL, 0, &size, e);
	if (r || pages * size > (int64_t)CHECK_MAX_MIB * 1024 * 1024)
		return r;
	r = sql_start(s, SQL_QUICK_CHECK, NULL, 0, &st, e);
	if (!r)
		r = sql_step(s, st, e);
	if (r <= 0)
		return r;
	sound = str_is(str_of((const char *)sqlite3_column_text(st, 0)), "ok");
	sqlite3_reset(st);
	return sound ? 0 : sql_fault(s, SQLITE_CORRUPT, e);
}

static int prepare(struct store *s, const struct place *p, const struct store_options *o, struct err *e)
{
	int r = connect_file(s, p, o, e);

	if (!r)
		r = tx_prepare(s, e);
	if (!r && o && o->flags & STORE_CHECK && !p->is_new)
		r = check_pages(s, e);
	if (!r)
		r = migrate_run(s, e);
	if (r)
		return r;
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	return sql_exec(s, "PRAGMA journal_size_limit=4194304", e);
}

static int open_at(struct place *p, const struct store_options *o, struct store **ret_store, struct err *e)
{
	struct store *s;
	bool there;
	int r = check_dir(p, e);

	if (!r)
		r = check_files(p, &there, e);
	if (!r && !there && o && o->flags & STORE_NO_CREATE)
		return STORE_MISSING;
	if (!r && !there)
		r = make_file(p, e);
	if (r)
		return r;
	s = calloc(1, sizeof(*s));
	if (s)
		s->path = strdup(p->path);
	if (!s || !s->path)
		r = err_sys(e, -ENOMEM, "database '%s'", p->path);
	else
		r = prepare(s, p, o, e);
	if (r)
		store_close(s);
	else
		*ret_store = s;
	return r;
}

int store_open(int dir_fd, const char *path, const struct store_options *o, struct store **ret_store, struct err *e)
{
	bool create = !(o && o->flags & STORE_NO_CREATE);
	struct place p = { .path = path, .dir = -1 };
	int r = open_dir(dir_fd, &p, create, e);

	if (!create && r == -ENOENT) {
		if (e)
			err_fini(e);
		return STORE_MISSING;
	}
	if (!r)
		r = open_at(&p, o, ret_store, e);
	if (p.dir >= 0)
		close(p.dir);
	return r;
}

void store_set_busy(struct store *s, unsigned busy_ms)
{
	sqlite3_busy_timeout(s->db, (int)busy_ms);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	list_close(s);
	store_rollback(s);
	for (int i = 0; i < SQL__N; i++)
		sqlite3_finalize(s->stmts[i]);
	if (s->db && s->damaged)
		sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_close(s->db);
	free(s->path);
	free(s);
}

const char *store_path(const struct store *s)
{
	return s->path;
}
