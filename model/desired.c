/* Small helpers of the field tables and the desired types. */
#include "model/desired.h"

#include <string.h>

#include "model/field.h"

const char *const role_names[] = { "client", "server", NULL };

struct str field_name_spelling(const char *name)
{
	return (struct str){ name, strcspn(name, "=") };
}

struct str field_name_meaning(const char *name)
{
	size_t n = strcspn(name, "=");
	return str_of(name[n] == '=' ? name + n + 1 : name);
}
