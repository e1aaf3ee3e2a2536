/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "process.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>

uint64_t process_cpu_ns(pid_t pid)
{
	char path[64 + sizeof(((struct dirent *)NULL)->d_name)];
	uint64_t sum = 0;
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		uint64_t ns;
		FILE *f;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat", (int)pid, entry->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fscanf(f, "%" SCNu64, &ns) == 1)
			sum += ns;
		fclose(f);
	}
	closedir(dir);
	return sum;
}

uint64_t process_private(pid_t pid)
{
	char path[64], line[256];
	uint64_t kb, sum = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Private_Clean: %" SCNu64, &kb) == 1 ||
		    sscanf(line, "Private_Dirty: %" SCNu64, &kb) == 1)
			sum += kb * 1024;
	}
	fclose(f);
	return sum;
}
