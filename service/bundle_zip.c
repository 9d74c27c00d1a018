/* The archive: bytes that depend on the members alone. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>

#include "service/bundle_impl.h"

static la_ssize_t add(struct archive *z, void *ctx, const void *p, size_t len)
{
	struct buf *out = ctx;

	buf_add(out, p, len);
	if (!out->failed)
		return (la_ssize_t)len;
	archive_set_error(z, ENOMEM, "out of memory");
	return -1;
}

/* No time: the format's first day, 1980-01-01, in every time zone. No owner. */
static int put(struct archive *z, const struct bundle_member *m, bool masked)
{
	struct archive_entry *e = archive_entry_new();
	struct str bytes = masked ? (struct str){ m->done.p, m->done.len } : m->bytes;
	int r = e ? ARCHIVE_OK : ARCHIVE_FATAL;

	if (e) {
		archive_entry_set_pathname(e, m->name);
		archive_entry_set_filetype(e, AE_IFREG);
		archive_entry_set_perm(e, 0600);
		archive_entry_set_uid(e, 0);
		archive_entry_set_gid(e, 0);
		archive_entry_set_size(e, (la_int64_t)bytes.len);
		r = archive_write_header(z, e);
	}
	if (r == ARCHIVE_OK && bytes.len && archive_write_data(z, bytes.p, bytes.len) != (la_ssize_t)bytes.len)
		r = ARCHIVE_FATAL;
	archive_entry_free(e);
	return r;
}

static int open_zip(struct archive *z, struct buf *out)
{
	int r = archive_write_set_format_zip(z);

	if (r == ARCHIVE_OK)
		r = archive_write_zip_set_compression_deflate(z);
	if (r == ARCHIVE_OK)
		r = archive_write_set_bytes_in_last_block(z, 1);
	return r == ARCHIVE_OK ? archive_write_open2(z, out, NULL, add, NULL, NULL) : r;
}

int bundle_zip(struct bundle *b, struct err *e)
{
	struct archive *z = archive_write_new();
	int r = z ? open_zip(z, &b->zip) : ARCHIVE_FATAL, code = 0;

	for (unsigned i = 0; r == ARCHIVE_OK && i < b->n; i++)
		r = put(z, &b->v[i], b->mask);
	if (r == ARCHIVE_OK)
		r = archive_write_close(z);
	if (!z || b->zip.failed)
		code = err_sys(e, -ENOMEM, "write the archive");
	else if (r != ARCHIVE_OK)
		code = err_set(e, -EIO, "write the archive: %s", archive_error_string(z));
	archive_write_free(z);
	return code;
}
