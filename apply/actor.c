/* Who does it, for audit.log and meta.json: facts for a reader, nothing is decided by them. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apply/apply.h"

enum { NAME_BYTES = 4096, NAME_SHOWN = 256 };

/* What came from outside must not break the line it is written into. */
static bool is_showable(const char *s)
{
	size_t bad;

	return s && *s && strlen(s) <= NAME_SHOWN && str_is_utf8(str_of(s), &bad);
}

/* From the file alone: the name services behind getpwuid load libraries, may ask the network, and end the process when
 * memory is short. Who is known only to them is shown as a number. */
static const struct passwd *find_entry(uid_t uid, struct passwd *entry, char *space)
{
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd *found = NULL;

	while (f && !fgetpwent_r(f, entry, space, NAME_BYTES, &found) && found->pw_uid != uid)
		found = NULL;
	if (f)
		fclose(f);
	return found;
}

static const char *name_of(struct arena *a, uid_t uid)
{
	const struct passwd *found;
	struct passwd entry;
	char *space;

	if (!uid) /* the commonest case needs no file */
		return "root";
	space = arena_alloc(a, NAME_BYTES);
	found = find_entry(uid, &entry, space);
	return found && is_showable(found->pw_name) ? found->pw_name : arena_printf(a, "%u", (unsigned)uid);
}

void actor_self(struct arena *a, const char *program, struct actor *ret_actor)
{
	uid_t uid = getuid();
	const char *sudo = getenv("SUDO_USER");

	*ret_actor = (struct actor){
		.uid = uid,
		.name = name_of(a, uid),
		.sudo_user = is_showable(sudo) ? arena_strdup(a, sudo) : NULL,
		.program = program,
	};
}
