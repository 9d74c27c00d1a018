// RE2 behind a C header. No exception and no arena jump crosses these functions.
#include <re2/re2.h>
#include <re2/set.h>

#include <cerrno>
#include <exception>
#include <new>
#include <string>
#include <vector>

extern "C" {
#include "lib/regex.h"
}

struct regex {
	RE2 re;
	regex(re2::StringPiece pattern, const RE2::Options &options) : re(pattern, options) {}
};

static const char *copy_text(struct arena *a, const std::string &text)
{
	char *p = static_cast<char *>(arena_try_alloc(a, text.size() + 1));

	if (p)
		text.copy(p, text.size());
	return p;
}

extern "C" int regex_new(struct arena *a, struct str pattern, struct regex **ret_regex, const char **ret_why)
try {
	RE2::Options options;

	options.set_log_errors(false);
	regex *r = new regex(re2::StringPiece(pattern.p, pattern.len), options);
	if (r->re.ok()) {
		*ret_regex = r;
		return 0;
	}
	*ret_why = copy_text(a, r->re.error());
	delete r;
	return *ret_why ? 1 : -ENOMEM;
} catch (const std::exception &) {
	return -ENOMEM;
}

extern "C" void regex_on_oom(void (*give_up)(void))
{
	std::set_new_handler(give_up);
}

extern "C" void regex_free(struct regex *r)
{
	delete r;
}

extern "C" bool regex_match(const struct regex *r, struct str text)
try {
	return RE2::PartialMatch(re2::StringPiece(text.p, text.len), r->re);
} catch (const std::exception &) {
	return false;
}

struct regex_set {
	RE2::Set set;
	explicit regex_set(const RE2::Options &options) : set(options, RE2::UNANCHORED) {}
};

extern "C" int regex_set_new(const struct str *patterns, size_t n, struct regex_set **ret_set)
try {
	RE2::Options options;
	bool ok = true;

	options.set_log_errors(false);
	options.set_max_mem(64 << 20);
	regex_set *s = new regex_set(options);
	for (size_t i = 0; ok && i < n; i++)
		ok = s->set.Add(re2::StringPiece(patterns[i].p, patterns[i].len), nullptr) >= 0;
	if (ok && s->set.Compile()) {
		*ret_set = s;
		return 0;
	}
	delete s;
	return 1;
} catch (const std::exception &) {
	return -ENOMEM;
}

extern "C" void regex_set_free(struct regex_set *s)
{
	delete s;
}

extern "C" int regex_set_match(const struct regex_set *s, struct str text, void (*seen)(void *ctx, size_t i), void *ctx)
try {
	RE2::Set::ErrorInfo info;
	std::vector<int> found;

	if (!s->set.Match(re2::StringPiece(text.p, text.len), &found, &info) && info.kind != RE2::Set::kNoError)
		return -ENOMEM;
	for (int i : found)
		seen(ctx, static_cast<size_t>(i));
	return 0;
} catch (const std::exception &) {
	return -ENOMEM;
}
