/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Replays files through a fuzz target where there is no libFuzzer: each argument is a file or a directory of files. It
 * is linked to one target. Exits 0 when all were read; a target that finds a fault aborts.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/fuzz/ensure.h"

#define INPUT_MAX (1024 * 1024)

static unsigned int replayed;

static int replay_file(const char *path, off_t size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	int err = 0;

	if (!file)
		return -errno;
	if (size > INPUT_MAX) {
		err = -EFBIG;
		goto out;
	}
	/* Just the size of the input, so that a sanitizer sees every octet read too many. */
	data = malloc(size ? (size_t)size : 1);
	if (!data) {
		err = -ENOMEM;
		goto out;
	}
	if (fread(data, 1, (size_t)size, file) != (size_t)size) {
		err = -EIO;
		goto out;
	}
	(void)LLVMFuzzerTestOneInput(data, (size_t)size);
	replayed++;
out:
	free(data);
	fclose(file);
	return err;
}

static int replay_path(const char *path);

static int replay_dir(const char *path)
{
	struct dirent *entry;
	DIR *dir = opendir(path);
	int err = 0;

	if (!dir)
		return -errno;
	while (!err && (entry = readdir(dir))) {
		char name[PATH_MAX];

		if (entry->d_name[0] == '.')
			continue;
		if (snprintf(name, sizeof(name), "%s/%s", path, entry->d_name) >= (int)sizeof(name))
			err = -ENAMETOOLONG;
		else
			err = replay_path(name);
	}
	closedir(dir);
	return err;
}

static int replay_path(const char *path)
{
	struct stat st;
	int err;

	if (stat(path, &st) < 0)
		err = -errno;
	else if (S_ISDIR(st.st_mode))
		return replay_dir(path);
	else
		err = replay_file(path, st.st_size);
	if (err)
		fprintf(stderr, "%s: %s\n", path, strerror(-err));
	return err;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: %s FILE|DIRECTORY...\n", argv[0]);
		return 2;
	}
	for (int i = 1; i < argc; i++) {
		if (replay_path(argv[i]) < 0)
			return 1;
	}
	printf("%u inputs replayed\n", replayed);
	return replayed ? 0 : 1;
}
