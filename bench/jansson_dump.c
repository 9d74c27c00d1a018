/* jansson_dump FILE: the bare parse and dump of a JSON file through jansson, the yardstick for reading and writing. */
#include <jansson.h>

int main(int argc, char **argv)
{
	json_t *v = argc > 1 ? json_load_file(argv[1], 0, NULL) : NULL;

	return !v || json_dumpf(v, stdout, JSON_INDENT(2)) ? 1 : 0;
}
