#ifndef XRAT_LIB_ERR_H
#define XRAT_LIB_ERR_H
/* What the system did: one line, wrapped once a level ("publish generation 41: rename 'x': no space left on
 * device"). */
struct err {
	int code; /* negative errno, 0 = none */
	char *text;
};
/* Sets the text to "fmt: strerror(-code)"; returns code. e may be NULL. */
int err_sys(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Sets the text to fmt alone. */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Puts "fmt: " before the text; returns the code already there. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
const char *err_text(const struct err *e);
void err_fini(struct err *e);

#endif
