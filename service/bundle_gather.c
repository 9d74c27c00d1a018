/* The files of CONFIG_ROOT, in a fixed order. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/bundle_impl.h"

#define NAME(...) arena_printf(b->a, __VA_ARGS__)

void bundle_gather_common(struct bundle *b)
{
	static const char *const state[] = { "apply.request", "apply.request.corrupt", "apply.error",
					     "apply.error.corrupt" };
	static const char *const audit[] = { "audit.log", "audit.log.1" };

	bundle_take(b, "config.toml", b->root_fd, "config.toml", BUNDLE_DESIRED, MASK_CONFIG_TOML);
	for (size_t i = 0; i < sizeof(state) / sizeof(*state); i++)
		bundle_take(b, NAME("state/%s", state[i]), b->root_fd, NAME(".state/%s", state[i]), BUNDLE_STATE,
			    MASK_TEXT);
	for (size_t i = 0; i < sizeof(audit) / sizeof(*audit); i++)
		bundle_take(b, audit[i], b->root_fd, audit[i], BUNDLE_STATE, MASK_TEXT);
}

/* --- desired ------------------------------------------------------------------------------------------------------ */
static const char *snippet_dir(struct bundle *b, enum role role, struct str toml)
{
	struct sources *sources = sources_new(b->a);
	struct value root = { 0 }, *section;
	struct str dir = { 0 };

	if (toml.len && toml.len <= TOML_MAX_BYTES &&
	    !toml_parse(b->a, diag_sink_new(b->a, sources), sources_add(sources, "", toml.p, (uint32_t)toml.len), &root)) {
		section = value_get(&root, role_names[role]);
		if (section)
			dir = value_get_str(section, "config_dir");
	}
	if (!dir.len || memchr(dir.p, 0, dir.len))
		return NAME("config-%s", role_names[role]);
	return arena_memdup(b->a, dir.p, dir.len);
}

static void gather_snippets(struct bundle *b, enum role role, const char *dir)
{
	const char **names = NULL;
	size_t n = bundle_list(b, b->root_fd, dir, true, &names), others = 0;

	for (size_t k = 0; n && k < SNIPPET__N; k++)
		bundle_take(b, NAME("%s/snippets/%s", role_names[role], snippet_file_names[k]), b->root_fd,
			    NAME("%s/%s", dir, snippet_file_names[k]), BUNDLE_DESIRED, MASK_XRAY_JSON);
	for (size_t i = 0; i < n; i++) {
		bool known = false;

		for (size_t k = 0; k < SNIPPET__N; k++)
			known |= str_is(str_of(names[i]), snippet_file_names[k]);
		others += !known;
	}
	if (others)
		bundle_problem(b, dir, "%zu other file%s in it not included: not the name of a snippet", others,
			       others == 1 ? " is" : "s are");
}

static void gather_desired(struct bundle *b, enum role role)
{
	const char *path = NAME("xp2p-%s.toml", role_names[role]);
	struct str toml = { 0 };
	const char *note = NULL;
	int r = bundle_read(b, b->root_fd, path, BUNDLE_DESIRED, &toml, &note);

	if (!r)
		bundle_put(b, NAME("%s/%s", role_names[role], path), toml,
			   role == ROLE_CLIENT ? MASK_CLIENT_TOML : MASK_SERVER_TOML, note);
	else if (r == -ENOENT)
		bundle_problem(b, path, "it does not exist");
	gather_snippets(b, role, snippet_dir(b, role, r ? str_of(NULL) : toml));
}

/* --- generations -------------------------------------------------------------------------------------------------- */
static bool is_number(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n && n <= 20 && !s[n];
}

/* The generation that .state/WHICH/config-ROLE leads to; NULL: none, or somewhere else. */
static const char *linked(struct bundle *b, const char *which, enum role role)
{
	const char *dir = NAME(".state/%s", which), *link = NAME("config-%s", role_names[role]);
	const char *prefix = NAME("../generations/%s/", role_names[role]);
	int fd = file_open_walk(b->root_fd, dir);
	char target[PATH_MAX];
	ssize_t n = fd >= 0 ? readlinkat(fd, link, target, sizeof(target) - 1) : -1;

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return NULL;
	target[n] = 0;
	if (str_starts(str_of(target), prefix) && is_number(target + strlen(prefix)))
		return arena_strdup(b->a, target + strlen(prefix));
	bundle_problem(b, NAME("%s/%s", dir, link), "not a link to a generation");
	return NULL;
}

static void gather_linked(struct bundle *b, enum role role, const char *which)
{
	static const struct {
		const char *name;
		enum mask_form form;
	} files[] = { { "xray.json", MASK_XRAY_JSON }, { "meta.json", MASK_TEXT }, { "map.json", MASK_TEXT } };
	const char *number = linked(b, which, role), *dir;

	if (!number)
		return;
	dir = NAME(".state/generations/%s/%s", role_names[role], number);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		const char *path = NAME("%s/%s", dir, files[i].name);

		if (bundle_take(b, NAME("%s/%s/%s", role_names[role], which, files[i].name), b->root_fd, path,
				BUNDLE_STATE, files[i].form) == -ENOENT)
			bundle_problem(b, path, "it does not exist");
	}
}

/* Of the others the meta data; their secrets may still stand in logs. */
static void gather_generations(struct bundle *b, enum role role)
{
	const char *dir = NAME(".state/generations/%s", role_names[role]), **names = NULL, *note;
	size_t n = bundle_list(b, b->root_fd, dir, false, &names);
	struct str bytes;

	for (size_t i = 0; i < n; i++) {
		if (!is_number(names[i]))
			continue;
		bundle_take(b, NAME("%s/generations/%s/meta.json", role_names[role], names[i]), b->root_fd,
			    NAME("%s/%s/meta.json", dir, names[i]), BUNDLE_STATE, MASK_TEXT);
		if (b->mask && !bundle_read(b, b->root_fd, NAME("%s/%s/xray.json", dir, names[i]), BUNDLE_STATE, &bytes,
					    &note))
			mask_learn(b->mask, bytes, MASK_XRAY_JSON, NULL);
	}
}

void bundle_gather_role(struct bundle *b, enum role role)
{
	static const char *const kinds[] = { "status", "memory" };

	gather_desired(b, role);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		const char *name = NAME("%s-%s.json", kinds[i], role_names[role]);

		bundle_take(b, NAME("state/%s", name), b->root_fd, NAME(".state/%s", name), BUNDLE_STATE, MASK_TEXT);
	}
	gather_linked(b, role, "live");
	gather_linked(b, role, "lkg");
	gather_generations(b, role);
}

void bundle_learn_role(struct bundle *b, enum role role)
{
	b->only_learn = true;
	gather_desired(b, role);
	gather_linked(b, role, "live");
	gather_linked(b, role, "lkg");
	gather_generations(b, role);
	b->only_learn = false;
}
