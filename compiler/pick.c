/* Which target a compile is for. */
#include "compiler/pick.h"

/* Choices of [runtime] engine, in the order of its row in model/. */
enum engine_choice { CHOICE_AUTO, CHOICE_XRAY, CHOICE_V2RAY, CHOICE_BUILTIN, CHOICE_SING_BOX, CHOICE__N };

static const enum engine_family families[CHOICE__N] = {
	[CHOICE_AUTO] = ENGINE_XRAY,
	[CHOICE_XRAY] = ENGINE_XRAY,
	[CHOICE_V2RAY] = ENGINE_V2RAY,
	[CHOICE_BUILTIN] = ENGINE_BUILTIN,
};

static bool is_version(struct str s)
{
	int64_t n;
	unsigned parts = 0;

	while (s.p && s.len) {
		if (str_int(str_cut(&s, '.'), &n) || n < 0)
			return false;
		parts++;
	}
	return parts >= 2;
}

static const struct target *by_version(struct diag_sink *sink, enum engine_family family, const struct text *version)
{
	const struct target *t = target_for_version(family, str_of(version->s));
	struct diag *d;

	if (t)
		return t;
	if (!is_version(str_of(version->s))) {
		d = diag_add(sink, DIAG_XR647, version->at, "engine_version '%s' is not a version", version->s);
		diag_help(sink, d, "write it as the engine prints it, for example '26.7.28'");
		return NULL;
	}
	d = diag_add(sink, DIAG_XR645, version->at, "%s %s is older than any target xrat knows",
		     engine_family_name(family), version->s);
	diag_help(sink, d, "upgrade the engine, or remove engine_version to compile for %s", target_newest(family)->name);
	return NULL;
}

static int64_t choice_of(const struct config *c)
{
	return c->runtime.engine.set ? c->runtime.engine.v : CHOICE_AUTO;
}

bool pick_is_open(const struct config *c, const char *name)
{
	return !name && choice_of(c) == CHOICE_AUTO;
}

const struct target *pick_target(struct diag_sink *sink, const struct config *c, const char *name)
{
	int64_t choice = choice_of(c);
	struct diag *d;

	if (name)
		return target_find(str_of(name));
	if (choice == CHOICE_SING_BOX) {
		d = diag_add(sink, DIAG_XR646, c->runtime.engine.at, "xrat cannot compile for sing-box");
		diag_help(sink, d, "set engine to 'auto', 'xray', 'v2ray' or 'builtin'");
		return NULL;
	}
	if (c->runtime.engine_version.set && choice != CHOICE_AUTO)
		return by_version(sink, families[choice], &c->runtime.engine_version);
	return choice == CHOICE_AUTO || choice == CHOICE_XRAY ? target_default() : target_newest(families[choice]);
}
