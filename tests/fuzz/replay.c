/* The main of a fuzz target outside the fuzzer: runs it once over every file it is given, and on the empty input. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static int replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *bytes = NULL;
	size_t len = 0, cap = 0, got;

	if (!f)
		return perror(path), 1;
	do {
		if (len == cap) {
			uint8_t *more = realloc(bytes, cap = cap ? cap * 2 : 4096);
			if (!more)
				abort();
			bytes = more;
		}
		got = fread(bytes + len, 1, cap - len, f);
		len += got;
	} while (got > 0);
	fclose(f);
	/* An exact block, so that a sanitizer sees one byte too far. */
	uint8_t *exact = realloc(bytes, len ? len : 1);
	LLVMFuzzerTestOneInput(exact ? exact : bytes, len);
	free(exact ? exact : bytes);
	return 0;
}

int main(int argc, char **argv)
{
	int failed = 0;

	LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
	for (int i = 1; i < argc; i++)
		failed += replay_file(argv[i]);
	printf("%d inputs\n", argc);
	return failed ? 1 : 0;
}
