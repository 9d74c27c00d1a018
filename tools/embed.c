/* Prints a C source that holds the given files (cli/templates.h): those below templates/ and those below schemas/ in
 * one table each. The build runs it; the program reads no template at run time. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long embed_bytes(const char *path, int number)
{
	FILE *f = fopen(path, "rb");
	long len = 0;
	int c;

	if (!f) {
		perror(path);
		exit(1);
	}
	printf("static const char file_%d[] = {", number);
	while ((c = getc(f)) != EOF)
		printf("%s%d,", len++ % 32 ? "" : "\n\t", c < 128 ? c : c - 256);
	printf("%s0\n};\n", len ? "" : "\n\t");
	fclose(f);
	return len;
}

static void embed_table(const char *name, const char *folder, int n, char **paths, const long *lens)
{
	size_t skip = strlen(folder);
	int rows = 0;

	printf("const struct template_file %s[] = {\n", name);
	for (int i = 0; i < n; i++) {
		if (strncmp(paths[i], folder, skip) != 0)
			continue;
		printf("\t{ \"%s\", file_%d, %ld },\n", paths[i] + skip, i, lens[i]);
		rows++;
	}
	printf("\t{ NULL, NULL, 0 },\n};\nconst size_t %s_n = %d;\n", name, rows);
}

int main(int argc, char **argv)
{
	int n = argc - 1;
	long *lens = calloc((size_t)argc, sizeof(*lens));

	if (!lens)
		return 1;
	puts("#include \"cli/templates.h\"\n");
	for (int i = 0; i < n; i++)
		lens[i] = embed_bytes(argv[i + 1], i);
	embed_table("template_files", "templates/", n, argv + 1, lens);
	embed_table("schema_files", "schemas/", n, argv + 1, lens);
	free(lens);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
