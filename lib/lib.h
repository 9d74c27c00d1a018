#ifndef XRAT_LIB_H
#define XRAT_LIB_H
/* What other folders may use of lib/. */
#include "lib/arena.h"
#include "lib/base64.h"
#include "lib/clock.h"
#include "lib/diag.h"
#include "lib/err.h"
#include "lib/file.h"
#include "lib/json.h"
#include "lib/lock.h"
#include "lib/regex.h"
#include "lib/sdnotify.h"
#include "lib/sha256.h"
#include "lib/source.h"
#include "lib/str.h"
#include "lib/toml.h"
#include "lib/value.h"
#endif
