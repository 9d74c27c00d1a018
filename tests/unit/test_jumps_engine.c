/* link: engine route model lib */
/* Memory that runs out while the embedded engine reads its configuration again: what a reload was given is closed, what was made
 * is given back. */
#include <fcntl.h>
#include <unistd.h>

#include "engine/conf.h"
#include "engine/engine_impl.h"
#include "engine/parcel.h"
#include "tests/unit/jump_arena.h"

static const char json[] =
	"{\"log\":{\"loglevel\":\"none\"},\"stats\":{},\"policy\":{\"system\":{\"statsInboundUplink\":true}},"
	"\"dns\":{\"servers\":[\"fakedns\",\"127.0.0.1\"],\"hosts\":{\"a.test\":\"127.0.0.1\"}},"
	"\"inbounds\":[{\"tag\":\"in\",\"protocol\":\"socks\",\"listen\":\"127.0.0.1\",\"port\":1080}],"
	"\"outbounds\":[{\"tag\":\"out\",\"protocol\":\"freedom\",\"settings\":{}}],"
	"\"routing\":{\"rules\":[{\"domain\":[\"domain:black.test\",\"keyword:z\"],\"nonsense\":1,\"outboundTag\":\"out\"},"
	"{\"ip\":[\"10.0.0.0/8\"],\"outboundTag\":\"%s\"}]}}";

struct bed {
	const char *goal;
	struct conf *before;
};

static int load_json(void *ctx, int fd, struct arena *a, struct diag_sink *sink, struct xconf *ret_x, struct err *e)
{
	const struct bed *b = ctx;
	const char *text = arena_printf(a, json, b->goal);
	uint32_t src = sources_add((struct sources *)diag_sources(sink), "x.json", text, (uint32_t)strlen(text));
	struct value root;

	(void)e;
	assert_true(fd >= 0 || !b->before);
	if (json_parse(a, sink, src, false, &root))
		return 1;
	xconf_from_value(a, &root, target_find(STR("builtin")), ret_x);
	return 0;
}

static void report(void *ctx, struct arena *a, struct diag_sink *sink)
{
	(void)ctx;
	(void)sink;
	arena_strdup(a, "what was found");
}

static int reload(void *ctx)
{
	struct bed *b = ctx;
	const struct engine_options o = { .load = load_json, .report = report, .ctx = b };
	struct parcel given = { 0 };
	struct engine en = { .o = &o, .given = &given, .conf = b->before };
	struct conf *c;
	const char *why;
	struct err e = { 0 };
	int r = parcel_add(&given, "file", "", open("/dev/null", O_RDONLY | O_CLOEXEC));

	if (!r)
		r = engine_load(&en, &c, &why, &e);
	if (!r)
		conf_drop(c);
	else
		assert_null(c);
	parcel_fini(&given);
	free(en.text);
	err_fini(&e);
	return r;
}

/* Beside one in force, whose counters and pools go on; one that is right and one with faults. */
static void test_reload(void **state)
{
	struct bed b = { "out", NULL };
	const struct engine_options o = { .load = load_json, .report = report, .ctx = &b };
	struct engine en = { .o = &o };
	const char *why;

	(void)state;
	assert_int_equal(engine_load(&en, &b.before, &why, NULL), 0);
	each(&b, reload, 0);
	b.goal = "nowhere";
	each(&b, reload, 0);
	conf_drop(b.before);
	free(en.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_reload) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
