#ifndef XRAT_LIB_CLOCK_H
#define XRAT_LIB_CLOCK_H
/* Time, for those who may ask for it (never the compiler). What is decided is decided by the monotonic clock; the wall
 * clock is only shown. */
#include <stdint.h>

int64_t clock_mono_ms(void);
/* Since 1970, for what is written down. */
int64_t clock_wall_ms(void);
enum { CLOCK_TEXT = 25 };
/* Now as RFC 3339, UTC, milliseconds: "2026-02-03T04:05:06.789Z". */
void clock_text(char ret_text[CLOCK_TEXT]);
/* The same for a time ms from now (before now when negative). */
void clock_text_in(int64_t ms, char ret_text[CLOCK_TEXT]);

enum { UUID_TEXT = 37 };
/* A random UUID, version 4 (RFC 9562), lower case. 0 or -errno of getrandom. */
int uuid_make(char ret_text[UUID_TEXT]);

#endif
